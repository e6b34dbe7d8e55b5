import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CourseUpdateResult } from '../../../../workflows/timeslices/contract.ts';
import { setCourseStage, type CourseStage } from '../../../support/courses.ts';
import { whyNoMediaWiki } from '../../../support/mediawiki.ts';
import { BUSY_EDITS, edits, march, users } from './course-edits.ts';
import { revisionName, SET_UP_MS, startTwoWikis, type Side, type TwoWikis } from './two-wikis.ts';

const missing = whyNoMediaWiki();
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

const sides = ['real', 'sandbox'] as const;
type SideName = (typeof sides)[number];

/** No wiki takes it. */
const BAD_NAME = 'No#body';
const LATE_COMER = 'Late comer';
const SYSTEM_TAG = 'OAuth CID: 252';

describe.skipIf(missing !== undefined)(`a course on a real MediaWiki${skipped}`, () => {
  let wikis: TwoWikis;
  let stage: CourseStage;
  let courses: Readonly<Record<SideName, number>>;

  beforeAll(async () => {
    [wikis, stage] = await Promise.all([
      startTwoWikis([...users, LATE_COMER], edits),
      setCourseStage({ reference_counter_url: undefined }),
    ]);
    await stage.startWorker();
    courses = { real: await addCourse(wikis.real), sandbox: await addCourse(wikis.sandbox) };
  }, SET_UP_MS);

  afterAll(async () => {
    await stage.close();
    await wikis.close();
  });

  async function addCourse({ url }: Side): Promise<number> {
    const { rows } = await stage.database.query<{ id: number }>(
      `insert into wikis (language, project, api_url) values ('en', 'wikipedia', $1) returning id`,
      [`${url}/w/api.php`],
    );
    const courseId = await stage.addCourse({
      startsAt: march(1, '00:00:00'),
      endsAt: march(14, '23:59:59'),
      students: [...users, BAD_NAME],
      wikis: [{ ...stage.wikis[0], wikiId: rows[0]?.id ?? 0 }],
    });
    await inCourse(
      courseId,
      `insert into course_wiki_namespaces (course_id, wiki_id, namespace)
       select course_id, wiki_id, unnest(array[0, 2, 118]) from courses_wikis where course_id = $1`,
    );
    return courseId;
  }

  const inCourse = async (
    courseId: number,
    statement: string,
    ...more: readonly unknown[]
  ): Promise<unknown[]> => (await stage.database.query(statement, [courseId, ...more])).rows;

  /** Updates both, and compares everything that they show; answers how the one on the real wiki went. */
  async function updateBoth(): Promise<CourseUpdateResult> {
    // A day passes for the pages.
    await stage.database.query('update articles set checked_at = null');
    const results = { real: await stage.update(courses.real), sandbox: await stage.update(courses.sandbox) };
    expect(results.real.left).toEqual([]);
    expect(withoutIds(results.sandbox)).toEqual(withoutIds(results.real));
    for (const side of sides) expect(await stage.differences(courses[side])).toEqual([]);
    expect(await shown(courses.sandbox)).toEqual(await shown(courses.real));
    return results.real;
  }

  async function shown(courseId: number): Promise<unknown> {
    return {
      course: await inCourse(
        courseId,
        'select character_sum, revision_count, user_count, article_count, new_article_count from courses where id = $1',
      ),
      slices: await inCourse(
        courseId,
        `select start_at, character_sum, revision_count, last_mw_rev_datetime, needs_update
         from course_wiki_timeslices where course_id = $1 order by start_at`,
      ),
      students: await inCourse(
        courseId,
        `select username, role, character_sum_ms, character_sum_us, character_sum_draft, courses_users.revision_count
         from courses_users join users on users.id = user_id where course_id = $1 order by username`,
      ),
      articles: await inCourse(
        courseId,
        `select namespace, title, deleted, character_sum, user_ids, new_article, first_revision
         from articles_courses join articles on articles.id = article_id where course_id = $1 order by namespace, title`,
      ),
    };
  }

  test('has, after its first update, the numbers of its students’ edits', async () => {
    const result = await updateBoth();
    const counted = edits.filter(
      ({ user, timestamp }) => users.includes(user) && timestamp <= march(14, '23:59:59'),
    );
    const live = counted.filter(({ tags = [] }) => !tags.includes(SYSTEM_TAG));
    expect(live.length).toBeGreaterThan(BUSY_EDITS);
    expect(live.length).toBeLessThan(counted.length);
    expect(result.ingest).toMatchObject({ groups: 2, revisions: counted.length });
    expect(
      await inCourse(courses.real, 'select revision_count, character_sum from courses where id = $1'),
    ).toEqual([
      {
        revision_count: live.length,
        character_sum: live
          .filter(({ ns }) => ns === 0)
          .reduce((sum, { sizediff }) => sum + Math.max(sizediff, 0), 0),
      },
    ]);
    expect(
      await inCourse(
        courses.real,
        `select username from course_user_wiki_cursors join users on users.id = user_id
         where course_id = $1 and refused_at is not null`,
      ),
    ).toEqual([{ username: BAD_NAME }]);
  });

  test('follows pages that are deleted, restored and moved, and a revision that is hidden', async () => {
    const before = await shown(courses.real);
    await wikis.change(async (changes) => {
      await changes.deletePage({ ns: 0, title: 'Doomed' });
      await changes.movePage({ ns: 0, title: 'Wanderer' }, { ns: 1, title: 'Wanderer' }, { redirect: false });
    });
    await updateBoth();
    expect(await shown(courses.real)).not.toEqual(before);

    await wikis.change(async (changes, side) => {
      await changes.undeletePage({ ns: 0, title: 'Doomed' });
      await changes.movePage({ ns: 1, title: 'Wanderer' }, { ns: 0, title: 'Wanderer' }, { redirect: false });
      const secret = edits.find(({ title }) => title === 'Secrets');
      if (secret === undefined) throw new Error('no edit is to be hidden');
      await changes.hide(side.revisionIds.get(revisionName(secret)) ?? 0, { text: true });
    });
    const result = await updateBoth();
    expect(result.reprocess.slicesFetched).toBeGreaterThan(0);

    for (const side of sides)
      await inCourse(courses[side], 'update courses set needs_update = true where id = $1');
    await updateBoth();
  });

  test('loses the edits of a student who leaves, and gets those of one who comes', async () => {
    for (const side of sides) await stage.drop(courses[side], 'Ada Lovelace');
    const left = await updateBoth();
    expect(left).toMatchObject({ preUpdate: { studentsRemoved: 1 }, reprocess: { slicesFetched: 0 } });

    await wikis.edit([
      { user: LATE_COMER, title: 'Comet', ns: 118, timestamp: march(9, '09:09:09'), sizediff: 77 },
    ]);
    for (const side of sides) await stage.enroll(courses[side], LATE_COMER, 'Ada Lovelace');
    expect((await updateBoth()).ingest).toMatchObject({ groups: 3 });
  });

  test('asks nothing more than once a group when nothing happened', async () => {
    expect((await stage.update(courses.real)).ingest).toMatchObject({ groups: 2, slicesRebuilt: 0 });
  });
});

function withoutIds({ preUpdate, reprocess, ingest }: CourseUpdateResult): unknown {
  return { preUpdate, reprocess, ingest };
}
