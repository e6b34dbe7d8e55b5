import { courseWork } from './activities.ts';
import type { CourseStepInput, IngestResult } from './contract.ts';
import { fetchAndStore } from './fetching.ts';
import { orLeave } from './leaving.ts';
import { checkStepInput, openProgress } from './progress.ts';
import { rebuildMarked } from './rebuilding.ts';

/** Fetches what is new of every student, and rebuilds the slices that it changed. */
export async function ingest(input: CourseStepInput): Promise<IngestResult> {
  checkStepInput(input);
  const progress = openProgress('ingest', input);
  let [groups, revisions] = [0, 0];
  const wikis = await courseWork('students to ask for').planIngest(input);
  await Promise.all(
    wikis.map((wiki) =>
      orLeave(progress, wiki, () =>
        fetchAndStore(wiki, wiki.fetches, (found) => {
          groups += 1;
          revisions += found;
        }),
      ),
    ),
  );
  return { groups, revisions, slicesRebuilt: await rebuildMarked(input, progress), left: progress.left };
}
