import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProbeErasureResult } from '../../../workflows/retirement/contract.ts';
import { countArchivable } from '../../support/archive.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import { ask, begin, parked, responsesOf } from '../../support/retirement-learner.ts';
import {
  newsletterAt,
  pipelineWithNewsletter,
  startSubscriberService,
  type SubscriberService,
} from '../../support/subscriber-service.ts';
import { waitFor } from '../../support/wait.ts';

const SECOND = 1 / 86_400;

let service: SubscriberService;
let stage: RetirementStage;
beforeAll(async () => {
  service = await startSubscriberService();
  stage = await setRetirementStage();
  lookAgainAfter(1 * SECOND);
  await stage.startWorker();
});
afterAll(async () => {
  await stage.close();
  await service.close();
});

function lookAgainAfter(days: number | undefined): void {
  stage.configure({
    pipeline: pipelineWithNewsletter,
    registrar: {
      retry_budget: '20s',
      ...(days === undefined ? {} : { probe_after_days: days }),
      archive: { destination: './archive', after_days: 1 },
      services: newsletterAt(service.url),
    },
  });
}

interface StoredReceipt {
  readonly sequence: number;
  readonly kind: string;
  readonly body: {
    readonly of?: number;
    readonly probes: readonly { readonly stage: string; readonly result: string }[];
  };
}

async function receiptsOf({ user_id }: SandboxLearner): Promise<readonly StoredReceipt[]> {
  const { rows } = await stage.database.query<StoredReceipt>(
    'select sequence, kind, body::jsonb as body from erasure_receipts where user_id = $1 order by sequence',
    [user_id],
  );
  return rows;
}

async function complete(username: string): Promise<SandboxLearner> {
  const learner = await begin(stage, username);
  expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  return learner;
}

async function laterLook({ user_id }: SandboxLearner, receipt: number): Promise<ProbeErasureResult> {
  const id = `retirement-${user_id}/probe-${receipt}`;
  return (await stage.temporal.client.workflow.getHandle(id).result()) as ProbeErasureResult;
}

const found = (result: string): object => [{ stage: 'RETIRING_COURSE_STATS', result }];

describe('a stage that declares how to verify it', () => {
  it('is asked after COMPLETE and once more later, and both answers are in receipts', async () => {
    const learner = await complete('stays gone');
    const [receipt] = await receiptsOf(learner);
    expect(receipt?.body.probes).toMatchObject(found('gone'));
    expect(await laterLook(learner, receipt?.sequence ?? 0)).toEqual({
      kind: 'probed',
      results: found('gone'),
    });
    const [, later] = await receiptsOf(learner);
    expect(later).toMatchObject({ kind: 'probe', body: { of: receipt?.sequence, probes: found('gone') } });
    expect(service.asked.filter((asked) => asked.endsWith(` ${learner.user_id}`))).toEqual([
      `DELETE ${learner.user_id}`,
      `GET ${learner.user_id}`,
      `GET ${learner.user_id}`,
    ]);
    expect((await stage.row(learner.user_id)).currentState).toBe('COMPLETE');
  });

  it('whose learner came back opens the retirement again, ERRORED at that stage', async () => {
    // Long enough for them to come back meanwhile.
    lookAgainAfter(6 * SECOND);
    const learner = await complete('comes back');
    service.bringBack(learner.user_id);
    const [receipt] = await receiptsOf(learner);
    expect(await laterLook(learner, receipt?.sequence ?? 0)).toEqual({
      kind: 'came-back',
      results: found('came-back'),
      stage: 'RETIRING_COURSE_STATS',
    });
    await parked(stage, learner);
    expect(await stage.status(learner.user_id)).toMatchObject({
      stage: 'RETIRING_COURSE_STATS',
      cause: { what: expect.stringContaining('knows the learner again') as string },
      resumableFrom: expect.arrayContaining(['LMS_MISC_COMPLETE']) as string[],
    });
    lookAgainAfter(undefined);
    await stage.workflow(learner.user_id).executeUpdate('resume', { args: ['LMS_MISC_COMPLETE'] });
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await stage.lms(learner.username)).toMatchObject({ current_state: 'COMPLETE' });
    expect((await receiptsOf(learner)).map(({ kind, body }) => [kind, body.probes[0]?.result])).toEqual([
      ['erasure', 'gone'],
      ['probe', 'came-back'],
      ['erasure', 'gone'],
    ]);
    lookAgainAfter(1 * SECOND);
  });

  it('is asked again when it gives no answer', async () => {
    service.answerNext('GET', 503);
    const learner = await complete('asked twice');
    expect((await receiptsOf(learner))[0]?.body.probes).toMatchObject(found('gone'));
    expect(await responsesOf(stage, learner, 'COMPLETE: every stage')).toHaveLength(1);
  });

  it('keeps nobody from being COMPLETE by an answer that does not tell', async () => {
    service.answerNext('GET', 403);
    const learner = await complete('not told');
    expect((await receiptsOf(learner))[0]?.body.probes).toMatchObject(found('unknown'));
  });

  it('keeps nobody from being COMPLETE by never answering', { timeout: 90_000 }, async () => {
    const learner = await ask(stage, 'hangs');
    service.hangAbout(learner.user_id);
    await stage.collect();
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect((await receiptsOf(learner))[0]?.body.probes).toMatchObject(found('unknown'));
  });

  it('is not asked later about a learner who goes through the pipeline again', async () => {
    // Long enough for the rerun to begin meanwhile.
    lookAgainAfter(8 * SECOND);
    const learner = await complete('run again');
    const [receipt] = await receiptsOf(learner);
    lookAgainAfter(undefined);
    await stage.temporal.client.workflow.execute('rerunRetirements', {
      workflowId: `rerun-${learner.user_id}`,
      taskQueue: 'retirement',
      args: [{ kind: 'all', userId: learner.user_id }],
    });
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await laterLook(learner, receipt?.sequence ?? 0)).toMatchObject({ kind: 'superseded' });
    expect((await receiptsOf(learner)).map(({ kind }) => kind)).toEqual(['erasure', 'erasure']);
    lookAgainAfter(1 * SECOND);
  });

  it('is asked once more before the learner is archived', async () => {
    lookAgainAfter(1 / 24);
    await complete('not archived yet');
    const reason = 'the services are to be asked about the erasure once more';
    expect(JSON.stringify((await countArchivable(stage)).held)).toContain(reason);
    lookAgainAfter(1 * SECOND);
  });

  it('that never forgot is written down as such, and opens nothing', async () => {
    service.forgetNobody();
    const learner = await complete('never gone');
    const [receipt] = await receiptsOf(learner);
    expect(receipt?.body.probes).toMatchObject(found('still-there'));
    expect(await laterLook(learner, receipt?.sequence ?? 0)).toEqual({
      kind: 'probed',
      results: found('still-there'),
    });
    await waitFor(async () => (await receiptsOf(learner)).length === 2, { what: 'the later receipt' });
    expect((await stage.row(learner.user_id)).currentState).toBe('COMPLETE');
    expect(JSON.stringify((await countArchivable(stage)).held)).toContain('a service knew the learner');
  });
});
