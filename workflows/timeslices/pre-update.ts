import { courseWork, wikiCalls } from './activities.ts';
import type { CourseStepInput, PreUpdateResult } from './contract.ts';
import { orLeave } from './leaving.ts';
import { checkStepInput, openProgress } from './progress.ts';

/** Makes slices, roster and pages agree with the course as it is now, and marks what has to be worked again. */
export async function preUpdate(input: CourseStepInput): Promise<PreUpdateResult> {
  checkStepInput(input);
  const progress = openProgress('pre-update', input);
  const { courseId, now } = input;
  const { slicesRemoved: ofLostWikis } = await courseWork(
    'delete what belongs to wikis taken out',
  ).removeLostWikis({ courseId });
  const departed = await courseWork('students who left').removeDepartedStudents({ courseId });
  const slices = await courseWork('slices for the dates of the course').adjustSlices({ courseId });
  await courseWork('a full rebuild, if asked for').markFullRebuild({ courseId });

  let pagesChecked = 0;
  const toCheck = await courseWork('pages not asked for since a day').listWikisToCheck({ courseId, now });
  await Promise.all(
    toCheck.map((wiki) =>
      orLeave(progress, wiki, async () => {
        const { wikiId } = wiki;
        const { checked } = await wikiCalls(`${wiki.wiki}: deleted, moved, restored pages`).checkPages({
          courseId,
          wikiId,
          now,
        });
        pagesChecked += checked;
      }),
    ),
  );
  const marked = await courseWork('wikis with marked slices').listMarkedWikis({ courseId });
  return {
    slicesAdded: slices.slicesAdded,
    slicesRemoved: ofLostWikis + slices.slicesRemoved,
    studentsRemoved: departed.studentsRemoved,
    slicesMarked: marked.reduce((sum, wiki) => sum + wiki.slices, 0),
    pagesChecked,
    left: progress.left,
  };
}
