import { sandboxPipeline, type PipelineRow } from '../../sandbox/lms/pipeline.ts';

export const COURSES = 3;
/** Wiki users who edit for courses and are no learners of the LMS. */
export const STUDENTS = 9;
export const PAGES = 8;

/** In every username, address, name and wiki username of a run, and in nothing else that it makes. */
export const MARKS = ['Zorvexquill', 'Brindlewick', 'vexmail'] as const;

export interface CastLearner {
  readonly username: string;
  readonly email: string;
  readonly name: string;
  readonly wikiUsername: string;
}

/** Everybody's name follows from the number, so that nothing about people needs to be chosen or kept. */
export function learnerNumber(number: number): CastLearner {
  return {
    username: `Zorvexquill-${number}`,
    email: `zorvexquill.${number}@vexmail.example`,
    name: `Brindlewick Zorvexquill the ${number}th`,
    wikiUsername: `Zorvexquill wikis ${number}`,
  };
}

export const studentNumber = (number: number): string => `Zorvexquill student ${number}`;
export const pageNumber = (number: number): string => `Chaos page ${number}`;
export const slugOf = (course: number): string => `chaos-${course}`;

export const NEWSLETTER = 'NEWSLETTER';

const newsletter: PipelineRow = ['RETIRING_BRAZE', 'BRAZE_COMPLETE', NEWSLETTER, 'forget'];
const statistics: PipelineRow = [
  'RETIRING_COURSE_STATS',
  'COURSE_STATS_COMPLETE',
  'REGISTRAR',
  'retirement_remove_course_user',
];

/** The sandbox's stages, and before its last a third party's and our own, under names that the sandbox LMS has for such. */
export const chaosPipeline: readonly PipelineRow[] = [
  ...sandboxPipeline.slice(0, -1),
  newsletter,
  statistics,
  ...sandboxPipeline.slice(-1),
];
