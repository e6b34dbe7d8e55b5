import { inject } from 'vitest';
import { unwrap } from './provided.ts';

/** The workflows, bundled once in the run: `workflowBundle` of `Worker.create` and of replays. */
export function workflowBundle(): { readonly codePath: string } {
  return { codePath: unwrap(inject('workflowBundle')) };
}
