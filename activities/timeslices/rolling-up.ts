import type { CourseStepInput } from '../../workflows/timeslices/contract.ts';
import { beating } from '../heartbeat.ts';
import { listMarkedWikis, recordLeft } from './course-store.ts';
import type { CourseActivityDependencies } from './dependencies.ts';
import { findMarkedBatch } from './marked-batch.ts';
import { rollUpCourse, rollUpSlices } from './roll-up.ts';

/** The wikis with marked slices, in the order of their ids. */
export function createListMarkedWikis({
  database,
}: CourseActivityDependencies): (input: { readonly courseId: number }) => ReturnType<typeof listMarkedWikis> {
  return ({ courseId }) => beating(() => listMarkedWikis(database, courseId));
}

export interface RebuildInput {
  readonly courseId: number;
  readonly wikiId: number;
  /** Epoch seconds: slices up to this start are done. Absent: begin with the first. */
  readonly after?: number | undefined;
}

export interface Rebuilt {
  readonly slices: number;
  /** Marked slices behind these. */
  readonly remaining: number;
  /** Start of the last one, epoch seconds: where the next batch goes on. */
  readonly last?: number | undefined;
}

/** Rebuilds the next marked slices of a wiki, as many as fit well in one transaction. Safe to run twice. */
export function createRebuildSlices({
  database,
}: CourseActivityDependencies): (input: RebuildInput) => Promise<Rebuilt> {
  return (input) =>
    beating(async () => {
      const { startsAt, remaining } = await findMarkedBatch(database, input);
      if (startsAt.length === 0) return { slices: 0, remaining: 0 };
      await database.transaction((transaction) => rollUpSlices(transaction, { ...input, startsAt }));
      return { slices: startsAt.length, remaining: remaining - startsAt.length, last: startsAt.at(-1) };
    });
}

/** Sums the slices up into articles, students and the course, and writes down what was left; one transaction. Safe to run twice. */
export function createRollUp({
  database,
}: CourseActivityDependencies): (input: CourseStepInput) => Promise<void> {
  return (input) =>
    beating(() =>
      database.transaction(async (transaction) => {
        await recordLeft(transaction, input);
        await rollUpCourse(transaction, input);
      }),
    );
}
