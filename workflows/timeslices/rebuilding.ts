import { courseWork } from './activities.ts';
import type { CourseStepInput } from './contract.ts';
import type { Progress } from './progress.ts';

/** Rebuilds all marked slices of the course, wiki by wiki, and answers how many. Marks that ask for a fetch stay. */
export async function rebuildMarked({ courseId }: CourseStepInput, progress: Progress): Promise<number> {
  let rebuilt = 0;
  const wikis = await courseWork('wikis with marked slices').listMarkedWikis({ courseId });
  progress.remaining(wikis.reduce((sum, { slices }) => sum + slices, 0));
  for (const { wikiId, wiki } of wikis) {
    await progress.at(wiki, async () => {
      let after: number | undefined;
      for (;;) {
        const { slices, remaining, last } = await courseWork(`${wiki}: rebuild slices`).rebuildSlices({
          courseId,
          wikiId,
          after,
        });
        rebuilt += slices;
        progress.done(slices);
        if (remaining === 0) return;
        after = last;
        await progress.tell();
      }
    });
  }
  return rebuilt;
}
