import type { Second } from '../../domain/timeslices/slices.ts';
import type { WikiClient } from '../../platform/wiki/client.ts';
import type { AskedStudent } from './fetch-store.ts';

interface Asking {
  readonly client: WikiClient;
  /** One second is asked about: only the kind of the answer matters. */
  readonly at: Second;
  readonly signal: AbortSignal;
}

/** Finds one whom the wiki refuses among students of whom it refuses somebody without saying whom. A request for each halving. */
export async function findBadName(students: readonly AskedStudent[], asking: Asking): Promise<AskedStudent> {
  const [first, ...others] = students;
  if (first === undefined) throw new RangeError('nobody is not refused');
  if (others.length === 0) return first;
  const half = students.slice(0, Math.ceil(students.length / 2));
  const answer = await asking.client.listContributions({
    usernames: half.map(({ username }) => username),
    from: asking.at,
    to: asking.at,
    signal: asking.signal,
  });
  return findBadName(answer.kind === 'bad-user' ? half : students.slice(half.length), asking);
}
