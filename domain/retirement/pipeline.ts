import { PENDING } from './states.ts';

/** One row of `retirement_pipeline`: `[start_state, end_state, service, method]`. */
export interface Stage {
  readonly startState: string;
  readonly endState: string;
  readonly service: string;
  readonly method: string;
}

export type Pipeline = readonly Stage[];

/**
 * Where a state of the LMS puts a learner in the pipeline: about to run stage `index`
 * (`index === pipeline.length` means that only COMPLETE is left to write).
 */
export type Position =
  | { readonly kind: 'before'; readonly index: number }
  | { readonly kind: 'inside'; readonly index: number }
  | { readonly kind: 'unknown' };

/** `inside` is a start state: somebody began this stage and did not finish it. */
export function locate(pipeline: Pipeline, state: string): Position {
  if (state === PENDING) return { kind: 'before', index: 0 };
  const started = pipeline.findIndex((stage) => stage.startState === state);
  if (started >= 0) return { kind: 'inside', index: started };
  const ended = pipeline.findIndex((stage) => stage.endState === state);
  if (ended >= 0) return { kind: 'before', index: ended + 1 };
  return { kind: 'unknown' };
}

/** The state a learner is in when stage `index` is the next to run: the one an operator resumes from to retry it. */
export function stateBefore(pipeline: Pipeline, index: number): string {
  return pipeline[index - 1]?.endState ?? PENDING;
}

/** PENDING, then every start and end state in the order in which a learner passes them. */
export function statesInOrder(pipeline: Pipeline): readonly string[] {
  return [PENDING, ...pipeline.flatMap((stage) => [stage.startState, stage.endState])];
}

/** What Temporal and its UI call a stage's activity: `LMS.retirement_unenroll`. */
export function stageName(stage: Pick<Stage, 'service' | 'method'>): string {
  return `${stage.service}.${stage.method}`;
}

/** True when `state` is the stage's end state or any state that a learner reaches after it. */
export function isAtOrPast(pipeline: Pipeline, state: string, stage: Stage): boolean {
  if (state === stage.endState) return true;
  const order = statesInOrder(pipeline);
  const wanted = order.indexOf(stage.endState);
  return wanted >= 0 && order.indexOf(state) > wanted;
}
