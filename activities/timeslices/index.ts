import { createBeginUpdate } from './beginning.ts';
import { createCheckPages, createListWikisToCheck } from './checking-pages.ts';
import type { CourseActivityDependencies, WikiActivityDependencies } from './dependencies.ts';
import { createFetchContributions } from './fetching.ts';
import { createPlanIngest, createPlanReprocess, createTakeOffFetchMarks } from './planning.ts';
import {
  createAdjustSlices,
  createMarkFullRebuild,
  createPrepareCourse,
  createRemoveDepartedStudents,
  createRemoveLostWikis,
} from './preparing.ts';
import { createListMarkedWikis, createRebuildSlices, createRollUp } from './rolling-up.ts';
import { createStoreFacts } from './store-facts.ts';
import { createTendSchedules } from './tending-schedules.ts';

export type CourseActivities = ReturnType<typeof createCourseActivities>;

/** Work of course updates on our own database. Each is safe to run twice; the doc comment of each says why. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the workflows take its type from here
export function createCourseActivities(dependencies: CourseActivityDependencies) {
  return {
    beginUpdate: createBeginUpdate(dependencies),
    prepareCourse: createPrepareCourse(dependencies),
    // From here to `listWikisToCheck`: for updates that began before `prepareCourse` did all of it.
    removeLostWikis: createRemoveLostWikis(dependencies),
    removeDepartedStudents: createRemoveDepartedStudents(dependencies),
    adjustSlices: createAdjustSlices(dependencies),
    markFullRebuild: createMarkFullRebuild(dependencies),
    listWikisToCheck: createListWikisToCheck(dependencies),
    planReprocess: createPlanReprocess(dependencies),
    planIngest: createPlanIngest(dependencies),
    storeFacts: createStoreFacts(dependencies),
    takeOffFetchMarks: createTakeOffFetchMarks(dependencies),
    listMarkedWikis: createListMarkedWikis(dependencies),
    rebuildSlices: createRebuildSlices(dependencies),
    rollUp: createRollUp(dependencies),
    tendSchedules: createTendSchedules(dependencies),
  };
}

export type WikiActivities = ReturnType<typeof createWikiActivities>;

/** Calls to wikis, on their own task queue. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the workflows take its type from here
export function createWikiActivities(dependencies: WikiActivityDependencies) {
  return {
    fetchContributions: createFetchContributions(dependencies),
    checkPages: createCheckPages(dependencies),
  };
}
