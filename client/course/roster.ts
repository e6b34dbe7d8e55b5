import { STUDENT } from '../../domain/timeslices/roles.ts';
import { usernameTrouble, wikiUsername } from '../../domain/timeslices/usernames.ts';
import { notFound, wrongUsage } from '../operation-error.ts';
import type { CourseContext } from './context.ts';
import { oneCourse } from './one-course.ts';
import {
  deleteEnrolments,
  ensureUsers,
  insertEnrolments,
  listEnrolled,
  listUsers,
  lockCourse,
  type StoredUser,
} from './roster-store.ts';
import { keepScheduled, type ScheduleUpkeep } from './schedule.ts';

export interface Enrolled {
  readonly courseId: number;
  readonly slug: string;
  readonly enrolled: readonly string[];
  /** Students already. */
  readonly already: readonly string[];
  readonly schedule: ScheduleUpkeep;
}

/** Makes these people students of the course from now on, all of them or none. */
export async function enroll(
  context: CourseContext,
  slug: string,
  usernames: readonly string[],
): Promise<Enrolled> {
  for (const username of usernames) {
    const trouble = usernameTrouble(username);
    if (trouble !== undefined) refuseName(username, trouble);
  }
  const temporal = await context.temporal();
  const { courseId } = await oneCourse(context.database, slug);
  const [users, joined] = await context.database.transaction(async (transaction) => {
    await lockCourse(transaction, courseId);
    const meant = await ensureUsers(transaction, usernames);
    const userIds = meant.map(({ userId }) => userId);
    return [
      meant,
      new Set(await insertEnrolments(transaction, { courseId, role: STUDENT, userIds })),
    ] as const;
  });
  return {
    courseId,
    slug,
    enrolled: namesOf(users.filter(({ userId }) => joined.has(userId))),
    already: namesOf(users.filter(({ userId }) => !joined.has(userId))),
    schedule: await keepScheduled(temporal, courseId, joined.size > 0),
  };
}

export interface Dropped {
  readonly courseId: number;
  readonly slug: string;
  readonly dropped: readonly string[];
  readonly schedule: ScheduleUpkeep;
}

/** Takes these students out of the course, all of them or none. Throws, naming them, when some are no students of it. */
export async function drop(
  context: CourseContext,
  slug: string,
  usernames: readonly string[],
): Promise<Dropped> {
  for (const username of usernames) {
    // No more than that: what was enrolled before it was known for no username must be able to leave.
    if (wikiUsername(username) === '' || /[\u0000-\u001f\u007f]/.test(username))
      refuseName(username, 'it is empty or has a control character in it');
  }
  const temporal = await context.temporal();
  const { courseId } = await oneCourse(context.database, slug);
  const dropped = await context.database.transaction(async (transaction) => {
    await lockCourse(transaction, courseId);
    const users = await listUsers(transaction, usernames);
    const students = await listEnrolled(transaction, { courseId, role: STUDENT });
    refuseUnknown(
      slug,
      usernames,
      users.filter(({ userId }) => students.some((student) => student.userId === userId)),
    );
    return deleteEnrolments(transaction, {
      courseId,
      role: STUDENT,
      userIds: users.map(({ userId }) => userId),
    });
  });
  return {
    courseId,
    slug,
    dropped: namesOf(dropped),
    schedule: await keepScheduled(temporal, courseId, dropped.length > 0),
  };
}

function refuseName(username: string, trouble: string): never {
  throw wrongUsage(
    `${JSON.stringify(username)} is no username (${trouble}): correct it, nothing was changed`,
  );
}

function refuseUnknown(slug: string, usernames: readonly string[], students: readonly StoredUser[]): void {
  const known = new Set(students.map(({ username }) => wikiUsername(username)));
  const unknown = usernames.filter((username) => !known.has(wikiUsername(username)));
  if (unknown.length === 0) return;
  const names = unknown.map((username) => `"${username}"`).join(', ');
  throw notFound(
    `no student of ${slug}: ${names}; nothing was changed, see \`registrar course show ${slug}\``,
  );
}

function namesOf(users: readonly StoredUser[]): readonly string[] {
  return users.map(({ username }) => username).sort();
}
