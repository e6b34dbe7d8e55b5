import type { Action } from './step.ts';

/** `kill {"victims":["worker-1"],"downMs":1200}`: everything that was chosen, so that a log shows whether two runs chose the same. */
export function describeAction({ kind, ...chosen }: Action): string {
  const text = JSON.stringify(chosen);
  return text === '{}' ? kind : `${kind} ${text}`;
}
