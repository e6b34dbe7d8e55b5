import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureSchedule, wantedRetirementSchedule } from '../../../client/setup/schedules.ts';
import {
  COLLECT_RETIREMENTS,
  COLLECT_SCHEDULE_ID,
  retirementWorkflowId,
} from '../../../workflows/retirement/contract.ts';
import { temporalBinary } from '../../support/own-temporal.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import {
  ask,
  beginErrored,
  coolingOffFor,
  expectErasedOnce,
  responseOf,
} from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const run = promisify(execFile);
const A_WEEK_MS = 7 * 86_400_000;

let stage: RetirementStage;
let binary: string;
beforeAll(async () => {
  binary = await temporalBinary();
  stage = await setRetirementStage();
  await stage.startWorker();
});
afterAll(() => stage.close());

/** Runs the `temporal` command as an operator does, its words as they stand in the contract. */
async function temporal(...words: readonly string[]): Promise<string> {
  const env = {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    TEMPORAL_ADDRESS: stage.temporal.address,
    TEMPORAL_NAMESPACE: stage.temporal.namespace,
  };
  return (await run(binary, words, { env })).stdout;
}

/** What went wrong, as the command says it. */
async function refusal(...words: readonly string[]): Promise<string> {
  try {
    return `accepted: ${await temporal(...words)}`;
  } catch (error) {
    return typeof error === 'object' && error !== null && 'stderr' in error
      ? String(error.stderr)
      : String(error);
  }
}

const idOf = ({ user_id }: SandboxLearner): string => retirementWorkflowId(user_id);

async function resumed(learner: SandboxLearner): Promise<void> {
  await temporal(
    'workflow',
    'signal',
    '-w',
    idOf(learner),
    '--name',
    'resume',
    '--input',
    '"ENROLLMENTS_COMPLETE"',
  );
  await expectErasedOnce(stage, learner);
}

describe('with nothing of ours but a running worker, the temporal command', () => {
  it('resumes an ERRORED retirement by a signal', async () => {
    const learner = await beginErrored(stage, 'signalled');
    await resumed(learner);
    await responseOf(stage, learner, 'resumed: from ENROLLMENTS_COMPLETE');
  });

  it('queries the status as plain JSON', async () => {
    const learner = await beginErrored(stage, 'queried');
    const answer = await temporal(
      'workflow',
      'query',
      '-w',
      idOf(learner),
      '--type',
      'status',
      '--output',
      'json',
    );
    expect(JSON.parse(answer)).toMatchObject({
      queryResult: [
        {
          userId: learner.user_id,
          state: 'ERRORED',
          stage: 'RETIRING_FORUMS',
          cause: { status: 403, attempts: 1 },
          resumableFrom: ['PENDING', 'ENROLLMENTS_COMPLETE'],
        },
      ],
    });
    const shown = await temporal('workflow', 'query', '-w', idOf(learner), '--type', 'status');
    expect(shown).toContain('"state":"ERRORED"');
    await resumed(learner);
  });

  it('lists by state', async () => {
    const learner = await beginErrored(stage, 'listed');
    const list = (state: string): Promise<string> =>
      temporal('workflow', 'list', '--query', `RetirementState="${state}"`);
    await waitFor(async () => (await list('ERRORED')).includes(idOf(learner)), {
      what: 'it to be listed as ERRORED',
    });
    await resumed(learner);
    await waitFor(async () => (await list('COMPLETE')).includes(idOf(learner)), {
      what: 'it to be listed as COMPLETE',
    });
    expect(await list('ERRORED')).not.toContain(idOf(learner));
  });

  it('triggers a schedule', async () => {
    await ensureSchedule(
      stage.temporal,
      wantedRetirementSchedule({
        scheduleId: COLLECT_SCHEDULE_ID,
        workflowType: COLLECT_RETIREMENTS,
        everyMs: A_WEEK_MS,
      }),
    );
    const learner = await ask(stage, 'scheduled');
    await temporal('schedule', 'trigger', '--schedule-id', COLLECT_SCHEDULE_ID);
    await stage.reaches(learner.user_id, 'COMPLETE');
    await stage.temporal.client.schedule.getHandle(COLLECT_SCHEDULE_ID).delete();
  });

  it('resumes by an update, and is told why not', async () => {
    const learner = await beginErrored(stage, 'updated');
    const update = ['workflow', 'update', 'execute', '-w', idOf(learner), '--name', 'resume', '--input'];
    expect(await refusal(...update, '"FORUMS_COMPLETE"')).toContain(
      'resume from ENROLLMENTS_COMPLETE or earlier',
    );
    expect(await refusal(...update, '7')).toContain('resume wants a state name');
    const answer = await temporal(...update, '{"state": "ENROLLMENTS_COMPLETE", "by": "jane"}');
    expect(answer).toContain('resumed: from ENROLLMENTS_COMPLETE by jane');
    await expectErasedOnce(stage, learner);
  });

  it('cancels while PENDING, and only then, by requesting cancellation', async () => {
    const pending = await ask(stage, 'wavering', coolingOffFor(A_WEEK_MS / 2));
    await stage.collect();
    await temporal('workflow', 'cancel', '-w', idOf(pending));
    expect(await stage.workflow(pending.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
    expect((await stage.row(pending.user_id)).currentState).toBe('ABORTED');

    const late = await beginErrored(stage, 'too-late');
    await temporal('workflow', 'cancel', '-w', idOf(late));
    await responseOf(stage, late, 'refused: cancel');
    await resumed(late);
  });

  it('loses nobody by terminating: the next collection adopts the learner', async () => {
    const learner = await beginErrored(stage, 'terminated');
    await temporal('workflow', 'terminate', '-w', idOf(learner), '--reason', 'by mistake');
    await waitFor(async () => (await stage.collect()).started === 1, {
      what: 'the collector to find the learner',
    });
    await stage.reaches(learner.user_id, 'ERRORED');
    await responseOf(stage, learner, 'adopted: found in ERRORED');
    expect(await stage.status(learner.user_id)).toMatchObject({ stage: 'RETIRING_FORUMS' });
    await resumed(learner);
  });

  it('resets a parked retirement to its first task, which ends well all the same', async () => {
    const learner = await beginErrored(stage, 'reset');
    await temporal(
      'workflow',
      'reset',
      '-w',
      idOf(learner),
      '--type',
      'FirstWorkflowTask',
      '--reason',
      'a try',
    );
    const { resumableFrom } = await stage.reaches(learner.user_id, 'ERRORED');
    expect(resumableFrom).toContain('PENDING');
    await temporal('workflow', 'signal', '-w', idOf(learner), '--name', 'resume', '--input', '"PENDING"');
    await expectErasedOnce(stage, learner);
    expect((await stage.row(learner.user_id)).completedStages).toHaveLength(7);
  });
});
