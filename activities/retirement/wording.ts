import type { StageCause } from '../../workflows/retirement/contract.ts';
import type { StoredFailure } from './store.ts';

/** One line of `responses`: when, then what. */
export function line(at: Date | string, text: string): string {
  return storable(`${typeof at === 'string' ? at : at.toISOString()} ${text}`);
}

/** PostgreSQL has no way to keep a NUL in a text, and an LMS on it neither. */
export function storable(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD');
}

/** ` by jane: wrong forum key`, as far as it was said. */
export function byWhomAndWhy(said: {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}): string {
  const by = said.by === undefined ? '' : ` by ${oneLine(said.by)}`;
  const reason = said.reason === undefined ? '' : `: ${oneLine(said.reason)}`;
  return by + reason;
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** The whole story of a failure, for PostgreSQL and the LMS only: it may name the learner. */
export function describeFailure(failure: StoredFailure): string {
  const attempts = failure.attempts === 1 ? '1 attempt' : `${failure.attempts} attempts`;
  const asked = failure.verb === undefined ? '' : `${failure.verb} ${failure.path ?? ''} `;
  const body = failure.body ? `; body: ${failure.body}` : '';
  return `${failure.stage}: ${failure.activity}: ${asked}${failure.what} (${attempts})${body}`;
}

/** The same without anything that names the learner. */
export function causeOf(failure: StoredFailure): StageCause {
  const asked = failure.verb === undefined ? '' : `${failure.verb} ${failure.route ?? ''} `;
  return {
    stage: failure.stage,
    activity: failure.activity,
    what: asked + failure.what,
    attempts: failure.attempts,
    ...(failure.status === undefined ? {} : { status: failure.status }),
  };
}
