import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { CourseClient } from '../../client/course/client.ts';
import type { Queryable } from '../../db/database.ts';
import type { CourseFile } from '../../domain/timeslices/course-file.ts';
import { createSandboxControl } from '../../sandbox/control/client.ts';
import { generateEdits } from '../../sandbox/wiki/generated-edits.ts';

export interface CourseStoryOptions {
  readonly courses: CourseClient;
  readonly database: Queryable;
  /** Of the sandbox wikis. */
  readonly wikiUrls: readonly [en: string, fr: string];
  /** Where the story's beginning is written down. */
  readonly file: string;
  readonly tell: (line: string) => void;
}

/** The course's numbers at one moment of the story, and whether they are what the story says. */
export interface Chapter {
  readonly what: string;
  readonly students: number;
  readonly characters: number;
  readonly references: number;
  readonly revisions: number;
  readonly articles: number;
  readonly slicesRebuilt: number;
  /** Empty when all held. */
  readonly wrong: string;
}

export const SLUG = 'history-of-science';
const WEEK_SECONDS = 7 * 86_400;
const WEEKS = 8;
export const students = [
  'Ada Lovelace',
  'Émilie du Châtelet',
  'Hypatia',
  'Ibn al-Haytham',
  'Jagadish Bose',
  'Lise Meitner',
  'Maria Merian',
  'Mary Anning',
  'Shen Kuo',
  'Sofja Kowalewskaja',
  'Tu Youyou',
  'Wang Zhenyi',
].map((name) => `${name} (student)`);
const leaver = students[5] ?? '';

/**
 * Plays the course part of the story on a running product: a course with two wikis and eight weeks of edits is imported
 * and updated; a student is dis-enrolled, and the next update works only the slices that this student touched. After either the
 * numbers are compared with a rebuild from nothing. Another run plays it again, on the same wikis.
 */
export async function playCourseStory(options: CourseStoryOptions): Promise<readonly Chapter[]> {
  const { courses, database, tell } = options;
  const { startsAt } = await wikisWithEdits(options);
  const { courseId } = await courses.import(courseFile(options, startsAt));
  tell(`a course of ${students.length} students on two wikis, ${WEEKS} weeks long, is imported`);

  const first = await courses.update(SLUG);
  tell(`its update is done: ${first.result.ingest.revisions} edits`);
  const whole = await chapterOf(options, 'imported and updated', first.result.ingest.slicesRebuilt);

  const touched = await countSlicesOf(database, courseId, leaver);
  await courses.drop(SLUG, [leaver]);
  tell(`a student who touched ${touched} slices is dis-enrolled`);
  const { reprocess } = (await courses.update(SLUG)).result;
  tell(`the next update works ${reprocess.slicesRebuilt} slices again, and fetches none of them`);
  const without = await chapterOf(options, 'one student dis-enrolled', reprocess.slicesRebuilt);
  const wrong = [
    without.wrong,
    reprocess.slicesRebuilt === touched ? '' : `${touched} slices were touched`,
    reprocess.slicesFetched === 0 ? '' : `${reprocess.slicesFetched} slices were fetched`,
    without.students === whole.students - 1 ? '' : 'the student is counted',
    without.revisions < whole.revisions ? '' : 'the student’s edits are counted',
  ];
  return [whole, { ...without, wrong: wrong.filter(Boolean).join('; ') }];
}

interface Beginning {
  /** Epoch seconds. */
  readonly startsAt: number;
}

/** Fills the wikis, once in the life of their data. */
async function wikisWithEdits({ wikiUrls, file, tell }: CourseStoryOptions): Promise<Beginning> {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Beginning;
  const today = Math.floor(Date.now() / 86_400_000) * 86_400;
  const startsAt = today - WEEKS * WEEK_SECONDS;
  for (const [index, url] of wikiUrls.entries()) {
    const edits = generateEdits({
      seed: 1859 + index,
      users: students,
      startAt: new Date(startsAt * 1000),
      endAt: new Date(today * 1000),
      titleSuffix: index === 0 ? '' : ' (fr)',
    }).filter(
      // The one who will leave has lost interest after some weeks.
      ({ user, timestamp, new: isNew }) =>
        user !== leaver || isNew === true || Date.parse(timestamp) < (startsAt + 2 * WEEK_SECONDS) * 1000,
    );
    await createSandboxControl(url)('POST', '/_sandbox/edits', edits);
    tell(`${edits.length} edits are made on the sandbox wiki ${url}`);
  }
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ startsAt } satisfies Beginning), { mode: 0o600 });
  renameSync(draft, file);
  return { startsAt };
}

function courseFile({ wikiUrls }: CourseStoryOptions, startsAt: number): CourseFile {
  const wiki = (url: string, language: string): CourseFile['wikis'][number] => ({
    language,
    project: 'wikipedia',
    apiUrl: `${url}/w/api.php`,
    namespaces: [],
    timesliceSeconds: 86_400,
  });
  return {
    slug: SLUG,
    title: 'History of science',
    period: { startsAt, endsAt: startsAt + WEEKS * WEEK_SECONDS - 1 },
    wikis: [wiki(wikiUrls[0], 'en'), wiki(wikiUrls[1], 'fr')],
    students,
    otherRoles: [{ username: 'Isis Editor', role: 1 }],
  };
}

/** The course's numbers now, compared with a rebuild. */
export async function chapterOf(
  { courses }: Pick<CourseStoryOptions, 'courses'>,
  what: string,
  slicesRebuilt: number,
): Promise<Chapter> {
  const { differences, slicesMarked } = await courses.verify(SLUG);
  const course = await courses.show(SLUG);
  const wrong = [
    differences.length === 0 ? '' : `${differences.length} rows differ from a rebuild`,
    slicesMarked === 0 ? '' : `${slicesMarked} slices are still marked`,
    course.wikis.some(({ left }) => left !== null) ? 'a wiki was left' : '',
  ];
  return {
    what,
    students: course.userCount,
    characters: course.characterSum,
    references: course.referencesCount,
    revisions: course.revisionCount,
    articles: course.articleCount,
    slicesRebuilt,
    wrong: wrong.filter(Boolean).join('; '),
  };
}

async function countSlicesOf(db: Queryable, courseId: number, username: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(distinct (wiki_id, start_at)) from article_course_user_wiki_timeslices
     where course_id = $1::bigint and user_id = (select id from users where username = $2)`,
    [courseId, username],
  );
  return rows[0]?.count ?? 0;
}
