import { Option, type Command } from 'commander';
import { RETIREMENT_TASK_QUEUE } from '../workflows/retirement/contract.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../workflows/timeslices/contract.ts';
import { notFound } from './operation-error.ts';
import { examples, type Run } from './tools.ts';

/** The stack of this REGISTRAR_HOME, as `up` wrote it down. */
export type StackView =
  | { readonly kind: 'none' }
  /** Its worker does not take tasks yet. */
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly environment: Readonly<Record<string, string>> };

/** The long-running processes, which are put together elsewhere. */
export interface Processes {
  up(options: { readonly sandbox: boolean; readonly json: boolean }): Promise<number>;
  worker(options: { readonly taskQueues: readonly string[] }): Promise<void>;
  stack(): StackView;
}

const TASK_QUEUES = [RETIREMENT_TASK_QUEUE, TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE] as const;

/** `up`, `env` and `worker`. */
export function addStackCommands(program: Command, run: Run, processes: Processes): void {
  program
    .command('up')
    .description('PostgreSQL, Temporal, migrations and worker in the foreground; data survive a restart')
    .option('--sandbox', 'with the sandbox LMS and two sandbox wikis')
    .addHelpText('after', examples('registrar up', 'registrar up --sandbox'))
    .action(({ sandbox = false }: { readonly sandbox?: boolean }, command: Command) =>
      run(command, ({ output }) => processes.up({ sandbox, json: output.json })),
    );

  program
    .command('env')
    .description('print the export lines for the running stack')
    .option('--sandbox', 'insist on a stack with the sandbox')
    .addHelpText('after', examples('eval "$(registrar env)"'))
    .action(({ sandbox }: { readonly sandbox?: boolean }, command: Command) =>
      run(command, async ({ output }) => {
        const stack = processes.stack();
        if (stack.kind === 'none') {
          throw notFound('no stack of this REGISTRAR_HOME runs: start one with `registrar up`');
        }
        if (stack.kind === 'starting') {
          throw notFound('the stack is starting, its worker is not ready yet: try again in a moment');
        }
        if (sandbox && stack.environment['LMS_URL'] === undefined) {
          throw notFound('the stack runs without the sandbox: stop it and start `registrar up --sandbox`');
        }
        output.document(stack.environment);
        for (const [name, value] of Object.entries(stack.environment)) {
          output.line(`export ${name}=${quoted(value)}`);
        }
      }),
    );

  program
    .command('worker')
    .description('the worker alone, until SIGINT or SIGTERM')
    .addOption(
      new Option('--task-queue <name...>', 'work only for these; default all')
        .choices(TASK_QUEUES)
        .default(TASK_QUEUES),
    )
    .addHelpText(
      'after',
      examples(
        'DATABASE_URL=… TEMPORAL_ADDRESS=… registrar worker',
        'registrar worker --task-queue timeslices wiki',
      ),
    )
    .action(({ taskQueue }: { readonly taskQueue: readonly string[] }, command: Command) =>
      run(command, () => processes.worker({ taskQueues: taskQueue })),
    );
}

/** A word for a POSIX shell. */
function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
