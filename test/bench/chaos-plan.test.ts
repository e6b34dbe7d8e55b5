import { describe, expect, it } from 'vitest';
import { planRun } from '../../bench/chaos/plan.ts';
import type { Action, Step } from '../../bench/chaos/step.ts';

const plan = planRun({ seed: 7, minutes: 10, workers: 2 });

function actions<Kind extends Action['kind']>(
  steps: readonly Step[],
  kind: Kind,
): readonly Extract<Action, { readonly kind: Kind }>[] {
  const isOfKind = (action: Action): action is Extract<Action, { readonly kind: Kind }> =>
    action.kind === kind;
  return steps.map(({ action }) => action).filter(isOfKind);
}

describe('the plan of a run', () => {
  it('is the same for the same seed, to the last choice', () => {
    expect(planRun({ seed: 7, minutes: 10, workers: 2 })).toEqual(plan);
    expect(planRun({ seed: 8, minutes: 10, workers: 2 })).not.toEqual(plan);
  });

  it('begins with the same steps when the run is longer', () => {
    const { length } = plan.filter(({ atMs }) => atMs < 60_000);
    const short = planRun({ seed: 7, minutes: 1, workers: 2 });
    expect(short).toEqual(plan.slice(0, length));
  });

  it('numbers its steps in the order of their times, and those who ask one after the other', () => {
    expect(plan.map(({ step }) => step)).toEqual(plan.map((_, index) => index));
    expect(plan.map(({ atMs }) => atMs)).toEqual(
      plan.map(({ atMs }) => atMs).toSorted((one, other) => one - other),
    );
    const asked = actions(plan, 'ask').map(({ learner }) => learner);
    expect(asked).toEqual(asked.map((_, index) => index));
  });

  it('has every kind of step, and kills every process', () => {
    const kinds = new Set(plan.map(({ action }) => action.kind));
    expect([...kinds].toSorted()).toEqual([
      ...[
        'archive',
        'ask',
        'cancel',
        'clear',
        'collect',
        'drop',
        'edit',
        'enroll',
        'exclude',
        'fault',
        'import',
      ],
      ...['include', 'kill', 'lag', 'page', 'report', 'rerun', 'resume', 'resume-all', 'update'],
    ]);
    const victims = new Set(actions(plan, 'kill').flatMap((kill) => kill.victims));
    expect([...victims].toSorted()).toEqual(['postgres', 'temporal', 'worker-0', 'worker-1']);
  });

  it('has every symptom that a sandbox knows, each for a number of requests', () => {
    const faults = actions(plan, 'fault').flatMap((step) => step.faults);
    expect(faults.every(({ times }) => times >= 1)).toBe(true);
    const has = (isMeant: (fault: (typeof faults)[number]) => boolean): boolean => faults.some(isMeant);
    expect({
      refusal: has(({ status = 0 }) => status >= 400 && status < 429),
      outage: has(({ status = 0 }) => status >= 500),
      busy: has(({ retry_after }) => retry_after !== undefined),
      slow: has(({ delay_ms = 0 }) => delay_ms > 2_000),
      lost: has(({ drop }) => drop === 'before'),
      unheard: has(({ drop }) => drop === 'after'),
      page: has(({ body }) => typeof body === 'string' && body.includes('<html>')),
      wikiError: has(({ status, body }) => status === 200 && typeof body === 'object'),
    }).toEqual({
      refusal: true,
      outage: true,
      busy: true,
      slow: true,
      lost: true,
      unheard: true,
      page: true,
      wikiError: true,
    });
    expect(actions(plan, 'fault').some((step) => step.faults.length > 1)).toBe(true);
  });
});
