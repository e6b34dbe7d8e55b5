import type { Queryable } from '../../db/database.ts';
import type { CourseFile } from '../../domain/timeslices/course-file.ts';
import { roleName, roleNames, STUDENT } from '../../domain/timeslices/roles.ts';
import type { WikiEntry } from '../../domain/timeslices/course-file-wikis.ts';
import { wikiLabel } from '../../domain/timeslices/wiki-address.ts';
import { refused } from '../operation-error.ts';
import type { CourseContext } from './context.ts';
import {
  deleteCourseWikis,
  ensureWikis,
  insertCourse,
  listWikiSettings,
  oneCourseHead,
  putCourseWiki,
  renameWiki,
  updateCourse,
  type CourseHead,
  type StoredWiki,
  type WikiSettings,
} from './import-store.ts';
import { deleteEnrolments, ensureUsers, insertEnrolments, listEnrolled, lockCourse } from './roster-store.ts';
import { keepScheduled, type ScheduleUpkeep } from './schedule.ts';
import { findCourse } from './store.ts';

/** What an import did to a course. */
export interface CourseChanges {
  readonly courseId: number;
  readonly slug: string;
  readonly created: boolean;
  /** Null: as it was. */
  readonly title: Change<string> | null;
  readonly startsAt: Change<string> | null;
  readonly endsAt: Change<string> | null;
  readonly wikisAdded: readonly string[];
  readonly wikisRemoved: readonly string[];
  readonly wikisChanged: readonly WikiChange[];
  readonly joined: readonly string[];
  readonly left: readonly string[];
  readonly rolesAdded: readonly RoleChange[];
  readonly rolesRemoved: readonly RoleChange[];
}

export interface Change<Value> {
  readonly from: Value;
  readonly to: Value;
}

export interface WikiChange {
  readonly wiki: string;
  /** What the wiki is called in all courses. */
  readonly name: Change<string> | null;
  /** Empty means the mainspace alone. */
  readonly namespaces: Change<readonly number[]> | null;
  /** For slices that are made from now on; those that are there keep their length. */
  readonly timesliceSeconds: Change<number> | null;
}

export interface RoleChange {
  readonly username: string;
  readonly role: string;
}

export interface Imported extends CourseChanges {
  readonly schedule: ScheduleUpkeep;
}

/** Creates the course or makes it what the file says, in one transaction, and sees to its schedule. Asks nothing of a wiki. */
export async function importCourse(context: CourseContext, file: CourseFile): Promise<Imported> {
  // Before anything is written, so that no course stays without a schedule because Temporal is down.
  const temporal = await context.temporal();
  const changes = await context.database.transaction((transaction) => apply(transaction, file));
  return { ...changes, schedule: await keepScheduled(temporal, changes.courseId, givesWork(changes)) };
}

async function apply(db: Queryable, file: CourseFile): Promise<CourseChanges> {
  const inserted = await insertCourse(db, file);
  const courseId = inserted ?? (await oneCourseId(db, file.slug));
  await lockCourse(db, courseId);
  const head = await changeHead(db, courseId, file);
  const wikis = await changeWikis(db, courseId, file);
  const people = await changePeople(db, courseId, file);
  return { courseId, slug: file.slug, created: inserted !== undefined, ...head, ...wikis, ...people };
}

async function oneCourseId(db: Queryable, slug: string): Promise<number> {
  const course = await findCourse(db, slug);
  if (course === undefined) throw new Error(`the course ${slug} was deleted at this very moment`);
  return course.courseId;
}

type HeadChanges = Pick<CourseChanges, 'title' | 'startsAt' | 'endsAt'>;

async function changeHead(db: Queryable, courseId: number, file: CourseFile): Promise<HeadChanges> {
  const before = await oneCourseHead(db, courseId);
  const after: CourseHead = { title: file.title, ...file.period };
  const changes = {
    title: changed(before.title, after.title),
    startsAt: changed(isoOf(before.startsAt), isoOf(after.startsAt)),
    endsAt: changed(isoOf(before.endsAt), isoOf(after.endsAt)),
  };
  if (Object.values(changes).some((change) => change !== null)) await updateCourse(db, courseId, file);
  return changes;
}

type WikisChanges = Pick<CourseChanges, 'wikisAdded' | 'wikisRemoved' | 'wikisChanged'>;

async function changeWikis(db: Queryable, courseId: number, file: CourseFile): Promise<WikisChanges> {
  const before = await listWikiSettings(db, courseId);
  const stored = new Map((await ensureWikis(db, file.wikis)).map((wiki) => [wiki.apiUrl, wiki]));
  const wanted: WikiSettings[] = [];
  for (const entry of file.wikis) {
    const { namespaces, timesliceSeconds } = entry;
    const { wikiId } = await callWiki(db, courseId, entry, stored.get(entry.apiUrl));
    wanted.push({ wikiId, wiki: wikiLabel(entry), namespaces, timesliceSeconds });
  }
  const removed = before.filter(({ wikiId }) => wanted.every((wiki) => wiki.wikiId !== wikiId));
  await deleteCourseWikis(
    db,
    courseId,
    removed.map(({ wikiId }) => wikiId),
  );
  for (const wiki of wanted) await putCourseWiki(db, courseId, wiki);
  const known = new Map(before.map((wiki) => [wiki.wikiId, wiki]));
  return {
    wikisAdded: wanted.filter(({ wikiId }) => !known.has(wikiId)).map(({ wiki }) => wiki),
    wikisRemoved: removed.map(({ wiki }) => wiki),
    wikisChanged: wanted.flatMap((wiki) => changeOfWiki(known.get(wiki.wikiId), wiki)),
  };
}

/** Sees to it that the wiki is called as the file says. Throws where that would rename a wiki of other courses. */
async function callWiki(
  db: Queryable,
  courseId: number,
  { language, project, apiUrl }: WikiEntry,
  known: StoredWiki | undefined,
): Promise<StoredWiki> {
  if (known === undefined) throw new Error(`the wiki at ${apiUrl} was deleted at this very moment`);
  if (known.language === language && known.project === project) return known;
  const renamed = { ...known, language, project };
  if (await renameWiki(db, courseId, renamed)) return renamed;
  throw refused(
    `${apiUrl} is ${wikiLabel(known)} in other courses, not ${wikiLabel(renamed)}: write ${nameKeys(known)}, or correct the api_url`,
  );
}

function nameKeys({ language, project }: StoredWiki): string {
  return language === null
    ? `project: ${project} without a language`
    : `language: ${language}, project: ${project}`;
}

function changeOfWiki(before: WikiSettings | undefined, after: WikiSettings): readonly WikiChange[] {
  if (before === undefined) return [];
  const name = changed(before.wiki, after.wiki);
  const namespaces = changed(before.namespaces, after.namespaces);
  const timesliceSeconds = changed(before.timesliceSeconds, after.timesliceSeconds);
  if (name === null && namespaces === null && timesliceSeconds === null) return [];
  return [{ wiki: after.wiki, name, namespaces, timesliceSeconds }];
}

type PeopleChanges = Pick<CourseChanges, 'joined' | 'left' | 'rolesAdded' | 'rolesRemoved'>;

async function changePeople(db: Queryable, courseId: number, file: CourseFile): Promise<PeopleChanges> {
  const students = await changeRole(db, { courseId, role: STUDENT, usernames: file.students });
  const added: RoleChange[] = [];
  const removed: RoleChange[] = [];
  for (const role of file.otherRoles === undefined ? [] : roleNames.keys()) {
    if (role === STUDENT) continue;
    const usernames = (file.otherRoles ?? []).flatMap((entry) => (entry.role === role ? entry.username : []));
    const { joined, left } = await changeRole(db, { courseId, role, usernames });
    added.push(...joined.map((username) => ({ username, role: roleName(role) })));
    removed.push(...left.map((username) => ({ username, role: roleName(role) })));
  }
  return { ...students, rolesAdded: added, rolesRemoved: removed };
}

async function changeRole(
  db: Queryable,
  wanted: { readonly courseId: number; readonly role: number; readonly usernames: readonly string[] },
): Promise<{ readonly joined: readonly string[]; readonly left: readonly string[] }> {
  const users = await ensureUsers(db, wanted.usernames);
  const staying = new Set(users.map(({ userId }) => userId));
  const leaving = (await listEnrolled(db, wanted)).filter(({ userId }) => !staying.has(userId));
  await deleteEnrolments(db, { ...wanted, userIds: leaving.map(({ userId }) => userId) });
  const joined = new Set(await insertEnrolments(db, { ...wanted, userIds: [...staying] }));
  return {
    joined: users.filter(({ userId }) => joined.has(userId)).map(({ username }) => username),
    left: leaving.map(({ username }) => username),
  };
}

/** True when an update would find something to do: all but another title and people who are not counted. */
function givesWork(changes: CourseChanges): boolean {
  const { startsAt, endsAt, wikisAdded, wikisRemoved, wikisChanged, joined, left } = changes;
  return (
    startsAt !== null ||
    endsAt !== null ||
    [wikisAdded, wikisRemoved, wikisChanged, joined, left].some((list) => list.length > 0)
  );
}

/** True when the course was already what the file says. */
export function isUnchanged(changes: CourseChanges): boolean {
  const { created, title, rolesAdded, rolesRemoved } = changes;
  return !created && title === null && !givesWork(changes) && rolesAdded.length + rolesRemoved.length === 0;
}

function changed<Value>(from: Value, to: Value): Change<Value> | null {
  return JSON.stringify(from) === JSON.stringify(to) ? null : { from, to };
}

function isoOf(second: number): string {
  return new Date(second * 1000).toISOString();
}
