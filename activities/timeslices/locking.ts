import type { Queryable } from '../../db/database.ts';

/**
 * Locks a course against others who change it or sum it up. Whoever locks more of a course begins with its row, goes on with
 * `articles_courses`, and then with slices in their order. `db` must be a transaction.
 */
export async function lockCourse(db: Queryable, courseId: number): Promise<void> {
  await db.query('select id from courses where id = $1::bigint for no key update', [courseId]);
}
