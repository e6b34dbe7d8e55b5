import type { NamedWiki, PlannedFetch } from '../../activities/timeslices/planning.ts';
import { courseWork, wikiCalls } from './activities.ts';

/** As many as may call one wiki at once. */
const AT_ONCE = 3;

/** Walks and stores, some at once. Ends with the first that fails, when those under way have ended too: what is stored stays. */
export async function fetchAndStore(
  { wiki }: NamedWiki,
  fetches: readonly PlannedFetch[],
  count: (revisions: number) => void,
): Promise<void> {
  const waiting = [...fetches.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, { order, fetchedUntil }] = next;
      const place = `${wiki}: group ${index + 1} of ${fetches.length}`;
      const { fetchId, revisions } = await wikiCalls(`${place}, fetch`).fetchContributions(order);
      await courseWork(`${place}, store`).storeFacts({ fetchId, fetchedUntil });
      count(revisions);
    }
  };
  const outcomes = await Promise.allSettled(
    Array.from({ length: Math.min(AT_ONCE, fetches.length) }, async () => {
      try {
        await worker();
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
