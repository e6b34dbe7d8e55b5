import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxPipeline } from '../../../sandbox/lms/pipeline.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import {
  ask,
  countRequests,
  detailsOf,
  expectErasedOnce,
  responsesOf,
  storedText,
} from '../../support/retirement-learner.ts';

const endStates = sandboxPipeline.map(([, endState]) => endState);

let stage: RetirementStage;
let learner: SandboxLearner;
beforeAll(async () => {
  stage = await setRetirementStage();
  await stage.startWorker();
  learner = await ask(stage, 'zebulon', { orgs: ['edX'], name: 'Zebulon Quartermain' });
  await stage.control('DELETE', '/_sandbox/requests');
  expect(await stage.collect()).toEqual({ listed: 1, started: 1, running: 0, left: 0 });
  await stage.workflow(learner.user_id).result();
});
afterAll(() => stage.close());

describe('a retirement without trouble', () => {
  it('ends COMPLETE, with every effect exactly once', async () => {
    await expectErasedOnce(stage, learner);
    expect(await stage.workflow(learner.user_id).result()).toEqual({
      userId: learner.user_id,
      outcome: 'COMPLETE',
      reason: 'every stage of the pipeline is done',
      completedStages: endStates,
    });
  });

  it('passes the states of the pipeline in order', async () => {
    const passed = String((await stage.lms(learner.username))['responses'])
      .split('\n')
      .flatMap((line) => /^ Moved from \S+ \(step \d+\) to (\S+) /.exec(line)?.[1] ?? []);
    expect(passed).toEqual([...sandboxPipeline.flatMap(([start, end]) => [start, end]), 'COMPLETE']);
  });

  it('is written down line by line in user_retirement_status', async () => {
    const row = await stage.row(learner.user_id);
    expect(row).toMatchObject({
      currentState: 'COMPLETE',
      lastState: 'LMS_COMPLETE',
      completedStages: endStates,
      lastFailure: null,
    });
    expect(await responsesOf(stage, learner, ':')).toEqual([
      'RETIRING_ENROLLMENTS: begun',
      'ENROLLMENTS_COMPLETE: LMS.retirement_unenroll answered 200 ["edX"]',
      'RETIRING_FORUMS: begun',
      'FORUMS_COMPLETE: LMS.retirement_retire_forum answered 204',
      'RETIRING_NOTES: begun',
      'NOTES_COMPLETE: LMS.retirement_retire_notes answered 204',
      'RETIRING_PROCTORING: begun',
      'PROCTORING_COMPLETE: LMS.retirement_retire_proctoring_data answered 204',
      'ADDING_TO_PARTNER_QUEUE: begun',
      'PARTNER_QUEUE_COMPLETE: LMS.retirement_partner_queue answered 204',
      'RETIRING_LMS_MISC: begun',
      'LMS_MISC_COMPLETE: LMS.retirement_lms_retire_misc answered 204',
      'RETIRING_LMS: begun',
      'LMS_COMPLETE: LMS.retirement_lms_retire answered 204',
      'COMPLETE: every stage of the pipeline is done',
    ]);
  });

  it('asks the LMS three times a stage and twice more', async () => {
    const [all, tokens, queue] = await Promise.all(
      ['', 'POST /oauth2/', 'GET /api/user/v1/accounts/retirement_queue/'].map((request) =>
        countRequests(stage, request),
      ),
    );
    expect((all ?? 0) - (tokens ?? 0) - (queue ?? 0)).toBe(3 * sandboxPipeline.length + 2);
    expect(tokens).toBe(1);
  });

  it('shows where it stands in the list of workflows', async () => {
    const { searchAttributes, status } = await stage.workflow(learner.user_id).describe();
    expect(status.name).toBe('COMPLETED');
    expect(searchAttributes).toMatchObject({
      RetirementState: ['COMPLETE'],
      RetirementDueAt: [(await stage.row(learner.user_id)).dueAt],
    });
    expect((searchAttributes['RetirementStage'] ?? []).filter((value) => value !== null)).toEqual([]);
  });

  it('reads in the history as the pipeline', async () => {
    const { events } = await stage.workflow(learner.user_id).fetchHistory();
    const activities = (events ?? []).flatMap(({ markerRecordedEventAttributes: marker, userMetadata }) => {
      const [data] = marker?.details?.['data']?.payloads ?? [];
      if (data?.data == null) return [];
      const { activity_type } = JSON.parse(Buffer.from(data.data).toString()) as { activity_type: string };
      const summary = userMetadata?.summary?.data;
      return [[activity_type, summary == null ? null : JSON.parse(Buffer.from(summary).toString())]];
    });
    expect(activities).toEqual([
      ['openRetirement', null],
      ...sandboxPipeline.map(([start, , service, method]) => [`${service}.${method}`, start]),
      ['completeRetirement', null],
    ]);
  });

  it('has a page that tells the stages and their times', async () => {
    const details = await detailsOf(stage, learner);
    expect(details).toMatch(/^\*\*COMPLETE\*\*\n\nDue 2026-02-04 10:00:00Z\./);
    for (const [start] of sandboxPipeline) {
      expect(details).toMatch(new RegExp(`\\| ${start} \\|.*✓ done.*[-\\d]{10} [:\\d]{8}Z \\|`));
    }
  });

  it('leaves nothing that names the learner with Temporal', async () => {
    const texts = [await storedText(stage, learner), await detailsOf(stage, learner)];
    for (const text of texts) {
      expect(text).not.toMatch(/zebulon|quartermain|retired__user/i);
    }
  });
});
