/** Where progress is shown; `process.stderr` fits. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Shows how long `work` has lasted while it lasts: in place on a terminal, else a line every 15 seconds. */
export async function showElapsed<Result>(
  output: ProgressOutput,
  what: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const startedAt = Date.now();
  const text = (): string => `${what}: ${Math.round((Date.now() - startedAt) / 1000)} s`;
  const show = (): void => {
    output.write(output.isTTY ? `\r${text()} ` : `${text()}\n`);
  };
  const timer = setInterval(show, output.isTTY ? 1_000 : 15_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (output.isTTY) output.write(`\r${' '.repeat(text().length + 1)}\r`);
  }
}
