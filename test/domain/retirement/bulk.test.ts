import { describe, expect, it } from 'vitest';
import { decideBulkMove, indexToRetry, type BulkTarget } from '../../../domain/retirement/bulk.ts';
import { resumableStates } from '../../../domain/retirement/resume.ts';
import { statesInOrder, type Pipeline } from '../../../domain/retirement/pipeline.ts';
import { terminalStates } from '../../../domain/retirement/states.ts';

const pipeline: Pipeline = ['A', 'B', 'C'].map((name) => ({
  startState: `RETIRING_${name}`,
  endState: `${name}_COMPLETE`,
  service: 'LMS',
  method: name,
}));
const states = [...statesInOrder(pipeline), ...terminalStates];

const rewind: BulkTarget = { kind: 'rewind' };
const to = (state: string): BulkTarget => ({ kind: 'state', state });

const reasonOf = (initialState: string, target: BulkTarget): string => {
  const decision = decideBulkMove(pipeline, initialState, target);
  return decision.kind === 'refused' ? decision.reason : '';
};

describe('moving everybody in a state', () => {
  it('accepts resumes, reruns and cancels, and nothing else', () => {
    const accepted = states.flatMap((initialState) =>
      [...states.map(to), rewind].flatMap((target) => {
        const decision = decideBulkMove(pipeline, initialState, target);
        const wanted = target.kind === 'rewind' ? 'rewind' : target.state;
        return decision.kind === 'refused' ? [] : [`${initialState} ${wanted}: ${decision.move.kind}`];
      }),
    );
    expect(accepted.sort()).toEqual(
      [
        ...statesInOrder(pipeline).map((state) => `ERRORED ${state}: resume`),
        'ERRORED rewind: retry',
        'COMPLETE PENDING: rerun',
        'PENDING ABORTED: cancel',
      ].sort(),
    );
  });

  it('resumes from the very state that was asked for', () => {
    expect(decideBulkMove(pipeline, 'ERRORED', to('A_COMPLETE'))).toEqual({
      kind: 'accepted',
      move: { kind: 'resume', from: 'A_COMPLETE' },
    });
  });

  it.each([
    ['NONSENSE', to('PENDING')],
    ['ERRORED', to('NONSENSE')],
    ['NONSENSE', rewind],
    ['ERRORED', to('errored')],
  ])('from %s to %j refuses the unknown state with the list of those there are', (initialState, target) => {
    const reason = reasonOf(initialState, target);
    expect(reason).toContain('unknown state');
    expect(reason).toContain(states.join(', '));
  });

  it.each([
    ['ERRORED', to('COMPLETE'), '--rewind-state'],
    ['ERRORED', to('ABORTED'), '--rewind-state'],
    ['COMPLETE', to('A_COMPLETE'), '--new-state PENDING'],
    ['COMPLETE', rewind, '--new-state PENDING'],
    ['PENDING', to('A_COMPLETE'), '--new-state ABORTED'],
    ['PENDING', rewind, '--new-state ABORTED'],
    ['ABORTED', to('PENDING'), 'ask again'],
    ['RETIRING_A', to('PENDING'), 'registrar retirement collect'],
    ['B_COMPLETE', rewind, 'registrar retirement collect'],
  ])('from %s to %j says what is possible instead', (initialState, target, instead) => {
    expect(reasonOf(initialState, target)).toContain(instead);
  });
});

describe('the stage to retry', () => {
  it.each([
    ['the stage that failed', { failedStage: 'RETIRING_B', lastState: 'PENDING' }, 1],
    ['COMPLETE when only that failed', { failedStage: 'COMPLETE', lastState: 'B_COMPLETE' }, 3],
    ['the working state it was left in', { lastState: 'RETIRING_C' }, 2],
    ['the stage after the end state it was left in', { lastState: 'A_COMPLETE' }, 1],
    ['COMPLETE after the last end state', { lastState: 'C_COMPLETE' }, 3],
    ['the first stage for one who had not begun', { lastState: 'PENDING' }, 0],
    [
      'the last state when the failed stage left the pipeline',
      { failedStage: 'GONE', lastState: 'A_COMPLETE' },
      1,
    ],
  ])('is %s', (_what, errored, index) => {
    expect(indexToRetry(pipeline, errored)).toBe(index);
  });

  it('is not known when neither state is in the pipeline', () => {
    expect(indexToRetry(pipeline, { failedStage: 'GONE', lastState: 'ERRORED' })).toBeUndefined();
  });

  it('is one that a resume takes without leaving anything out', () => {
    for (const failedStage of [...pipeline.map(({ startState }) => startState), 'COMPLETE']) {
      const index = indexToRetry(pipeline, { failedStage, lastState: 'ERRORED' });
      expect(resumableStates({ pipeline, failedStage, completedStages: [] })).toHaveLength((index ?? -1) + 1);
    }
  });
});
