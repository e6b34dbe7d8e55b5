import type { GeneratedEdit } from '../../sandbox/wiki/generated-edits.ts';
import { SLICES, STUDENTS } from './course.ts';

const DAY_SECONDS = 86_400;
/** The course is still running: today and the two days after it have no edits. */
const EDITED_SLICES = SLICES - 3;
const REVISIONS_A_SESSION = 6;
const ARTICLES = 3_000;
/** One article in four was there before the course. */
const NEW_SHARE = 0.75;
const SYSTEM_SHARE = 0.005;

export const usernames: readonly string[] = Array.from(
  { length: STUDENTS },
  (_, index) => `Student ${index + 1}`,
);

/** Students who will leave, by their place in `usernames`, and in how many slices they edit: 2.5, 25 and 97 %. */
export const leavers: ReadonlyMap<number, number> = new Map([
  [9, 3],
  [249, 30],
  [489, 116],
]);

/** The course's period: whole days, of which the last three are today, tomorrow and the day after. */
export function periodOf(now: Date): { readonly startsAt: Date; readonly endsAt: Date } {
  const today = Math.floor(now.getTime() / 1000 / DAY_SECONDS) * DAY_SECONDS;
  const begins = today - EDITED_SLICES * DAY_SECONDS;
  return {
    startsAt: new Date(begins * 1000),
    endsAt: new Date((begins + SLICES * DAY_SECONDS - 1) * 1000),
  };
}

interface Place {
  readonly title: string;
  readonly ns: number;
}

interface PlannedEdit {
  readonly student: number;
  readonly second: number;
  readonly place: Place;
}

/**
 * So many edits, oldest first, the same ones for the same count and start. Students edit in sessions of six revisions to two
 * pages: their articles, user sandbox, draft and talk page, now and then any article; those who will leave edit on as many
 * days as {@link leavers} says.
 */
export function inventEdits(revisions: number, startsAt: Date): readonly GeneratedEdit[] {
  const random = randomNumbers();
  const begins = startsAt.getTime() / 1000;
  const planned: PlannedEdit[] = [];
  for (let session = 0; planned.length < revisions; session += 1) {
    const student = session % STUDENTS;
    const places = [placeOf(student, random), placeOf(student, random)] as const;
    const day = Math.floor(random() * EDITED_SLICES);
    const secondOfDay = Math.floor(random() * 80_000);
    const slices = leavers.get(student);
    for (let index = 0; index < REVISIONS_A_SESSION && planned.length < revisions; index += 1) {
      const nth = Math.floor(session / STUDENTS) * REVISIONS_A_SESSION + index;
      const ownDay = slices === undefined ? day : Math.floor(((nth % slices) * EDITED_SLICES) / slices);
      const second = begins + ownDay * DAY_SECONDS + secondOfDay + index * 600;
      planned.push({ student, second, place: places[index % 2 === 0 ? 0 : 1] });
    }
  }
  return inOrder(planned, random);
}

function placeOf(student: number, random: () => number): Place {
  const pick = random();
  const name = usernames[student] ?? '';
  if (pick < 0.5) return article(student * 7 + Math.floor(random() * 3) * 1001);
  if (pick < 0.7) return { title: `${name}/sandbox`, ns: 2 };
  if (pick < 0.8) return { title: `Article ${student * 7}`, ns: 1 };
  if (pick < 0.9) return { title: `Draft of ${name}`, ns: 118 };
  return article(Math.floor(random() * ARTICLES));
}

function article(number: number): Place {
  return { title: `Article ${number % ARTICLES}`, ns: 0 };
}

/** References and new pages as they follow from the order of the edits. */
function inOrder(planned: readonly PlannedEdit[], random: () => number): readonly GeneratedEdit[] {
  const refs = new Map<string, number>();
  return planned
    .toSorted((left, right) => left.second - right.second)
    .map(({ student, second, place }) => {
      const key = `${place.ns}:${place.title}`;
      const before = refs.get(key);
      const now = (before ?? 0) + (random() < 0.2 ? 1 : 0);
      refs.set(key, now);
      const isNew = before === undefined && (place.ns !== 0 || random() < NEW_SHARE);
      return {
        user: usernames[student] ?? '',
        ...place,
        timestamp: new Date(second * 1000).toISOString(),
        sizediff: isNew ? 1_000 : Math.floor(random() * 900) - 200,
        ...(isNew ? { new: true as const } : {}),
        ...(random() < SYSTEM_SHARE ? { tags: ['OAuth CID: 252'] } : {}),
        refs: now,
      };
    });
}

/** Numbers in [0, 1), the same every time: a linear congruence. */
function randomNumbers(): () => number {
  let state = 42;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

/** The revisions that count of these students: all but those with the tag of a system. */
export function countLive(edits: readonly GeneratedEdit[], students: readonly string[]): number {
  const counted = new Set(students);
  return edits.filter(({ user, tags }) => counted.has(user) && tags === undefined).length;
}

const STUDENTS_A_REQUEST = 50;
const REVISIONS_A_REQUEST = 500;

/** The fewest requests that a wiki can answer all edits of these students in: Σ over groups of 50 of max(1, ⌈revisions / 500⌉). */
export function leastRequests(edits: readonly GeneratedEdit[], students: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const { user } of edits) counts.set(user, (counts.get(user) ?? 0) + 1);
  let requests = 0;
  for (let first = 0; first < students.length; first += STUDENTS_A_REQUEST) {
    const group = students.slice(first, first + STUDENTS_A_REQUEST);
    const revisions = group.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);
    requests += Math.max(1, Math.ceil(revisions / REVISIONS_A_REQUEST));
  }
  return requests;
}
