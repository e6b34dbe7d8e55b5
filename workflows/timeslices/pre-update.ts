import { patched } from '@temporalio/workflow';
import type { PreparedCourse } from '../../activities/timeslices/preparing.ts';
import { courseWork, wikiCalls } from './activities.ts';
import type { CourseStepInput, PreUpdateResult } from './contract.ts';
import { orLeave } from './leaving.ts';
import { checkStepInput, openProgress } from './progress.ts';

/** Makes slices, roster and pages agree with the course as it is now, and marks what has to be worked again. */
export async function preUpdate(input: CourseStepInput): Promise<PreUpdateResult> {
  checkStepInput(input);
  const progress = openProgress('pre-update', input);
  const { courseId, now } = input;
  const { toCheck, ...prepared } = patched('one-preparation')
    ? await courseWork('slices, roster and marks for the course as it is now').prepareCourse({
        courseId,
        now,
      })
    : await prepareBySteps(input);

  let pagesChecked = 0;
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
  const slicesMarked = prepared.slicesMarked ?? (await countMarked(courseId));
  return { ...prepared, slicesMarked, pagesChecked, left: progress.left };
}

async function countMarked(courseId: number): Promise<number> {
  const marked = await courseWork('wikis with marked slices').listMarkedWikis({ courseId });
  return marked.reduce((sum, { slices }) => sum + slices, 0);
}

/** As updates did that began under 0.1.0. */
async function prepareBySteps({ courseId, now }: CourseStepInput): Promise<PreparedCourse> {
  const lost = await courseWork('delete what belongs to wikis taken out').removeLostWikis({ courseId });
  const { studentsRemoved } = await courseWork('students who left').removeDepartedStudents({ courseId });
  const adjusted = await courseWork('slices for the dates of the course').adjustSlices({ courseId });
  await courseWork('a full rebuild, if asked for').markFullRebuild({ courseId });
  const toCheck = await courseWork('pages not asked for since a day').listWikisToCheck({ courseId, now });
  return {
    slicesAdded: adjusted.slicesAdded,
    slicesRemoved: lost.slicesRemoved + adjusted.slicesRemoved,
    studentsRemoved,
    toCheck,
  };
}
