import { ABORTED, PENDING } from '../../domain/retirement/states.ts';

/** One entry of `responses`: a service's error body may make it several lines. */
export interface LogEntry {
  /** ISO 8601. */
  readonly at: string;
  readonly text: string;
}

/** A state that the learner was brought to. */
export interface PastState {
  readonly at: string;
  readonly state: string;
}

export function parseResponses(responses: string): readonly LogEntry[] {
  const entries: { at: string; text: string }[] = [];
  for (const line of responses.split('\n')) {
    const begun = /^(\d{4}-\d\d-\d\dT\S+Z) (.*)$/.exec(line);
    const last = entries.at(-1);
    if (begun?.[1] !== undefined) entries.push({ at: begun[1], text: begun[2] ?? '' });
    else if (last !== undefined && line !== '') last.text += `\n${line}`;
  }
  return entries;
}

/** The states in the order in which the learner came to them, from the log. */
export function pastStates(requestedAt: Date, log: readonly LogEntry[]): readonly PastState[] {
  const known = log.flatMap(({ at, text }) => {
    const state = stateIn(text);
    return state === undefined ? [] : [{ at, state }];
  });
  return [{ at: requestedAt.toISOString(), state: PENDING }, ...known];
}

function stateIn(text: string): string | undefined {
  if (/^cancelled\b/.test(text)) return ABORTED;
  if (/^rerun: /.test(text)) return PENDING;
  return /^(?:resumed: from |adopted: found in )?([A-Z][A-Z0-9_]*)(?=[:,; ]|$)/.exec(text)?.[1];
}
