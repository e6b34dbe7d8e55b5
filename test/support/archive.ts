import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ArchiveInput, ArchivedResult, CountedResult } from '../../domain/retirement/archive.ts';
import { ARCHIVE_RETIREMENTS, RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { createOtherDriver } from './other-driver.ts';
import type { NewLearner, RetirementStage, SandboxLearner } from './retirement.ts';

export interface ArchiveFolder {
  readonly path: string;
  /** Files by their keys, in order; those that are not finished too. */
  files(): ReadonlyMap<string, Buffer>;
  /** Lines of all files. */
  lines(): readonly string[];
  /** What the lines say, of all files. */
  records(): readonly Readonly<Record<string, unknown>>[];
}

/** A folder for archives. Whoever makes it removes it. */
export function makeArchiveFolder(): ArchiveFolder {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-archive-'));
  const files = (): ReadonlyMap<string, Buffer> =>
    new Map(
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name))
        .toSorted()
        .map((file) => [path.relative(folder, file), readFileSync(file)] as const),
    );
  const lines = (): readonly string[] =>
    [...files().values()].flatMap((bytes) => gunzipSync(bytes).toString('utf8').split('\n').slice(0, -1));
  const records = (): readonly Readonly<Record<string, unknown>>[] =>
    lines().map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  return { path: folder, files, lines, records };
}

let runs = 0;

/** One run of the archive; throws what it failed with. */
export async function archive(stage: RetirementStage): Promise<ArchivedResult> {
  return (await execute(stage, {})) as ArchivedResult;
}

export async function countArchivable(stage: RetirementStage): Promise<CountedResult> {
  return (await execute(stage, { dryRun: true })) as CountedResult;
}

async function execute(stage: RetirementStage, input: ArchiveInput): Promise<unknown> {
  return stage.temporal.client.workflow.execute(ARCHIVE_RETIREMENTS, {
    workflowId: `archive-retirements-${(runs += 1)}`,
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [input],
  });
}

/** Learners whom the product has retired. */
export async function retired(
  stage: RetirementStage,
  learners: readonly NewLearner[],
): Promise<readonly SandboxLearner[]> {
  const asked = await stage.ask(learners);
  await stage.collect();
  await Promise.all(asked.map(({ user_id }) => stage.workflow(user_id).result()));
  return asked;
}

/** Learners whom another driver has retired, as far as the LMS's queue tells. */
export async function retiredElsewhere(
  stage: RetirementStage,
  learners: readonly NewLearner[],
): Promise<readonly SandboxLearner[]> {
  const asked = await stage.ask(learners);
  await moveInLms(stage, asked, 'COMPLETE');
  return asked;
}

/** Moves learners in the LMS's queue, in any direction, as an admin does. */
export async function moveInLms(
  stage: RetirementStage,
  learners: readonly SandboxLearner[],
  state: string,
): Promise<void> {
  const admin = createOtherDriver(stage.lmsUrl);
  for (const { username } of learners) await admin.move(username, state);
  await admin.close();
}

/** Of whom nothing is left but one line of the archive. */
export const GONE = { here: false, lms: null, lines: 1 } as const;

/** How far everybody is: in our tables, in the LMS, and in how many lines of the archive. */
export async function whereabouts(
  stage: RetirementStage,
  folder: ArchiveFolder,
  learners: readonly SandboxLearner[],
): Promise<readonly { readonly here: boolean; readonly lms: unknown; readonly lines: number }[]> {
  const { rows } = await stage.database.query<{ id: number }>(
    'select user_id as id from user_retirement_status',
  );
  const here = new Set(rows.map(({ id }) => id));
  const records = folder.records();
  return Promise.all(
    learners.map(async ({ user_id, username }) => ({
      here: here.has(user_id),
      lms: (await stage.lms(username))['current_state'] ?? null,
      lines: records.filter((record) => record['user_id'] === user_id).length,
    })),
  );
}
