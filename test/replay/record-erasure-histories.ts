// Records histories of what comes after an erasure (later looks, the archive, reports to partners) and of canaries, which
// replay.test.ts replays: `npm run record-histories`, for these alone
//   npm run record-histories -- erasure
// To be run when a change of the workflows' order of commands is meant to be, and the old runs need not go on.
import { createServer } from 'node:http';
import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  ARCHIVE_RETIREMENTS,
  CANARY,
  ERASE_COURSE_USER,
  PARTNER_REPORT,
  probeWorkflowId,
  RERUN_RETIREMENTS,
  RESUME,
  RETIREMENT_TASK_QUEUE,
  retirementWorkflowId,
} from '../../workflows/retirement/contract.ts';
import { moveInLms, retired } from '../support/archive.ts';
import { startBucket, type TestBucket } from '../support/bucket.ts';
import { listenOnLoopback } from '../support/loopback.ts';
import { startOwnTemporal } from '../support/own-temporal.ts';
import { setPartnerStage, type PartnerStage } from '../support/partner-report.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../support/retirement.ts';
import { coolingOffFor, parked } from '../support/retirement-learner.ts';
import {
  newsletterAt,
  pipelineWithNewsletter,
  startSubscriberService,
  type SubscriberService,
} from '../support/subscriber-service.ts';
import { waitFor } from '../support/wait.ts';
import { emptyHistories, keepHistory } from './keep-history.ts';

const FORUM = '/api/discussion/';
const CLEANUP = '/api/user/v1/accounts/retirement_cleanup/';
/** Two batches of the archive have more events. */
const SHORT_HISTORY = 40;
/** Time to bring the learner back before the later look. */
const LATER = 3 / 86_400;
/** Long enough for the canary to see its learner PENDING. */
const COOL_OFF_MS = 5_000;

let stage: PartnerStage;
let service: SubscriberService;
// A folder would put a path of this machine into the histories.
let bucket: TestBucket;
beforeAll(async () => {
  emptyHistories('erasure');
  [service, bucket] = await Promise.all([startSubscriberService(), startBucket()]);
  stage = await setPartnerStage();
  await stage.startWorker();
});
afterAll(async () => {
  await stage.close();
  await service.close();
  await bucket.close();
});

async function keep(name: string, workflowId: string, on: RetirementStage = stage): Promise<void> {
  await keepHistory(on.temporal.client, { domain: 'erasure', name, workflowId });
}

interface Recorded {
  readonly name: string;
  readonly type: string;
  readonly args?: readonly unknown[];
  readonly on?: RetirementStage;
}

/** Runs a workflow to its end, good or bad, and stores its history. */
async function record({ name, type, args = [], on = stage }: Recorded): Promise<unknown> {
  const options = { workflowId: `${name}-recorded`, taskQueue: RETIREMENT_TASK_QUEUE, args: [...args] };
  const handle = await on.temporal.client.workflow.start(type, options);
  try {
    return await handle.result();
  } finally {
    await keep(name, handle.workflowId, on);
  }
}

function archiveTo(batchSize: number, on: RetirementStage = stage): void {
  const { endpoint, credentials } = bucket.destination;
  const access_key_id = credentials?.accessKeyId;
  const secret_access_key = credentials?.secretAccessKey;
  const destination = 's3://reports/archive';
  const archive = { destination, endpoint, access_key_id, secret_access_key, batch_size: batchSize };
  on.configure({ registrar: { archive } });
}

let asked = 0;

async function erased(count: number, on: RetirementStage = stage): Promise<readonly SandboxLearner[]> {
  return retired(
    on,
    Array.from({ length: count }, () => ({ username: `recorded-${(asked += 1)}` })),
  );
}

async function erasedOne(): Promise<SandboxLearner> {
  const [learner] = await erased(1);
  if (learner === undefined) throw new Error('nobody was retired');
  return learner;
}

/** Fails in the way that is meant: another failure would leave another history. */
async function recordFailure(recorded: Recorded, text: string): Promise<void> {
  const error: unknown = await record(recorded).catch((reason: unknown) => reason);
  if (!(error instanceof WorkflowFailedError)) throw new Error(`${recorded.name} did not fail`);
  expect([String(error.cause), String(error.cause?.cause)].join()).toContain(text);
}

it('the archive: counted, in two batches, with an odd one, left unfinished and finished', async () => {
  const type = ARCHIVE_RETIREMENTS;
  archiveTo(2);
  await erased(3);
  const counted = await record({ name: 'archive-dry-run', type, args: [{ dryRun: true }] });
  expect(counted).toMatchObject({ learners: 3, batches: 2 });
  expect(await record({ name: 'archive', type })).toMatchObject({ learners: 3, forgotten: 3 });

  const [odd, ...others] = await erased(3);
  await moveInLms(stage, odd === undefined ? [] : [odd], 'ABORTED');
  const refused = [{ userId: odd?.user_id, because: 'the LMS has ABORTED' }];
  expect(await record({ name: 'archive-odd-one', type })).toMatchObject({ learners: 2, refused });
  expect(await record({ name: 'archive-odd-one-alone', type })).toMatchObject({ batches: [], refused });
  expect(others).toHaveLength(2);

  const left = await erased(2);
  await stage.fault({ path: CLEANUP, status: 403, times: 1 });
  await recordFailure({ name: 'archive-failed', type }, 'answered 403');
  await moveInLms(stage, left.slice(0, 1), 'ERRORED');
  expect(await record({ name: 'archive-of-an-earlier-run', type })).toMatchObject({
    learners: 2,
    cleaned: 1,
  });
});

it('an archive that leaves the rest to the next run', async () => {
  const impatient = await startOwnTemporal({
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': SHORT_HISTORY },
  });
  const elsewhere = await setRetirementStage({}, { temporal: impatient.namespace });
  try {
    archiveTo(1, elsewhere);
    await elsewhere.startWorker();
    await erased(3, elsewhere);
    const result = await record({ name: 'archive-left', type: ARCHIVE_RETIREMENTS, on: elsewhere });
    expect(result).toMatchObject({ learners: 2, left: true });
  } finally {
    await elsewhere.close();
    await impatient.remove();
  }
});

/** Absent = no later look. */
function lookAgainAfter(days?: number): void {
  stage.configure({
    pipeline: pipelineWithNewsletter,
    registrar: {
      canary: true,
      ...(days === undefined ? {} : { probe_after_days: days }),
      services: newsletterAt(service.url),
    },
  });
}

/** The workflow of the later look at the learner's last erasure. */
async function lookAt({ user_id: userId }: SandboxLearner): Promise<string> {
  const { rows } = await stage.database.query<{ sequence: number }>(
    `select sequence from erasure_receipts where user_id = $1 and kind = 'erasure' order by sequence desc limit 1`,
    [userId],
  );
  return probeWorkflowId({ userId, receipt: rows[0]?.sequence ?? 0 });
}

async function found(look: string): Promise<unknown> {
  return stage.temporal.client.workflow.getHandle(look).result();
}

it('a later look, at somebody who stays gone and at somebody who came back', async () => {
  lookAgainAfter(LATER);
  const stays = await erasedOne();
  await keep('complete-and-looked-at-later', retirementWorkflowId(stays.user_id));
  const look = await lookAt(stays);
  expect(await found(look)).toMatchObject({ kind: 'probed' });
  await keep('later-look', look);

  const back = await erasedOne();
  service.bringBack(back.user_id);
  const lookBack = await lookAt(back);
  expect(await found(lookBack)).toMatchObject({ kind: 'came-back' });
  await keep('came-back', lookBack);
  await parked(stage, back);
  lookAgainAfter();
  await stage.workflow(back.user_id).executeUpdate(RESUME, { args: ['LMS_MISC_COMPLETE'] });
  expect(await stage.workflow(back.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  await keep('reopened-and-resumed', retirementWorkflowId(back.user_id));
});

it('a later look that another erasure has overtaken', async () => {
  lookAgainAfter(LATER);
  const learner = await erasedOne();
  const look = await lookAt(learner);
  lookAgainAfter();
  await stage.temporal.client.workflow.execute(RERUN_RETIREMENTS, {
    workflowId: 'rerun-retirements-recorded',
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [{ kind: 'all', userId: learner.user_id }],
  });
  await stage.workflow(learner.user_id).result();
  expect(await found(look)).toMatchObject({ kind: 'superseded' });
  await keep('later-look-overtaken', look);
});

/** A canary's learner is named after the second in which it began: each canary is to have its own. */
async function canary(name: string): Promise<Recorded> {
  const last = new Date().toISOString().slice(0, 19);
  await waitFor(() => new Date().toISOString().slice(0, 19) !== last, { what: 'the next second' });
  return { name, type: CANARY };
}

it('canaries of the sandbox', async () => {
  stage.configure({ registrar: { canary: true } });
  expect(await record(await canary('canary'))).toHaveProperty('receipt');
  await stage.fault({ path: FORUM, status: 403, body: 'no key', times: 1 });
  await recordFailure(await canary('canary-failed'), 'is ERRORED at RETIRING_FORUMS');
  stage.configure({ registrar: { canary: false } });
  await recordFailure(await canary('canary-refused'), 'registrar.canary is not true');
  service.forgetNobody();
  lookAgainAfter();
  await recordFailure(await canary('canary-still-known'), 'is still-there');
  const late = { canary: true, cool_off_days: 0, deadline_days: 0, retry_budget: '10m' };
  stage.configure({ registrar: late });
  await stage.fault({ path: FORUM, status: 503 });
  await recordFailure(await canary('canary-overdue'), 'was to be erased by');
  await stage.clearFaults();
});

it('a canary that cools off', async () => {
  const server = createServer((request, response) => {
    const username = request.url?.split('/').at(-1) ?? '';
    void stage
      .ask([{ username, ...coolingOffFor(COOL_OFF_MS) }])
      .then(() => response.writeHead(201).end())
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  const { url, close } = await listenOnLoopback(server);
  try {
    const create_learner = { verb: 'POST', path: '/{original_username}' };
    const services = { CANARY: { base_url: url, methods: { create_learner } } };
    stage.configure({ registrar: { canary: true, services } });
    expect(await record(await canary('canary-cooled-off'))).toHaveProperty('receipt');
  } finally {
    await close();
  }
});

it('reports to partners: of somebody, of nobody, and one that is stopped', async () => {
  const type = PARTNER_REPORT;
  await stage.reset();
  await stage.retire([
    { username: 'recorded-1001', orgs: ['AcmeX'] },
    { username: 'recorded-1002', orgs: ['BorealisX'] },
  ]);
  expect(await record({ name: 'partner-report', type })).toMatchObject({ learners: 2, files: 3 });
  expect(await record({ name: 'partner-report-of-nobody', type })).toMatchObject({ batches: [], files: 0 });
  await stage.retire([{ username: 'recorded-1003', orgs: ['ZetaX'] }]);
  await recordFailure({ name: 'partner-report-stopped', type }, 'no partner for ZetaX');
});

it('somebody who leaves the statistics, when their retirement is past that', async () => {
  const userId = 1;
  await stage.database.query(`insert into users (username, lms_user_id) values ('recorded-1004', $1)`, [
    userId,
  ]);
  expect(
    await record({ name: 'erase-course-user', type: ERASE_COURSE_USER, args: [{ userId }] }),
  ).toHaveProperty('outcome');
});
