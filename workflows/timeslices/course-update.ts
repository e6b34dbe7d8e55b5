import {
  executeChild,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { insist, isId, readInput } from '../input.ts';
import { courseWork } from './activities.ts';
import {
  childId,
  courseAttributes,
  type ChildPhase,
  type CoursePhase,
  type CourseStatusView,
  type CourseStepInput,
  type CourseUpdateInput,
  type CourseUpdateResult,
  type LeftWiki,
} from './contract.ts';
import { ingest } from './ingest.ts';
import { preUpdate } from './pre-update.ts';
import { answerStatus, isProgress, progressSignal, renderDetails } from './progress.ts';
import { reprocess } from './reprocess.ts';

/**
 * One update of a course, started by its schedule: slices and roster first, then what is marked, then what is new, then the
 * roll-up. A wiki that fails is left for the next update and keeps nobody else's numbers back.
 */
export async function courseUpdate(input: CourseUpdateInput): Promise<CourseUpdateResult> {
  insist(isId(readInput(input, '{"courseId": …}')['courseId']), 'courseId', 'the id of a course');
  const { courseId } = input;
  const now = new Date().toISOString();
  let view: CourseStatusView = {
    courseId,
    phase: 'pre-update',
    slices: { done: 0, all: 0 },
    wikis: [],
    left: [],
  };
  const show = (changed: Partial<CourseStatusView>): void => {
    view = { ...view, ...changed };
    setCurrentDetails(renderDetails(view));
  };
  const enter = (phase: CoursePhase, left: readonly LeftWiki[]): CourseStepInput => {
    show({ phase, slices: { done: 0, all: 0 }, wikis: [], left });
    upsertSearchAttributes(courseAttributes(courseId, phase));
    return { courseId, now, left };
  };
  answerStatus(() => view);
  setHandler(
    progressSignal,
    (told) => (isProgress(told) && told.phase === view.phase ? show(told) : undefined),
    {
      description: 'From the children: how far they are.',
    },
  );

  await courseWork('one update at a time').beginUpdate({ courseId, now });
  const prepared = await child(preUpdate, 'pre-update', enter('pre-update', []));
  const reprocessed = await child(reprocess, 'reprocess', enter('reprocess', prepared.left));
  const ingested = await child(ingest, 'ingest', enter('ingest', reprocessed.left));
  const { left } = ingested;
  await courseWork('the course’s numbers, in one transaction').rollUp(enter('roll-up', left));
  const paused = await courseWork('schedules of courses long over').tendSchedules({
    courseId,
    now,
  });
  enter('done', left);
  return { courseId, preUpdate: prepared, reprocess: reprocessed, ingest: ingested, left, paused };
}

function child<Result>(
  workflow: (input: CourseStepInput) => Promise<Result>,
  phase: ChildPhase,
  input: CourseStepInput,
): Promise<Result> {
  return executeChild(workflow, {
    workflowId: childId(workflowInfo().workflowId, phase),
    args: [input],
    typedSearchAttributes: courseAttributes(input.courseId, phase),
    staticSummary: `Course ${input.courseId}: ${phase}`,
  });
}
