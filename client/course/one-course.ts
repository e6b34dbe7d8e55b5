import type { Queryable } from '../../db/database.ts';
import { notFound } from '../operation-error.ts';
import { findCourse, type StoredCourse } from './store.ts';

/** The course of that slug. Throws when there is none. */
export async function oneCourse(db: Queryable, slug: string): Promise<StoredCourse> {
  const course = await findCourse(db, slug);
  if (course !== undefined) return course;
  throw notFound(`there is no course "${slug}": see \`registrar course list\``);
}
