import type { Command } from 'commander';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';
import type { Session } from './session.ts';

/** What every command works with. */
export interface Tools {
  readonly session: Session;
  readonly output: Output;
  readonly progress: Progress;
}

/**
 * Runs a command's work with its tools, and closes them. A number that it returns is the exit status, nothing is 0, and a
 * throw is told in a line.
 */
export type Run = (command: Command, work: (tools: Tools) => Promise<number | void>) => Promise<void>;

/** Examples under a command's help. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  $ ${line}`)].join('\n');
}
