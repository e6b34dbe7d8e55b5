import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statesInOrder, type Pipeline } from '../../../domain/retirement/pipeline.ts';
import {
  decideResume,
  newStages,
  planStages,
  resumableStates,
  type ResumeQuestion,
} from '../../../domain/retirement/resume.ts';

function pipelineOf(names: readonly string[]): Pipeline {
  return names.map((name) => ({
    startState: `RETIRING_${name}`,
    endState: `${name}_COMPLETE`,
    service: 'LMS',
    method: name.toLowerCase(),
  }));
}

const pipeline = pipelineOf(['ONE', 'TWO', 'THREE']);

/** A pipeline with a learner who failed in it, or nobody knows where, and has completed whatever stages. */
const standings = fc.integer({ min: 1, max: 7 }).chain((count) => {
  const stages = pipelineOf(Array.from({ length: count }, (_, index) => `S${index}`));
  return fc.record({
    pipeline: fc.constant(stages),
    failedStage: fc.constantFrom(
      ...stages.map((stage) => stage.startState),
      'RETIRING_GONE',
      'COMPLETE',
      undefined,
    ),
    completedStages: fc.subarray(stages.map((stage) => stage.endState)),
  });
});

const questions = standings.chain((standing) =>
  fc.record({
    standing: fc.constant(standing),
    from: fc.constantFrom(...statesInOrder(standing.pipeline)),
  }),
);

function ask(given: Partial<ResumeQuestion>): ReturnType<typeof decideResume> {
  return decideResume({ pipeline, completedStages: [], from: 'PENDING', skip: false, ...given });
}

describe('a resume', () => {
  it('leaves nothing out unasked: what it does not run was completed, or stands before the failed stage', () => {
    fc.assert(
      fc.property(questions, ({ standing, from }) => {
        const decision = decideResume({ ...standing, from, skip: false });
        if (decision.kind === 'refused') return;
        const { failedStage, completedStages } = standing;
        const known = failedStage === 'COMPLETE' ? standing.pipeline.length : failedIndexOf(standing);
        const leftOut = standing.pipeline.slice(0, decision.index);
        for (const [index, stage] of leftOut.entries()) {
          expect(index < known || completedStages.includes(stage.endState)).toBe(true);
        }
        expect(decision.skipped).toEqual([]);
      }),
    );
  });

  it('is taken from exactly the states that are said to be possible, and the start states after them', () => {
    fc.assert(
      fc.property(questions, ({ standing, from }) => {
        const decision = decideResume({ ...standing, from, skip: false });
        const stage = standing.pipeline.findIndex(({ startState }) => startState === from);
        const state = stage < 0 ? from : (standing.pipeline[stage - 1]?.endState ?? 'PENDING');
        expect(decision.kind === 'accepted').toBe(resumableStates(standing).includes(state));
        if (decision.kind === 'accepted') expect(decision.state).toBe(state);
      }),
    );
  });

  it('that skips runs or names every stage that a plain one would have run', () => {
    fc.assert(
      fc.property(questions, ({ standing, from }) => {
        const decision = decideResume({ ...standing, from, skip: true });
        if (decision.kind === 'refused') throw new Error(decision.reason);
        const latest = resumableStates(standing).length - 1;
        const treated = [...decision.skipped, ...standing.pipeline.slice(decision.index)];
        expect(treated).toEqual(standing.pipeline.slice(Math.min(latest, decision.index)));
      }),
    );
  });

  it.each<[string, Partial<ResumeQuestion>, readonly string[]]>([
    ['in the second stage', { failedStage: 'RETIRING_TWO' }, ['PENDING', 'ONE_COMPLETE']],
    ['nobody knows where, nothing completed', {}, ['PENDING']],
    [
      'in a stage that is gone from the file',
      { failedStage: 'RETIRING_GONE', completedStages: ['ONE_COMPLETE'] },
      ['PENDING', 'ONE_COMPLETE'],
    ],
    [
      'nobody knows where, a gap in what is completed',
      { completedStages: ['ONE_COMPLETE', 'THREE_COMPLETE'] },
      ['PENDING', 'ONE_COMPLETE'],
    ],
    [
      'with only COMPLETE left to write',
      { failedStage: 'COMPLETE' },
      ['PENDING', 'ONE_COMPLETE', 'TWO_COMPLETE', 'THREE_COMPLETE'],
    ],
  ])('of a learner who failed %s', (_, standing, possible) => {
    expect(resumableStates({ pipeline, failedStage: undefined, completedStages: [], ...standing })).toEqual(
      possible,
    );
    expect(ask({ ...standing, from: 'NONSENSE' })).toEqual({
      kind: 'refused',
      reason: `unknown state "NONSENSE"; possible states: ${possible.join(', ')}`,
    });
  });

  it('names the stages that it skips', () => {
    const late = { failedStage: 'RETIRING_ONE', from: 'TWO_COMPLETE' };
    const refused = ask(late);
    expect(refused.kind === 'refused' && refused.reason).toMatch(
      /^TWO_COMPLETE is later than PENDING, the state before RETIRING_ONE, .*"skip": true/,
    );
    expect(ask({ ...late, skip: true })).toEqual({
      kind: 'accepted',
      index: 2,
      state: 'TWO_COMPLETE',
      skipped: pipeline.slice(0, 2),
    });
  });

  it.each(['COMPLETE', 'ERRORED', 'ABORTED'])('is never from %s', (from) => {
    expect(ask({ from, failedStage: 'COMPLETE', skip: true })).toMatchObject({ kind: 'refused' });
  });
});

describe('a plan', () => {
  it('says what happens to each stage', () => {
    const actions = (index: number, completed: readonly string[]): readonly string[] =>
      planStages(pipeline, index, completed).map(({ action }) => action);
    expect(actions(1, ['ONE_COMPLETE', 'TWO_COMPLETE'])).toEqual(['keep', 'repeat', 'run']);
    expect(actions(2, ['ONE_COMPLETE'])).toEqual(['keep', 'skip', 'run']);
    expect(actions(3, [])).toEqual(['skip', 'skip', 'skip']);
  });
});

describe('the new stages', () => {
  it('are those that were never completed, wherever they stand', () => {
    expect(newStages(pipeline, ['TWO_COMPLETE', 'GONE_COMPLETE'])).toEqual([pipeline[0], pipeline[2]]);
    expect(newStages(pipeline, ['THREE_COMPLETE', 'TWO_COMPLETE', 'ONE_COMPLETE'])).toEqual([]);
  });
});

function failedIndexOf({
  pipeline: stages,
  failedStage,
}: Pick<ResumeQuestion, 'pipeline' | 'failedStage'>): number {
  return stages.findIndex(({ startState }) => startState === failedStage);
}
