import { courseWork } from './activities.ts';
import type { CourseStepInput, ReprocessResult } from './contract.ts';
import { fetchAndStore } from './fetching.ts';
import { orLeave } from './leaving.ts';
import { openProgress } from './progress.ts';
import { rebuildMarked } from './rebuilding.ts';

/** Works every marked slice: fetches again what has to be, and rebuilds the numbers of all from their facts. */
export async function reprocess(input: CourseStepInput): Promise<ReprocessResult> {
  const progress = openProgress('reprocess', input);
  const { courseId } = input;
  let slicesFetched = 0;
  const wikis = await courseWork('slices to fetch again').planReprocess(input);
  await Promise.all(
    wikis.map((wiki) =>
      orLeave(progress, wiki, async () => {
        for (const { slices, fetches } of wiki.refetches) {
          await fetchAndStore(wiki, fetches, () => undefined);
          await courseWork(`${wiki.wiki}: fetched slices`).takeOffFetchMarks({
            courseId,
            wikiId: wiki.wikiId,
            slices,
          });
          slicesFetched += slices.length;
        }
      }),
    ),
  );
  return { slicesFetched, slicesRebuilt: await rebuildMarked(input, progress), left: progress.left };
}
