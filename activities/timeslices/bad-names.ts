import type { Second } from '../../domain/timeslices/slices.ts';
import type { WikiClient } from '../../platform/wiki/client.ts';
import { retryLater } from '../failures.ts';
import type { AskedStudent } from './fetch-store.ts';

interface Asking {
  readonly client: WikiClient;
  /** One second is asked about: only the kind of the answer matters. */
  readonly at: Second;
  readonly signal: AbortSignal;
}

/** Finds one whom the wiki refuses among students of whom it refuses somebody without saying whom. A request for each halving. */
export async function findBadName(students: readonly AskedStudent[], asking: Asking): Promise<AskedStudent> {
  const half = students.slice(0, Math.ceil(students.length / 2));
  const [first, ...others] = half;
  if (first === undefined) throw new RangeError('nobody is not refused');
  const isRefused = await refuses(half, asking);
  if (isRefused && others.length === 0) return first;
  if (!isRefused && half.length === students.length)
    throw retryLater('ServiceUnavailable', 'the wiki refuses names together that it takes one by one');
  return findBadName(isRefused ? half : students.slice(half.length), asking);
}

async function refuses(students: readonly AskedStudent[], { client, at, signal }: Asking): Promise<boolean> {
  const usernames = students.map(({ username }) => username);
  const { kind } = await client.listContributions({ usernames, from: at, to: at, signal });
  return kind === 'bad-user';
}
