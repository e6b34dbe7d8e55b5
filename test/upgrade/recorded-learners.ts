import type { Client } from '@temporalio/client';
import type { Queryable } from '../../db/database.ts';
import { retirementWorkflowId } from '../../workflows/retirement/contract.ts';
import { waitFor } from '../support/wait.ts';
import type { RecordedProduct } from './recorded-product.ts';
import type { Part, RecordedLearner } from './release-manifest.ts';

const CLEANUP = '/api/user/v1/accounts/retirement_cleanup/';
const FORGET_REPORT = '/api/user/v1/accounts/retirement_partner_report_cleanup/';
const FORUM = '/api/discussion/';
const NOTES = '/api/edxnotes/';
const COOL_OFF_MS = 7 * 86_400_000;
const YEARS_MS = 10 * 365 * 86_400_000;
/** The cooling-off of the last one ends when everything is stopped. */
const SOON_MS = 60_000;

export interface RecordedStage {
  readonly product: RecordedProduct;
  readonly database: Queryable;
  readonly client: Client;
}

async function ask(
  { product }: RecordedStage,
  username: string,
  requestedAtMs = Date.parse('2026-01-05T10:00:00Z'),
): Promise<Omit<RecordedLearner, 'part'>> {
  const email = `${username}@example.com`;
  const requested_at = new Date(requestedAtMs).toISOString();
  const answer = await product.lms('POST', '/_sandbox/learners', [
    { username, email, name: `Name of ${username}`, requested_at },
  ]);
  const [made] = answer as readonly { readonly user_id: number }[];
  return { userId: made?.user_id ?? 0, username, email };
}

async function part(
  stage: RecordedStage,
  name: Part,
  requestedAtMs?: number,
  username: string = name,
): Promise<RecordedLearner> {
  return { part: name, ...(await ask(stage, username, requestedAtMs)) };
}

async function reaches(
  { database }: RecordedStage,
  state: string,
  ...learners: readonly RecordedLearner[]
): Promise<void> {
  const ids = learners.map(({ userId }) => userId);
  await waitFor(
    async () => {
      const { rows } = await database.query<{ state: string }>(
        'select current_state as state from user_retirement_status where user_id = any($1::bigint[])',
        [ids],
      );
      return rows.length === ids.length && rows.every((row) => row.state === state);
    },
    { what: `${learners.map(({ username }) => username).join(', ')} to be ${state}`, timeoutMs: 120_000 },
  );
}

/** Two whom the archive has written down, and whose clean-up the LMS refused. */
export async function archiveHalf(stage: RecordedStage): Promise<readonly RecordedLearner[]> {
  const learners = [
    await part(stage, 'archived', undefined, 'archived-1'),
    await part(stage, 'archived', undefined, 'archived-2'),
  ];
  await stage.product.json('retirement', 'collect');
  await reaches(stage, 'COMPLETE', ...learners);
  await stage.product.lms('POST', '/_sandbox/faults', { path: CLEANUP, status: 403, times: 1 });
  const { status, stderr } = await stage.product.registrar('retirement', 'archive');
  if (status !== 1 || !stderr.includes('403')) throw new Error(`the archive did not fail: ${stderr}`);
  return learners;
}

/** Those who do not move any more before everything is stopped. */
export async function settle(stage: RecordedStage): Promise<readonly RecordedLearner[]> {
  const { product } = stage;
  const complete = await part(stage, 'complete');
  const errored = await part(stage, 'errored');
  const cancelled = await part(stage, 'cancelled', Date.now());
  const forYears = await part(stage, 'cooling-for-years', Date.now() + YEARS_MS);
  await product.lms('POST', '/_sandbox/faults', {
    path: FORUM,
    username: errored.username,
    status: 403,
    body: 'no key',
    times: 1,
  });
  await product.json('retirement', 'collect');
  await reaches(stage, 'COMPLETE', complete);
  await reaches(stage, 'ERRORED', errored);
  // No list of the LMS names somebody whose request lies in the future.
  await product.json('retirement', 'start', forYears.username);
  await reaches(stage, 'PENDING', cancelled, forYears);
  await product.json('retirement', 'cancel', cancelled.email);
  await reaches(stage, 'ABORTED', cancelled);
  return [complete, errored, cancelled, forYears];
}

/** A report that was delivered, and whose rows the LMS did not forget. */
export async function keepReport({ product, database }: RecordedStage): Promise<void> {
  await product.lms('POST', '/_sandbox/faults', { path: FORGET_REPORT, status: 403, times: 1 });
  const { status, stderr } = await product.registrar('retirement', 'report');
  if (status !== 1 || !stderr.includes('403')) throw new Error(`the report did not fail: ${stderr}`);
  const { rowCount } = await database.query('select from partner_report_rows');
  if (rowCount === 0) throw new Error('the report kept nobody');
}

/** Those who must be met in the middle, as the last before everything is stopped. */
export async function setInMotion(stage: RecordedStage): Promise<readonly RecordedLearner[]> {
  const { product, client } = stage;
  const retrying = await part(stage, 'retrying');
  const cooling = await part(stage, 'cooling', Date.now() - COOL_OFF_MS + SOON_MS);
  await product.lms('POST', '/_sandbox/faults', { path: NOTES, username: retrying.username, status: 500 });
  await product.json('retirement', 'collect');
  await waitFor(
    async () => {
      const { raw } = await client.workflow.getHandle(retirementWorkflowId(retrying.userId)).describe();
      return (raw.pendingActivities ?? []).some(({ attempt }) => Number(attempt) > 1);
    },
    { what: 'a stage to be tried again' },
  );
  await reaches(stage, 'PENDING', cooling);
  return [retrying, cooling, await part(stage, 'uncollected')];
}
