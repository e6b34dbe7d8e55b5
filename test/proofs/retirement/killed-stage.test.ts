import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxPipeline } from '../../../sandbox/lms/pipeline.ts';
import { createDeaths, type Death, type DeathKind } from '../../support/deaths.ts';
import { readEnding, type Ending } from '../../support/ending.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';

const endStates = sandboxPipeline.map(([, endState]) => endState);

let stage: RetirementStage;
let undisturbed: Retired;
const deaths = createDeaths((username, drop) => stage.fault({ username, drop, times: 1 }));

beforeAll(async () => {
  stage = await setRetirementStage(
    // What a machine under load takes for a retry must not look like a budget that is spent.
    { registrar: { retry_budget: '5m', user_count_error_threshold: 1000, max_user_batch_size: 1000 } },
    deaths,
  );
  await stage.startWorker();
  const [ended] = await retire([[]]);
  if (ended === undefined) throw new Error('nobody was retired');
  undisturbed = ended;
});
afterAll(() => stage.close());

interface Retired {
  readonly learner: SandboxLearner;
  readonly ending: Ending;
}

let asked = 0;

/** One learner for each list of deaths, all at once. */
async function retire(plans: readonly (readonly Death[])[]): Promise<readonly Retired[]> {
  const learners = await stage.ask(
    plans.map(() => ({ username: `mortal-${(asked += 1)}`, orgs: ['edX', 'OtherX'] })),
  );
  for (const [index, { user_id: userId, username }] of learners.entries()) {
    deaths.plan({ userId, username }, plans[index] ?? []);
  }
  await stage.collect();
  return Promise.all(
    learners.map(async (learner) => ({ learner, ending: await readEnding(stage, learner) })),
  );
}

/** Steps of a retirement that nothing disturbed, with their positions. */
function stepsToDieAt(only: (step: { readonly remote: boolean }) => boolean): readonly number[] {
  return deaths
    .steps(undisturbed.learner.user_id)
    .flatMap((step, position) => (only(step) ? [position] : []));
}

function sayWhere(plan: readonly Death[], learner: SandboxLearner): string {
  const steps = deaths.steps(learner.user_id);
  return plan
    .map(({ at, kind }) => `${kind} step ${at}, ${steps[at]?.name ?? 'not reached'}`)
    .join(', then ');
}

async function expectAllAsUndisturbed(plans: readonly (readonly Death[])[]): Promise<void> {
  const retired = await retire(plans);
  for (const [index, { learner, ending }] of retired.entries()) {
    const where = sayWhere(plans[index] ?? [], learner);
    expect(deaths.left(learner.user_id), `${where}: every death happened`).toEqual([]);
    expect(ending, where).toEqual(undisturbed.ending);
  }
}

describe('a retirement that nothing disturbs', () => {
  it('is what the others are measured by: every state once, in order', () => {
    expect(undisturbed.ending).toMatchObject({
      outcome: 'COMPLETE',
      state: 'COMPLETE',
      completedStages: endStates,
      written: [...sandboxPipeline.flatMap(([startState, endState]) => [startState, endState]), 'COMPLETE'],
      moves: [...sandboxPipeline.flatMap(([startState, endState]) => [startState, endState]), 'COMPLETE'],
    });
    expect(undisturbed.ending.effective).toMatchObject({
      'PATCH /api/user/v1/accounts/update_retirement_status/': 2 * sandboxPipeline.length + 1,
      'POST /api/enrollment/v1/unenroll/': 1,
      'POST /api/user/v1/accounts/retire/': 1,
    });
  });

  it('has at least six steps a stage to die at', () => {
    expect(stepsToDieAt(() => true).length).toBeGreaterThanOrEqual(6 * sandboxPipeline.length);
    expect(stepsToDieAt(({ remote }) => remote)).toHaveLength(3 * sandboxPipeline.length + 2);
  });
});

describe('a stage that dies at one of its steps and is run again', () => {
  it.each<DeathKind>(['before', 'after'])(
    'leaves what it would have left, for a death just %s any step',
    async (kind) => {
      await expectAllAsUndisturbed(stepsToDieAt(() => true).map((at) => [{ at, kind }]));
    },
  );

  it.each<DeathKind>(['drop-before', 'drop-after'])(
    'leaves what it would have left, for any request to the LMS that is lost: %s',
    async (kind) => {
      await expectAllAsUndisturbed(stepsToDieAt(({ remote }) => remote).map((at) => [{ at, kind }]));
    },
  );

  it('leaves what it would have left when it dies again while it makes up for the first death', async () => {
    // Near the end there may be fewer steps left than the later deaths ask for.
    const positions = stepsToDieAt(() => true).slice(0, -9);
    await expectAllAsUndisturbed(
      positions.map((at, index) => [
        { at, kind: index % 2 === 0 ? 'after' : 'before' },
        { at: at + 1 + (index % 3), kind: index % 3 === 0 ? 'before' : 'after' },
        { at: at + 6 + (index % 4), kind: 'after' },
      ]),
    );
  });
});
