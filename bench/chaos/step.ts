import type { RerunKind } from '../../workflows/retirement/contract.ts';

/** What may be killed. Worker processes are numbered from 0. */
export type Victim = 'temporal' | 'postgres' | `worker-${number}`;

export type FaultyServer = 'lms' | 'third-party' | 'wiki' | 'second-wiki';

/** A fault as the sandboxes take it, for a number of requests; `learner` is filled in when it is set. */
export interface ChosenFault {
  readonly method?: string;
  readonly path?: string;
  readonly status?: number;
  readonly body?: unknown;
  readonly delay_ms?: number;
  readonly drop?: 'before' | 'after';
  readonly retry_after?: number;
  readonly times: number;
}

/** Learners are numbered in the order in which they ask, from 0. Courses, their students and their pages are numbered too. */
export type Action =
  | {
      readonly kind: 'ask';
      readonly learner: number;
      readonly orgs: readonly string[];
      /** Whether they edit a wiki for a course, and which. */
      readonly course: number | null;
      /** Somebody whom the third party refuses for ever. */
      readonly isDoomed: boolean;
    }
  | { readonly kind: 'kill'; readonly victims: readonly Victim[]; readonly downMs: number }
  | {
      readonly kind: 'fault';
      readonly server: FaultyServer;
      readonly faults: readonly ChosenFault[];
      readonly learner: number | null;
    }
  | { readonly kind: 'lag'; readonly server: 'wiki' | 'second-wiki'; readonly seconds: number }
  | { readonly kind: 'clear'; readonly server: FaultyServer }
  | {
      readonly kind: 'resume';
      /** Null: the `choice`-th of those who are ERRORED at that moment. */
      readonly learner: number | null;
      readonly by: 'signal' | 'update' | 'client';
      /** `prior`: the state that retries the failed stage; `any`: the `choice`-th of all; `wrong`: no state that helps. */
      readonly from: 'prior' | 'any' | 'wrong';
      readonly choice: number;
    }
  | { readonly kind: 'resume-all'; readonly stage: number }
  | {
      readonly kind: 'cancel';
      readonly learner: number;
      readonly by: 'client' | 'signal' | 'update' | 'request';
    }
  | { readonly kind: 'rerun'; readonly learner: number | null; readonly how: RerunKind }
  | { readonly kind: 'collect' | 'report' | 'archive' }
  | { readonly kind: 'update'; readonly course: number; readonly full: boolean }
  | { readonly kind: 'import'; readonly course: number; readonly variant: CourseVariant }
  | { readonly kind: 'enroll' | 'drop'; readonly course: number; readonly student: number }
  | {
      readonly kind: 'exclude' | 'include';
      readonly course: number;
      readonly page: number;
      readonly wiki: 0 | 1;
    }
  | {
      readonly kind: 'edit';
      readonly student: number;
      readonly page: number;
      readonly ns: number;
      readonly wiki: 0 | 1;
      readonly size: number;
      readonly refs: number;
      readonly isNew: boolean;
      readonly minutesAgo: number;
    }
  | {
      readonly kind: 'page';
      readonly change: 'delete' | 'undelete' | 'move';
      readonly page: number;
      readonly ns: number;
      readonly toNs: number;
      readonly wiki: 0 | 1;
    };

export interface CourseVariant {
  /** Hours by which the course begins and ends earlier or later than at first. */
  readonly startHours: number;
  readonly endHours: number;
  readonly hasSecondWiki: boolean;
  readonly namespaces: readonly number[];
  readonly students: readonly number[];
}

/** One thing that is done at a set moment, counted from the beginning of the run. */
export interface Step {
  readonly step: number;
  readonly atMs: number;
  readonly action: Action;
}
