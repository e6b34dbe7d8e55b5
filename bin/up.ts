import { compose } from './compose.ts';

export interface UpOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sandbox: boolean;
  readonly json: boolean;
}

/** `registrar up`: runs until SIGINT or SIGTERM. Returns the exit status. */
export async function up({ env, sandbox, json }: UpOptions): Promise<number> {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const interrupted = untilInterrupted();
  const product = await compose({
    env,
    sandbox: sandbox ? { configurationName: 'registrar.yml', registrar: {} } : undefined,
    log,
  });
  void product.ready.then(() => {
    if (json) process.stdout.write(`${JSON.stringify(product.environment)}\n`);
    else log('Ready. Stop with Ctrl-C; `registrar env` prints how to reach everything.');
  });
  await interrupted;
  log('Stopping…');
  await product.stop();
  return 0;
}

export function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
