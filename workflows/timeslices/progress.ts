import {
  defineQuery,
  CancellationScope,
  defineSignal,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { isObject } from '../../domain/json-object.ts';
import { insist, isId, isInstant, isText, readInput } from '../input.ts';
import {
  STATUS,
  type CoursePhase,
  type CourseStatusView,
  type CourseStepInput,
  type LeftWiki,
} from './contract.ts';

/** Most steps are over before anybody could look. */
const TELL_AFTER = '3 seconds';

const statusQuery = defineQuery<CourseStatusView>(STATUS);

/** Lets the workflow answer the query `status`. Call it before the first `await`. */
export function answerStatus(view: () => CourseStatusView): void {
  setHandler(statusQuery, view, { description: 'Phase, slices done of all, wikis at work, what was left.' });
}

/** From a child to its update, so that the update's own page shows how far it is. */
export const progressSignal = defineSignal<[CourseStatusView]>('progress');

/** What a child tells; anybody else who sends the signal may tell anything. */
export function isProgress(told: unknown): told is CourseStatusView {
  if (!isObject(told) || !isObject(told['slices'])) return false;
  const { slices, wikis, left } = told;
  return (
    [slices['done'], slices['all']].every(Number.isSafeInteger) &&
    Array.isArray(wikis) &&
    wikis.every(isText) &&
    Array.isArray(left) &&
    left.every((one) => isObject(one) && isText(one['wiki']) && isText(one['because']))
  );
}

/** Throws a `BadInput` for what no update starts its children with. */
export function checkStepInput(input: CourseStepInput): void {
  const { courseId, now, left } = readInput(input, '{"courseId", "now", "left"}');
  insist(isId(courseId), 'courseId', 'the id of a course');
  insist(isInstant(now), 'now', 'an instant such as 2026-01-31T12:00:00Z');
  insist(Array.isArray(left) && left.every(isObject), 'left', 'a list of wikis');
}

/** How far a child has come: kept for the query, the details page and the update above it. */
export interface Progress {
  /** So many slices are still to be done, as far as is known now. */
  remaining(slices: number): void;
  done(slices: number): void;
  /** Lets the update above know; each time costs a few events. */
  tell(): Promise<void>;
  /** Names the wiki while `work` lasts. */
  at<Result>(wiki: string, work: () => Promise<Result>): Promise<Result>;
  leave(left: LeftWiki): void;
  /** What was left by this step and those before it. */
  readonly left: readonly LeftWiki[];
}

/** Opens the books of a child workflow. Call it before the first `await`. */
export function openProgress(phase: CoursePhase, { courseId, left: before }: CourseStepInput): Progress {
  const [slices, wikis, left] = [{ done: 0, all: 0 }, new Set<string>(), [...before]];
  const view = (): CourseStatusView => ({ courseId, phase, slices: { ...slices }, wikis: [...wikis], left });
  answerStatus(view);
  const show = (): void => setCurrentDetails(renderDetails(view()));
  const tellIfSlow = async (): Promise<void> => {
    await sleep(TELL_AFTER, { summary: 'before the update is told how far this is' });
    await tellParent(view());
  };
  show();
  return {
    left,
    remaining: (more) => {
      slices.all = slices.done + more;
      show();
    },
    done: (more) => {
      slices.done += more;
      slices.all = Math.max(slices.all, slices.done);
      show();
    },
    tell: () => tellParent(view()),
    at: async (wiki, work) => {
      wikis.add(wiki);
      show();
      const patience = new CancellationScope();
      try {
        void patience.run(tellIfSlow).catch(() => undefined);
        return await work();
      } finally {
        patience.cancel();
        wikis.delete(wiki);
        show();
      }
    },
    leave: (one) => {
      left.push(one);
      left.sort((one, other) => one.wikiId - other.wikiId);
      show();
    },
  };
}

async function tellParent(view: CourseStatusView): Promise<void> {
  const { parent } = workflowInfo();
  if (parent === undefined) return;
  try {
    await getExternalWorkflowHandle(parent.workflowId, parent.runId).signal(progressSignal, view);
  } catch {
    // The update above has ended, and this child with it.
  }
}

const phases: Readonly<Record<CoursePhase, string>> = {
  'pre-update': 'Bringing slices, roster and pages up to date with the course',
  reprocess: 'Reprocessing marked slices',
  ingest: 'Ingesting new edits',
  'roll-up': 'Rolling up into the course’s numbers',
  done: 'Done',
};

/** The page that the Temporal UI shows above a workflow's history: Markdown, nobody's name. */
export function renderDetails({ courseId, phase, slices, wikis, left }: CourseStatusView): string {
  return [
    `**Course ${courseId}: ${phases[phase]}**`,
    ...(slices.all === 0 ? [] : [`Slices: ${slices.done} of ${slices.all} done.`]),
    ...(wikis.length === 0 ? [] : [`At work on: ${wikis.join(', ')}.`]),
    ...(left.length === 0
      ? []
      : ['Left for the next update:', left.map(({ wiki, because }) => `- ${wiki}: ${because}`).join('\n')]),
  ].join('\n\n');
}
