import { courseWork } from './activities.ts';
import type { CourseStepInput, ReprocessResult } from './contract.ts';
import { fetchAndStore } from './fetching.ts';
import { orLeave } from './leaving.ts';
import { checkStepInput, openProgress } from './progress.ts';
import { rebuildMarked } from './rebuilding.ts';

/** Works every marked slice: fetches again what has to be, and rebuilds the numbers of all from their facts. */
export async function reprocess(input: CourseStepInput): Promise<ReprocessResult> {
  checkStepInput(input);
  const progress = openProgress('reprocess', input);
  let slicesFetched = 0;
  const wikis = await courseWork('slices to fetch again').planReprocess(input);
  progress.remaining(wikis.reduce((sum, { slices }) => sum + slices, 0));
  await Promise.all(
    wikis.map((wiki) =>
      orLeave(progress, wiki, async () => {
        for (const { range, fetches } of wiki.refetches) {
          await fetchAndStore(wiki, fetches, () => undefined);
          const fetched = await courseWork(`${wiki.wiki}: fetched slices`).takeOffFetchMarks(range);
          // Not in one statement: the other wikis are at work in between.
          slicesFetched += fetched;
        }
      }),
    ),
  );
  return { slicesFetched, slicesRebuilt: await rebuildMarked(input, progress), left: progress.left };
}
