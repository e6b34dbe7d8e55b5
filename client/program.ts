import { Command, CommanderError } from 'commander';
import { addCourseCommands } from './course/commands.ts';
import type { Environment } from './database.ts';
import { addDeploymentCommands } from './deployment/commands.ts';
import { addDoctorCommand } from './doctor/commands.ts';
import { createOutput } from './output.ts';
import { createProgress } from './progress.ts';
import { addReceiptCommands } from './receipts/commands.ts';
import { addRetirementCommands } from './retirement/commands.ts';
import { findControl, plainLine } from './plain-text.ts';
import { openSession } from './session.ts';
import { addSetupCommand } from './setup/commands.ts';
import { addStackCommands, type Processes } from './stack-commands.ts';
import { examples, type Run } from './tools.ts';
import { toOperationError } from './translate-error.ts';

export interface CommandLine {
  readonly env: Environment;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly isTerminal: boolean;
  readonly processes: Processes;
}

/** Runs one command line (without `node` and the script) and returns its exit status: 0 to 4, see the README. */
export async function runCommandLine(argv: readonly string[], line: CommandLine): Promise<number> {
  const odd = argv.findIndex((word) => findControl(word) !== undefined);
  if (odd >= 0) {
    const what = findControl(argv[odd] ?? '') ?? '';
    line.stderr.write(`registrar: argument ${odd + 1} holds the control character ${what}: leave it out\n`);
    return WRONG_USAGE;
  }
  let status = 0;
  const program = createProgram(line, (outcome) => {
    status = outcome;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    line.stderr.write(`${plainLine(usageLine(program, argv, error))}\n`);
    return WRONG_USAGE;
  }
}

const WRONG_USAGE = 2;

function createProgram(line: CommandLine, end: (status: number) => void): Command {
  const { stdout, env, isTerminal } = line;
  const program = new Command('registrar')
    .description('Durable workflows for learning platforms: user retirement and course statistics')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHasColors: () => isTerminal && !env['NO_COLOR'],
    })
    .addHelpText(
      'after',
      [
        '',
        'Exit status: 0 done, 1 failed, 2 wrong usage (also a WHO that could be several people), 3 not found, 4 refused.',
        'Without DATABASE_URL and TEMPORAL_ADDRESS, commands use the stack that `registrar up` runs here.',
        examples('registrar up --sandbox', 'registrar retirement list --state ERRORED'),
      ].join('\n'),
    );
  const run = createRun(line, end);
  addStackCommands(program, run, line.processes);
  addSetupCommand(program, run);
  addDoctorCommand(program, run);
  addDeploymentCommands(program, run);
  addRetirementCommands(program, run);
  addReceiptCommands(program, run);
  addCourseCommands(program, run);
  for (const command of [program, ...allCommands(program)]) {
    command.option('--json', 'one JSON document on standard output, and nothing else there');
  }
  return program;
}

function allCommands(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

function createRun(line: CommandLine, end: (status: number) => void): Run {
  const { stdout, stderr, env, isTerminal } = line;
  return async (command, work) => {
    const json = command.optsWithGlobals<{ json?: boolean }>().json === true;
    const colours = isTerminal && !env['NO_COLOR'];
    const session = openSession(env);
    const tools = {
      session,
      output: createOutput({ stdout, stderr, json, isTerminal, colours }),
      progress: createProgress(isTerminal && !json ? stderr : undefined),
    };
    try {
      end((await work(tools)) ?? 0);
    } catch (error) {
      const failure = toOperationError(error);
      for (const text of failure.message.split('\n')) stderr.write(`registrar: ${plainLine(text)}\n`);
      end(failure.exitStatus);
    } finally {
      await session.close();
    }
  };
}

/** Commander's message in one line, with where to read more. */
function usageLine(program: Command, argv: readonly string[], error: CommanderError): string {
  const path = [program.name()];
  let command = program;
  for (const word of argv) {
    const child = command.commands.find((candidate) => candidate.name() === word);
    if (child === undefined) continue;
    path.push(word);
    command = child;
  }
  const said =
    error.code === 'commander.help'
      ? 'no command given'
      : error.message
          .replace(/^error: /, '')
          .replace(/\s+/g, ' ')
          .trim();
  return `registrar: ${said}; see \`${path.join(' ')} --help\``;
}
