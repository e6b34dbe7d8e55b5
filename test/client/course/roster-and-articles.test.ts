import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { complaints, registrar, type Ran } from '../command-line.ts';
import { courseCommand, environmentOf, imported } from './course-commands.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
});
afterAll(() => stage.close());

const course = (...argv: readonly string[]): Promise<Ran> => courseCommand(stage, ...argv);

async function students(slug: string): Promise<readonly string[]> {
  const { students: found } = (await course('show', slug, '--json')).json() as {
    students: readonly { username: string }[];
  };
  return found.map(({ username }) => username).sort();
}

async function page(given: {
  readonly title: string;
  readonly namespace?: number;
  readonly wiki?: number;
}): Promise<number> {
  const { rows } = await stage.database.query<{ id: number }>(
    `insert into articles (wiki_id, mw_page_id, title, namespace)
     select $1, coalesce(max(mw_page_id), 0) + 1, $2, $3 from articles returning id`,
    [given.wiki ?? stage.wikis[0].wikiId, given.title, given.namespace ?? 0],
  );
  return rows[0]?.id ?? 0;
}

async function excluded(courseId: number): Promise<readonly number[]> {
  const { rows } = await stage.database.query<{ id: number }>(
    'select article_id as id from course_excluded_articles where course_id = $1 order by 1',
    [courseId],
  );
  return rows.map(({ id }) => id);
}

describe('a course that does not exist', () => {
  it.each([
    [['show', 'nowhere']],
    [['enroll', 'nowhere', 'Ann']],
    [['drop', 'nowhere', 'Ann']],
    [['update', 'nowhere']],
    [['exclude', 'nowhere', 'Oak']],
    [['include', 'nowhere', 'Oak']],
    [['schedule', 'nowhere', '--pause']],
    [['verify', 'nowhere']],
    [['explain', 'nowhere']],
  ])('%j exits 3 in one line', async (argv) => {
    const ran = await course(...argv, '--json');
    expect(ran).toMatchObject({ status: 3, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toContain('"nowhere"');
  });
});

describe('wrong usage', () => {
  it.each([
    [[]],
    [['import']],
    [['show']],
    [['enroll', 'x']],
    [['drop', 'x']],
    [['exclude', 'x']],
    [['update', 'x', '--nonsense']],
    [['schedule', 'x']],
    [['schedule', 'x', '--pause', '--resume']],
    [['enroll', 'x', ' _ ']],
    [['exclude', 'x', 'Oak', '--ns', 'zero']],
  ])('%j exits 2 in one line', async (argv) => {
    const ran = await course(...argv);
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
  });

  it.each(
    [
      'import',
      'list',
      'show',
      'enroll',
      'drop',
      'update',
      'exclude',
      'include',
      'schedule',
      'verify',
      'explain',
    ].map((name) => [name]),
  )('help of %s goes to standard output', async (name) => {
    const ran = await registrar(['course', name, '--help']);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toContain('--json');
  });
});

describe('enroll and drop', () => {
  it('enrols new people now, and says who was there already', async () => {
    const courseId = await imported(stage, { slug: 'enrolling', students: ['Alice'] });
    const ran = await course('enroll', 'enrolling', 'alice', 'Bob B', 'bob_B', '--json');
    expect(ran.json()).toMatchObject({ courseId, enrolled: ['Bob B'], already: ['Alice'] });
    expect(await students('enrolling')).toEqual(['Alice', 'Bob B']);
    const again = await course('enroll', 'enrolling', 'Bob_B');
    expect(again).toMatchObject({ status: 0, stdout: 'Bob B is a student of enrolling already\n' });
  });

  it('makes a student of an instructor, who stays one', async () => {
    const courseId = await imported(stage, {
      slug: 'both',
      students: [],
      other_roles: [{ username: 'Prof', role: 1 }],
    });
    await course('enroll', 'both', 'Prof');
    const { rows } = await stage.database.query(
      'select role from courses_users where course_id = $1 order by role',
      [courseId],
    );
    expect(rows).toEqual([{ role: 0 }, { role: 1 }]);
  });

  it('enrols nobody under a name that no wiki takes, all of them or none', async () => {
    await imported(stage, { slug: 'strict', students: ['Alice'] });
    for (const name of ['A#b', 'A|b', 'A<b>', 'A[b]', '{A}', 'x'.repeat(256)]) {
      const ran = await course('enroll', 'strict', 'Bob', name);
      expect(ran).toMatchObject({ status: 2, stdout: '' });
      expect(complaints(ran)).toEqual([expect.stringMatching(/ is no username \(.+\): correct it, nothing/)]);
    }
    expect(await students('strict')).toEqual(['Alice']);
    expect(await course('enroll', 'strict', '192.0.2.1', 'A@b', 'A:b/c')).toMatchObject({ status: 0 });
    expect(await students('strict')).toEqual(['192.0.2.1', 'A:b/c', 'A@b', 'Alice']);
  });

  it('drops whoever is enrolled under such a name since before', async () => {
    const courseId = await imported(stage, { slug: 'lenient', students: [] });
    await stage.database.query(
      `with known as (insert into users (username) values ('A|b') returning id)
       insert into courses_users (course_id, user_id, role) select $1, id, 0 from known`,
      [courseId],
    );
    expect(await course('drop', 'lenient', 'A|b')).toMatchObject({ status: 0, stdout: 'A|b dropped\n' });
  });

  it('drops all or nobody, and names those who are no students', async () => {
    await imported(stage, {
      slug: 'dropping',
      students: ['Alice', 'Bob B'],
      other_roles: [{ username: 'Prof', role: 1 }],
    });
    const refused = await course('drop', 'dropping', 'Alice', 'Nobody', 'Prof');
    expect(refused).toMatchObject({ status: 3, stdout: '' });
    expect(complaints(refused)).toHaveLength(1);
    expect(refused.stderr).toContain('"Nobody", "Prof"');
    expect(await students('dropping')).toEqual(['Alice', 'Bob B']);
    expect(await course('drop', 'dropping', 'bob_B')).toMatchObject({ status: 0, stdout: 'Bob B dropped\n' });
    expect(await students('dropping')).toEqual(['Alice']);
  });

  it('says in one line that Temporal is down, and changes nothing', async () => {
    await imported(stage, { slug: 'alone', students: ['Alice'] });
    const env = { ...environmentOf(stage), TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const ran = await registrar(['course', 'drop', 'alone', 'Alice'], { env });
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(await students('alone')).toEqual(['Alice']);
    const shown = await registrar(['course', 'show', 'alone', '--json'], { env });
    expect(shown.json()).toMatchObject({ slug: 'alone', schedule: null, lastUpdate: null });
  });
});

describe('exclude and include', () => {
  it('find a page by spaces or underscores, with its first letter small or large', async () => {
    const courseId = await imported(stage, { slug: 'excluding' });
    const oak = await page({ title: 'Oak_tree' });
    const ran = await course('exclude', 'excluding', 'oak tree');
    expect(ran).toMatchObject({ status: 0, stdout: 'Oak_tree (en.wikipedia, namespace 0) excluded\n' });
    expect(await excluded(courseId)).toEqual([oak]);
    expect((await course('exclude', 'excluding', 'Oak_tree', '--json')).json()).toMatchObject({
      changed: false,
    });
    expect((await course('include', 'excluding', 'Oak tree', '--json')).json()).toMatchObject({
      changed: true,
    });
    expect(await excluded(courseId)).toEqual([]);
    expect((await course('include', 'excluding', 'Oak tree')).stdout).toContain('is not excluded');
  });

  it('exits 3 for a page that nobody knows, and says in which namespace there is one', async () => {
    await imported(stage, { slug: 'unknown' });
    await page({ title: 'Talked_about', namespace: 1 });
    expect(await course('exclude', 'unknown', 'Nothing')).toMatchObject({ status: 3, stdout: '' });
    const elsewhere = await course('exclude', 'unknown', 'Talked about');
    expect(elsewhere).toMatchObject({ status: 3, stdout: '' });
    expect(elsewhere.stderr).toContain('--ns 1');
    expect(await course('exclude', 'unknown', 'Talked about', '--ns', '1')).toMatchObject({ status: 0 });
  });

  it('exits 2 naming the wikis that both have such a page, until one is named', async () => {
    const [first, second] = stage.wikis;
    const courseId = await imported(stage, {
      slug: 'ambiguous',
      wikis: [
        { language: 'en', project: 'wikipedia', api_url: first.apiUrl },
        { language: 'fr', project: 'wikipedia', api_url: second.apiUrl },
      ],
    });
    await page({ title: 'Paris' });
    const there = await page({ title: 'Paris', wiki: second.wikiId });
    const ran = await course('exclude', 'ambiguous', 'Paris');
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toContain(first.apiUrl);
    expect(ran.stderr).toContain(second.apiUrl);
    const root = new URL(second.apiUrl).origin;
    expect(await course('exclude', 'ambiguous', 'Paris', '--wiki', root)).toMatchObject({ status: 0 });
    expect(await excluded(courseId)).toEqual([there]);
  });
});

describe('schedule', () => {
  it('takes any cron spec of the server and shows what it understood', async () => {
    await imported(stage, { slug: 'timing' });
    const cronOf = async (spec: string): Promise<unknown> =>
      ((await course('schedule', 'timing', '--cron', spec, '--json')).json() as { cron: string }).cron;
    expect(await cronOf('30 4 * * 1-5')).toBe('30 4 * * 1-5');
    expect(await cronOf('*/15 3,5 1 jan sun')).toBe('*/15 3,5 1 1 0');
    expect(await cronOf('CRON_TZ=Europe/Berlin 0 4 * * *')).toBe('CRON_TZ=Europe/Berlin 0 4 * * *');
    expect(await cronOf('@every 90m')).toBe('@every 5400s');
    expect(await cronOf('5 0 4 * * * 2030')).toBe('5 0 4 * * * 2030');
    expect(await cronOf('@daily')).toBe('0 0 * * *');
    expect(await course('import', '/dev/null')).toMatchObject({ status: 2 });
  });

  it('keeps the spec and the pause when a course is imported or set up again', async () => {
    await imported(stage, { slug: 'kept' });
    await course('schedule', 'kept', '--cron', '0 4 * * *');
    await course('schedule', 'kept', '--pause');
    await imported(stage, { slug: 'kept', title: 'Another' });
    const setUp = await registrar(['setup'], { env: environmentOf(stage) });
    expect(setUp).toMatchObject({ status: 0 });
    expect((await course('show', 'kept', '--json')).json()).toMatchObject({
      schedule: { cron: '0 4 * * *', paused: true, note: 'Paused by an operator', nextAt: null },
    });
    const resumed = await course('schedule', 'kept', '--resume', '--json');
    expect(resumed.json()).toMatchObject({ paused: false, nextAt: expect.any(String) as string });
  });

  it('exits 2 in one line with the reason why a spec is none, and changes nothing', async () => {
    const courseId = await imported(stage, { slug: 'wrong' });
    for (const spec of ['nonsense', '61 * * * *', '', '@every 90']) {
      const ran = await course('schedule', 'wrong', '--cron', spec);
      expect(ran).toMatchObject({ status: 2, stdout: '' });
      expect(complaints(ran)).toHaveLength(1);
    }
    expect((await course('show', 'wrong', '--json')).json()).toMatchObject({
      schedule: { cron: `${courseId % 60} * * * *` },
    });
  });

  it.each([
    ['* * * * * * *'],
    ['*/30 * * * * * *'],
    ['0,30 * * * * * 2030'],
    ['5-6 0 4 * * * *'],
    ['CRON_TZ=Europe/Berlin * 0 4 * * * *'],
    ['TZ=UTC  * * * * * * * # often'],
    ['@every 1s'],
    ['@every 59s/3s'],
    [' @every 0.5m'],
  ])('does not come more than once a minute: %s', async (spec) => {
    const courseId = await imported(stage, { slug: 'often' });
    const ran = await course('schedule', 'often', '--cron', spec);
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(complaints(ran)).toEqual([expect.stringContaining(`"${spec}" comes more than once a minute`)]);
    expect((await course('show', 'often', '--json')).json()).toMatchObject({
      schedule: { cron: `${courseId % 60} * * * *` },
    });
  });

  it.each([
    '* * * * *',
    '* * * * * 2030',
    '30 * * * * * *',
    '@every 60s',
    '@every 1m30s',
    '@every 1d/2h',
    '@hourly',
  ])('may come as often as %s', async (spec) => {
    await imported(stage, { slug: 'seldom' });
    expect(await course('schedule', 'seldom', '--cron', spec)).toMatchObject({ status: 0, stderr: '' });
    await course('schedule', 'seldom', '--pause');
  });

  it('is made anew by setup when it is missing, and says so in doctor until then', async () => {
    const courseId = await imported(stage, { slug: 'restored' });
    const id = `course-update-${courseId}`;
    await stage.temporal.client.schedule.getHandle(id).delete();
    const doctor = await registrar(['doctor'], { env: environmentOf(stage) });
    expect(doctor.stdout).toMatch(new RegExp(`^FAILED +course schedules: missing: ${id}: `, 'm'));
    const setUp = await registrar(['setup'], { env: environmentOf(stage) });
    expect(setUp.stdout).toContain(`schedule ${id}: created\n`);
    expect(setUp.stdout).toMatch(/^schedules of courses: \d+ unchanged$/m);
  });
});
