import { Writable } from 'node:stream';
import { runCommandLine } from '../../client/program.ts';
import type { Processes, StackView } from '../../client/stack-commands.ts';
import type { RetirementStage } from '../support/retirement.ts';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as the one JSON document that it must be. */
  json(): unknown;
}

export interface Settings {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stack?: StackView;
  readonly isTerminal?: boolean;
  readonly processes?: Partial<Processes>;
}

/** Runs the command line in this process, with nothing of the real environment. */
export async function registrar(argv: readonly string[], settings: Settings = {}): Promise<Ran> {
  const [stdout, stderr] = [collector(), collector()];
  const status = await runCommandLine(argv, {
    env: settings.env ?? {},
    stdout: stdout.stream,
    stderr: stderr.stream,
    isTerminal: settings.isTerminal ?? false,
    processes: {
      up: () => Promise.reject(new Error('up was not to be run')),
      worker: () => Promise.reject(new Error('worker was not to be run')),
      stack: () => settings.stack ?? { kind: 'none' },
      ...settings.processes,
    },
  });
  return {
    status,
    stdout: stdout.text(),
    stderr: stderr.text(),
    json: () => JSON.parse(stdout.text()) as unknown,
  };
}

/** The environment by which a command finds the servers of a stage. */
export function environmentOf(stage: RetirementStage): Readonly<Record<string, string>> {
  return {
    DATABASE_URL: stage.databaseUrl,
    TEMPORAL_ADDRESS: stage.temporal.address,
    TEMPORAL_NAMESPACE: stage.temporal.namespace,
    TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml',
    REGISTRAR_CONFIG: stage.configurationPath,
  };
}

/** The lines of standard error. */
export function complaints({ stderr }: Ran): readonly string[] {
  return stderr.split('\n').filter((line) => line !== '');
}

function collector(): { readonly stream: Writable; text(): string } {
  let collected = '';
  const stream = new Writable({
    write(chunk: Buffer | string, _encoding, done) {
      collected += chunk.toString();
      done();
    },
  });
  return { stream, text: () => collected };
}
