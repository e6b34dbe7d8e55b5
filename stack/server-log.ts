import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { isNodeError } from './processes.ts';

const MAX_LOG_BYTES = 16 * 1024 * 1024;

/** Opens a server's log for appending and answers its descriptor; a log over 16 MiB is moved aside first. */
export function openServerLog(file: string): number {
  if (sizeOf(file) > MAX_LOG_BYTES) renameSync(file, `${file}.old`);
  return openSync(file, 'a', 0o600);
}

/** Closes this process's copy of the descriptor; the server keeps its own. */
export function closeServerLog(descriptor: number): void {
  closeSync(descriptor);
}

/** What was written to the log since `offset`, at most the last `lines` lines. */
export function logSince(file: string, offset: number, lines = 20): string {
  const text = readFileSync(file).subarray(offset).toString('utf8');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** The log's length in bytes; 0 when there is none. */
export function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    if (isNodeError(error, 'ENOENT')) return 0;
    throw error;
  }
}
