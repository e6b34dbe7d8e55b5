import type { Queryable } from '../../db/database.ts';

/** A person by the name that they were first known under. */
export interface StoredUser {
  readonly userId: number;
  readonly username: string;
}

/**
 * Locks a course against other changes of it, and its slices in the order in which rebuilds lock them: what is done to the roster
 * marks slices, student by student. `db` must be a transaction.
 */
export async function lockCourse(db: Queryable, courseId: number): Promise<void> {
  await db.query('select id from courses where id = $1::bigint for no key update', [courseId]);
  await db.query(
    `select start_at from course_wiki_timeslices where course_id = $1::bigint
     order by wiki_id, start_at for no key update`,
    [courseId],
  );
}

/** The users of these names, created where nobody has such a one; spaces and underscores are the same. In no order. */
export async function ensureUsers(
  db: Queryable,
  usernames: readonly string[],
): Promise<readonly StoredUser[]> {
  await db.query(
    `insert into users (username)
     select distinct on (wiki_username(given)) given from unnest($1::text[]) with ordinality as named(given, place)
     order by wiki_username(given), place
     on conflict do nothing`,
    [usernames],
  );
  return listUsers(db, usernames);
}

/** Those of the named users who are known. */
export async function listUsers(db: Queryable, usernames: readonly string[]): Promise<readonly StoredUser[]> {
  const { rows } = await db.query<StoredUser>(
    `select id as "userId", username from users
     where wiki_username(username) in (select wiki_username(given) from unnest($1::text[]) given)
     order by username`,
    [usernames],
  );
  return rows;
}

/** People in a role of a course. */
export interface Enrolment {
  readonly courseId: number;
  readonly role: number;
  readonly userIds: readonly number[];
}

/** Enrols those who are not yet, from now on, and returns their ids. */
export async function insertEnrolments(
  db: Queryable,
  { courseId, role, userIds }: Enrolment,
): Promise<readonly number[]> {
  const { rows } = await db.query<{ userId: number }>(
    `insert into courses_users (course_id, user_id, role)
     select $1::bigint, given, $2::smallint from unnest($3::bigint[]) given order by given
     on conflict do nothing
     returning user_id as "userId"`,
    [courseId, role, userIds],
  );
  return rows.map(({ userId }) => userId);
}

/** Takes these people out of the role, and returns those who were in it. */
export async function deleteEnrolments(
  db: Queryable,
  { courseId, role, userIds }: Enrolment,
): Promise<readonly StoredUser[]> {
  const { rows } = await db.query<StoredUser>(
    `delete from courses_users using users
     where course_id = $1::bigint and role = $2::smallint and user_id = any($3::bigint[]) and users.id = user_id
     returning user_id as "userId", username`,
    [courseId, role, userIds],
  );
  return rows;
}

/** Everybody in a role, in the order of their names. */
export async function listEnrolled(
  db: Queryable,
  { courseId, role }: { readonly courseId: number; readonly role: number },
): Promise<readonly StoredUser[]> {
  const { rows } = await db.query<StoredUser>(
    `select user_id as "userId", username from courses_users join users on users.id = user_id
     where course_id = $1::bigint and role = $2::smallint
     order by username`,
    [courseId, role],
  );
  return rows;
}
