import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('./histories', import.meta.url));

export interface HistoryEvent {
  readonly eventType: string;
  readonly [attributes: string]: unknown;
}

export interface StoredHistory {
  readonly workflowId: string;
  readonly events: readonly HistoryEvent[];
}

/** Of all histories: `retirement/…` and `timeslices/…`. */
export const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length).replaceAll(path.sep, '/'));

function readText(name: string): string {
  return readFileSync(path.join(FOLDER, `${name}.json`), 'utf8');
}

export function readHistory(name: string): StoredHistory {
  return JSON.parse(readText(name)) as StoredHistory;
}

/** What the payloads say in the place of their encoded form. */
export function readDecoded(name: string): string {
  const decode = (key: string, value: unknown): unknown =>
    key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString() : value;
  return JSON.stringify(JSON.parse(readText(name), decode), null, 1);
}
