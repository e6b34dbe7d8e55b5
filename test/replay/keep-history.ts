import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

const FOLDER = fileURLToPath(new URL('./histories', import.meta.url));

/** A folder each, which only the domain's own recorder empties: one can be recorded anew without the others. */
export type RecordedDomain = 'retirement' | 'erasure' | 'timeslices';

/** Removes what was recorded before. */
export function emptyHistories(domain: RecordedDomain): void {
  const folder = path.join(FOLDER, domain);
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) rmSync(path.join(folder, file));
}

export interface KeptRun {
  readonly domain: RecordedDomain;
  /** Of the file, without its ending. */
  readonly name: string;
  readonly workflowId: string;
  /** Default: the last. */
  readonly runId?: string | undefined;
}

/** Stores the history of a run as it is now, without what names the machine. */
export async function keepHistory(
  client: Client,
  { domain, name, workflowId, runId }: KeptRun,
): Promise<void> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const scrubbed = scrub(JSON.parse(historyToJSON(history)));
  writeFileSync(
    path.join(FOLDER, domain, `${name}.json`),
    `${JSON.stringify({ workflowId, ...asRecord(scrubbed) }, null, 1)}\n`,
  );
}

/** Takes out paths in stack traces, and `pid@host`. No replay looks at either. */
function scrub(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(scrub);
  if (typeof value === 'string') return value.replace(/\d+@[\w.-]+/g, 'recorder');
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'stackTrace');
  return Object.fromEntries(kept.map(([key, inner]) => [key, scrub(inner)]));
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Error('a history is an object');
  return { ...value };
}
