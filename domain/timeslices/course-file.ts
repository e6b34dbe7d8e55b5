import {
  isAbsent,
  kindOf,
  needed,
  readKeys,
  readList,
  readText,
  type Complain,
  type Field,
} from './course-file-values.ts';
import { readWikis, type WikiEntry } from './course-file-wikis.ts';
import { readInstant, type DayMeans } from './iso-instant.ts';
import { roleNames, STUDENT } from './roles.ts';
import type { Period, Second } from './slices.ts';
import { usernameTrouble, wikiUsername } from './usernames.ts';

/** A course as an operator wants it. */
export interface CourseFile {
  readonly slug: string;
  readonly title: string;
  readonly period: Period;
  readonly wikis: readonly WikiEntry[];
  /** The whole roster. */
  readonly students: readonly string[];
  /** Everybody in another role; undefined leaves them as they are. */
  readonly otherRoles: readonly RoleEntry[] | undefined;
}

export interface RoleEntry {
  readonly username: string;
  readonly role: number;
}

/** One mistake in a course file. */
export interface Mistake {
  /** Empty for the file as a whole. */
  readonly where: string;
  readonly message: string;
}

export type ReadCourse =
  | { readonly kind: 'valid'; readonly course: CourseFile }
  | { readonly kind: 'invalid'; readonly mistakes: readonly Mistake[] };

const courseKeys = ['slug', 'title', 'starts_at', 'ends_at', 'wikis', 'students', 'other_roles'] as const;
const otherRoleNames = roleNames.slice(STUDENT + 1);

/** Checks the content of a course file whole: the answer is a course or every mistake at once. */
export function readCourse(value: unknown): ReadCourse {
  const mistakes: Mistake[] = [];
  const course = read((where, message) => void mistakes.push({ where, message }), value);
  return course === undefined || mistakes.length > 0
    ? { kind: 'invalid', mistakes }
    : { kind: 'valid', course };
}

function read(complain: Complain, value: unknown): CourseFile | undefined {
  const at = readKeys(complain, { where: '', value }, { what: 'a course', known: courseKeys });
  if (at === undefined) return undefined;
  const slug = readSlug(complain, needed(complain, at('slug'), 'a short name such as botany-2026'));
  const title = readText(complain, needed(complain, at('title'), 'what the course is called'));
  const period = readPeriod(complain, at('starts_at'), at('ends_at'));
  const wikis = readWikis(complain, at('wikis'), period);
  const students = readUsernames(complain, needed(complain, at('students'), 'usernames, or [] for nobody'));
  const otherRoles = readRoles(complain, at('other_roles'));
  if (!slug || !title || !period || !wikis || !students) return undefined;
  return { slug, title, period, wikis, students, otherRoles };
}

const MOST_SLUG = 200;

/** What commands are told a course by: one that begins with a hyphen would be read as an option. */
function readSlug(complain: Complain, field: Field): string | undefined {
  const slug = readText(complain, field);
  if (slug === undefined || (!slug.startsWith('-') && slug.length <= MOST_SLUG)) return slug;
  complain(
    field.where,
    `must not begin with "-", nor have more than ${MOST_SLUG} characters, found ${kindOf(slug)}; choose another`,
  );
  return undefined;
}

function readPeriod(complain: Complain, starts: Field, ends: Field): Period | undefined {
  const startsAt = readSecond(complain, starts, 'first second');
  const endsAt = readSecond(complain, ends, 'last second');
  if (startsAt === undefined || endsAt === undefined) return undefined;
  if (startsAt <= endsAt) return { startsAt, endsAt };
  complain(ends.where, `is before ${starts.where}; correct one of them`);
  return undefined;
}

function readSecond(complain: Complain, field: Field, dayMeans: DayMeans): Second | undefined {
  const text = readText(complain, needed(complain, field, 'a date such as 2026-03-01T08:00:00Z'));
  if (text === undefined) return undefined;
  const read = readInstant(text, dayMeans);
  if (read.kind === 'instant') return read.at;
  complain(field.where, `${kindOf(text)} ${read.why}`);
  return undefined;
}

function readUsernames(complain: Complain, field: Field): readonly string[] | undefined {
  const items = readList(complain, field, 'usernames');
  const usernames = items?.map((item) => ({ where: item.where, username: readUsername(complain, item) }));
  return (
    usernames &&
    onceEach(complain, usernames, ({ username }) => username && wikiUsername(username)).flatMap(
      ({ username }) => username ?? [],
    )
  );
}

function readUsername(complain: Complain, item: Field): string | undefined {
  if (isAbsent(item)) complain(item.where, 'is empty; write a username or remove the item');
  const username = readText(complain, item);
  const trouble = username === undefined ? undefined : usernameTrouble(username);
  if (trouble === undefined) return username;
  complain(item.where, `${kindOf(username)} is no username (${trouble}); correct it`);
  return undefined;
}

function readRoles(complain: Complain, field: Field): readonly RoleEntry[] | undefined {
  const entries = readList(complain, field, 'mappings with username and role')?.map((item) => ({
    where: item.where,
    ...readRole(complain, item),
  }));
  return (
    entries &&
    onceEach(complain, entries, ({ username, role }) =>
      username === undefined || role === undefined ? undefined : `${wikiUsername(username)} ${role}`,
    ).flatMap(({ username, role }) =>
      username === undefined || role === undefined ? [] : { username, role },
    )
  );
}

function readRole(complain: Complain, item: Field): Partial<RoleEntry> {
  const at = readKeys(complain, item, { what: 'an entry', known: ['username', 'role'] });
  if (at === undefined) return {};
  const field = needed(complain, at('role'), `a number from 1 to ${otherRoleNames.length}`);
  const username = readUsername(complain, at('username'));
  const role = roleOf(field.value);
  if (role === undefined && !isAbsent(field)) {
    const choice = otherRoleNames.map((name, index) => `${index + 1} (${name})`).join(', ');
    complain(
      field.where,
      `must be one of ${choice}, found ${kindOf(field.value)}; students are listed apart`,
    );
  }
  return { ...(username === undefined ? {} : { username }), ...(role === undefined ? {} : { role }) };
}

/** By number or by name. */
function roleOf(value: unknown): number | undefined {
  const role = otherRoleNames.findIndex(
    (name, index) => name === value || String(index + 1) === String(value),
  );
  return role === -1 ? undefined : role + 1;
}

/** Complains of items that were there before under another spelling, and of the same ones. */
function onceEach<Item extends { readonly where: string }>(
  complain: Complain,
  items: readonly Item[],
  keyOf: (item: Item) => string | undefined,
): readonly Item[] {
  const first = new Map<string, string>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const known = first.get(key);
    if (known === undefined) first.set(key, item.where);
    else complain(item.where, `is the same as ${known}; keep one of them`);
  }
  return items;
}
