import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import { begin, beginErrored, detailsOf } from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const SECOND = 1 / 86_400;

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage();
  await stage.startWorker();
});
afterAll(() => stage.close());

function due(days: { readonly coolOff: number; readonly warning: number; readonly deadline: number }): void {
  stage.configure({
    coolOffDays: days.coolOff,
    registrar: { deadline_days: days.deadline, deadline_warning_days: days.warning },
  });
}

const now = (): { readonly requested_at: string } => ({ requested_at: new Date().toISOString() });

async function shownDeadline({ user_id }: SandboxLearner): Promise<unknown> {
  const { searchAttributes } = await stage.workflow(user_id).describe();
  return searchAttributes['RetirementDeadline']?.[0] ?? undefined;
}

async function shows(learner: SandboxLearner, standing: string): Promise<void> {
  await waitFor(async () => (await shownDeadline(learner)) === standing, {
    what: `the deadline to be ${standing}`,
  });
  expect(await stage.status(learner.user_id)).toMatchObject({ deadline: standing });
}

describe('a retirement whose due date comes', () => {
  it('while it waits in ERRORED says so, first that it comes near, then that it is missed', async () => {
    due({ coolOff: 0, deadline: 16 * SECOND, warning: 8 * SECOND });
    await stage.fault({ path: '/api/discussion', username: 'stuck', status: 403, times: 1 });
    const learner = await begin(stage, 'stuck', now());
    await stage.reaches(learner.user_id, 'ERRORED');
    expect(await shownDeadline(learner)).toBeUndefined();
    expect(await detailsOf(stage, learner)).toContain('Due ');
    await shows(learner, 'approaching');
    expect(await detailsOf(stage, learner)).toContain('Due soon');
    await shows(learner, 'missed');
    expect(await detailsOf(stage, learner)).toContain('OVERDUE');
    await stage.workflow(learner.user_id).executeUpdate('resume', { args: ['ENROLLMENTS_COMPLETE'] });
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect(await shownDeadline(learner)).toBe('missed');
  });

  it('while it cools off says so, and can still be cancelled', async () => {
    due({ coolOff: 60 * SECOND, deadline: 60 * SECOND, warning: 57 * SECOND });
    const learner = await begin(stage, 'cooling', now());
    await shows(learner, 'approaching');
    await stage.workflow(learner.user_id).executeUpdate('cancel');
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
    await waitFor(async () => (await shownDeadline(learner)) === undefined, {
      what: 'the warning to be gone',
    });
  });

  it('is overdue from the start when the request is that old', async () => {
    stage.configure({});
    const learner = await beginErrored(stage, 'late');
    await shows(learner, 'missed');
  });
});
