import { rmSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archive, makeArchiveFolder, retiredElsewhere } from '../../support/archive.ts';
import { formsIn, hashForms, plainForms, type Form } from '../../support/identity-forms.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import { parked } from '../../support/retirement-learner.ts';
import { readTables } from '../../support/tables.ts';

/** In every learner's username, e-mail address or name; in no other text. */
const MARKERS = ['Quokkazephyr', 'Quixoblatt', 'vörzelmark', 'Blivvenstein'];
const folder = makeArchiveFolder();

let stage: RetirementStage;
let forms: readonly Form[];
let retiredForms: readonly Form[];
let before: readonly string[];

beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { archive: { destination: folder.path, batch_size: 2 } } });
  await stage.startWorker();
  const marked = (name: string): { username: string; email: string; name: string } => ({
    username: `Quokkazephyr ${name}`,
    email: `Quixoblatt+${name}@vörzelmark.example`,
    name: `Zäphira Blivvenstein ${name}`,
  });
  const elsewhere = await retiredElsewhere(stage, [marked('elsewhere')]);
  const ours = await stage.ask(['ordinary', 'refused', 'lost'].map(marked));
  const [, refused, lost] = ours;
  if (refused === undefined || lost === undefined) throw new Error('the sandbox did not create everybody');
  await stage.fault({
    path: '/api/discussion',
    username: refused.username,
    status: 400,
    body: { detail: `cannot erase ${refused.username} <${refused.email}> ${refused.name}` },
    times: 1,
  });
  await stage.fault({ path: '/api/discussion', username: lost.username, drop: 'after', times: 1 });
  await stage.collect();
  await parked(stage, refused);
  await stage.workflow(refused.user_id).executeUpdate('resume', { args: ['ENROLLMENTS_COMPLETE'] });
  await Promise.all(ours.map(({ user_id }) => stage.workflow(user_id).result()));
  const everybody = [...elsewhere, ...ours];
  forms = [
    ...MARKERS.flatMap(plainForms),
    ...everybody.flatMap(({ username, email, name }) => [username, email, name].flatMap(hashForms)),
  ];
  retiredForms = await formsOfRetired(ours);
  before = await found();
  expect(await archive(stage)).toMatchObject({ learners: 4, cleaned: 4, forgotten: 4, refused: [] });
}, 120_000);
afterAll(async () => {
  await stage.close();
  rmSync(folder.path, { recursive: true, force: true });
});

/** The names that the LMS gives to the erased are hashes of the names that they had. */
async function formsOfRetired(learners: readonly SandboxLearner[]): Promise<readonly Form[]> {
  const rows = await Promise.all(learners.map(({ user_id }) => stage.row(user_id)));
  return rows.flatMap(({ retiredUsername }) => plainForms(retiredUsername.replace('retired__user_', '')));
}

/** Tables that name somebody. */
async function found(): Promise<readonly string[]> {
  const tables = await readTables(stage.database);
  return tables
    .filter(({ rows }) => formsIn(Buffer.from(rows.join('\n')), [...forms, ...retiredForms]).length > 0)
    .map(({ name }) => name);
}

describe('after the archive', () => {
  it('no table of ours holds any form of a username, e-mail address or name', async () => {
    expect(before).toEqual(['user_retirement_status']);
    expect(await found()).toEqual([]);
  });

  it('what stays are ids, times and receipts', async () => {
    const tables = await readTables(stage.database);
    const rowsOf = (name: string): number | undefined =>
      tables.find((table) => table.name === name)?.rows.length;
    expect(rowsOf('user_retirement_status')).toBe(0);
    expect(rowsOf('archived_retirements')).toBe(4);
    expect(rowsOf('archive_batches')).toBe(2);
    expect(rowsOf('erasure_receipts')).toBe(4);
  });

  it('no file of the archive holds any, packed or unpacked', () => {
    const files = [...folder.files().values()];
    expect(files).toHaveLength(2);
    for (const bytes of files) {
      expect(formsIn(bytes, forms)).toEqual([]);
      expect(formsIn(gunzipSync(bytes), [...forms, ...retiredForms])).toEqual([]);
      expect(gunzipSync(bytes).toString('utf8')).toContain('"username_token":"');
    }
  });

  it('the histories of the archiving workflows hold none', async () => {
    const histories: string[] = [];
    for await (const { workflowId } of stage.temporal.client.workflow.list({
      query: `WorkflowType = 'archiveRetirements'`,
    })) {
      const history = await stage.temporal.client.workflow.getHandle(workflowId).fetchHistory();
      histories.push(JSON.stringify(history));
    }
    const stored = Buffer.from(histories.join('\n'));
    expect(formsIn(stored, plainForms('retirement_archive_'))).not.toEqual([]);
    expect(formsIn(stored, [...forms, ...retiredForms])).toEqual([]);
  });
});
