import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Imported } from '../../../client/course/import.ts';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { waitFor } from '../../support/wait.ts';
import { complaints, type Ran } from '../command-line.ts';
import { courseCommand, courseOn, imported, written } from './course-commands.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
});
afterAll(() => stage.close());

const course = (...argv: readonly string[]): Promise<Ran> => courseCommand(stage, ...argv);

async function change(changed: Readonly<Record<string, unknown>>): Promise<Imported> {
  const ran = await course('import', written(stage, courseOn(stage, changed)), '--json');
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  return ran.json() as Imported;
}

async function roster(courseId: number): Promise<readonly (readonly [string, number])[]> {
  const { rows } = await stage.database.query<{ username: string; role: number }>(
    `select username, role from courses_users join users on users.id = user_id
     where course_id = $1 order by role, username`,
    [courseId],
  );
  return rows.map(({ username, role }) => [username, role] as const);
}

/** Everything that an import may write. */
async function everything(): Promise<unknown> {
  const tables = ['users', 'wikis', 'courses', 'courses_users', 'courses_wikis', 'course_wiki_namespaces'];
  return Promise.all(
    tables.map(async (table) => (await stage.database.query(`select * from ${table} t order by t`)).rows),
  );
}

describe('import of a new course', () => {
  it('takes YAML with dates in any zone, and Wikimedia addresses by default', async () => {
    const yaml = `
slug: yaml-course
title: From YAML
starts_at: 2026-03-01T08:00:00+02:00
ends_at: 2026-05-31
wikis:
  - {language: en, project: wikipedia, namespaces: [118, 0], timeslice_seconds: 3600}
  - {project: wikidata, language: www, namespaces: [0]}
  - {project: wikisource}
  - {language: commons, project: wikimedia}
students: [Ada, grace hopper]
other_roles:
  - {username: Prof, role: instructor}
  - {username: Ada, role: 3}
`;
    const ran = await course('import', written(stage, yaml, 'course.yml'), '--json');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    const { courseId, created } = ran.json() as Imported;
    expect(created).toBe(true);
    const { rows: courses } = await stage.database.query('select * from courses where id = $1', [courseId]);
    expect(courses[0]).toMatchObject({
      title: 'From YAML',
      starts_at: new Date('2026-03-01T06:00:00Z'),
      ends_at: new Date('2026-05-31T23:59:59Z'),
    });
    const { rows: wikis } = await stage.database.query(
      `select language, project, api_url, timeslice_seconds, array(
         select namespace from course_wiki_namespaces n
         where (n.course_id, n.wiki_id) = (mine.course_id, mine.wiki_id) order by 1) as namespaces
       from courses_wikis mine join wikis on wikis.id = wiki_id where course_id = $1 order by api_url`,
      [courseId],
    );
    const wiki = (language: string | null, project: string, host: string, more = {}) => ({
      language, project, api_url: `https://${host}/w/api.php`, timeslice_seconds: 86_400, namespaces: [], ...more,
    }); // prettier-ignore
    expect(wikis).toEqual([
      wiki('commons', 'wikimedia', 'commons.wikimedia.org'),
      wiki('en', 'wikipedia', 'en.wikipedia.org', { timeslice_seconds: 3600, namespaces: [0, 118] }),
      wiki(null, 'wikisource', 'wikisource.org'),
      wiki(null, 'wikidata', 'www.wikidata.org'),
    ]);
    expect(await roster(courseId)).toEqual([
      ['Ada', 0],
      ['grace hopper', 0],
      ['Prof', 1],
      ['Ada', 3],
    ]);
  });

  it('makes the schedule, hourly and jittered, in which nobody is named', async () => {
    const courseId = await imported(stage, { slug: 'scheduled', students: ['Zebulon'] });
    const id = `course-update-${courseId}`;
    const described = await stage.temporal.client.schedule.getHandle(id).describe();
    expect(described).toMatchObject({
      action: {
        workflowType: 'courseUpdate',
        taskQueue: 'timeslices',
        workflowId: id,
        args: [{ courseId }],
      },
      policies: { overlap: 'SKIP' },
      state: { paused: false },
    });
    expect(described.spec.jitter).toBeGreaterThan(0);
    // The server keeps them in no order.
    const attributes = JSON.parse(
      JSON.stringify(described.action.typedSearchAttributes),
    ) as readonly unknown[];
    expect(attributes).toHaveLength(2);
    expect(attributes).toEqual(
      expect.arrayContaining([
        { key: { name: 'CourseId', type: 'INT' }, value: courseId },
        { key: { name: 'CoursePhase', type: 'KEYWORD' }, value: 'pre-update' },
      ]),
    );
    expect(JSON.stringify(described.raw)).not.toContain('Zebulon');
    expect((await course('show', 'scheduled', '--json')).json()).toMatchObject({
      schedule: { cron: `${courseId % 60} * * * *`, paused: false },
      lastUpdate: null,
    });
  });

  it('asks nothing of a wiki', async () => {
    await stage.wikis[0].forgetRequests();
    await imported(stage, { slug: 'offline' });
    expect(await stage.wikis[0].requests()).toEqual({ api: 0, counter: 0 });
  });
});

describe('import of a course that is there', () => {
  it('says so and writes nothing when it is as the file says', async () => {
    await imported(stage, { slug: 'same' });
    const before = await everything();
    const ran = await course('import', written(stage, courseOn(stage, { slug: 'same' })));
    expect(ran.stdout).toMatch(/^same is as the file says already \(course \d+\)\n$/);
    expect(await everything()).toEqual(before);
  });

  it('says what changed', async () => {
    const courseId = await imported(stage, { slug: 'changing' });
    const [{ apiUrl }, other] = stage.wikis;
    const wikis = [
      { language: 'en', project: 'wikipedia', api_url: apiUrl, namespaces: [0, 2], timeslice_seconds: 3600 },
      { language: 'fr', project: 'wikipedia', api_url: other.apiUrl },
    ];
    const changes = await change({
      slug: 'changing',
      title: 'Another',
      ends_at: '2026-03-09T00:00:00Z',
      wikis,
      students: ['Bob', 'Carol'],
    });
    expect(changes).toMatchObject({
      courseId,
      created: false,
      title: { from: 'Botany', to: 'Another' },
      startsAt: null,
      endsAt: { from: '2026-03-02T23:59:59.000Z', to: '2026-03-09T00:00:00.000Z' },
      wikisAdded: ['fr.wikipedia'],
      wikisRemoved: [],
      wikisChanged: [
        {
          wiki: 'en.wikipedia',
          namespaces: { from: [], to: [0, 2] },
          timesliceSeconds: { from: 86_400, to: 3600 },
        },
      ],
      joined: ['Carol'],
      left: ['Alice'],
    });
    const back = await course('import', written(stage, courseOn(stage, { slug: 'changing' })));
    expect(back.stdout).toContain('  title: "Another" → "Botany"\n');
    expect(back.stdout).toContain('  wikis removed: 1 (fr.wikipedia)\n');
    expect(back.stdout).toContain('new slices only');
    expect(back.stdout).toContain('  students left: 1 (Carol)\n');
  });

  it('knows a student by any spelling, and keeps the first and the day of the enrolment', async () => {
    const courseId = await imported(stage, { slug: 'spelling', students: ['alice b'] });
    const enrolled =
      'select username, enrolled_at from courses_users join users on id = user_id where course_id = $1';
    const before = await stage.database.query(enrolled, [courseId]);
    expect(await change({ slug: 'spelling', students: ['Alice_b'] })).toMatchObject({ joined: [], left: [] });
    expect((await stage.database.query(enrolled, [courseId])).rows).toEqual(before.rows);
  });

  it('leaves other roles as they are unless the file names them', async () => {
    const courseId = await imported(stage, {
      slug: 'roles',
      students: [],
      other_roles: [
        { username: 'Prof', role: 1 },
        { username: 'Helper', role: 'online volunteer' },
      ],
    });
    await change({ slug: 'roles', students: [] });
    expect(await roster(courseId)).toEqual([
      ['Prof', 1],
      ['Helper', 3],
    ]);
    const changes = await change({
      slug: 'roles',
      students: [],
      other_roles: [{ username: 'Prof', role: 4 }],
    });
    expect(changes).toMatchObject({
      rolesAdded: [{ username: 'Prof', role: 'staff' }],
      rolesRemoved: [
        { username: 'Prof', role: 'instructor' },
        { username: 'Helper', role: 'online volunteer' },
      ],
    });
    await change({ slug: 'roles', students: [], other_roles: [] });
    expect(await roster(courseId)).toEqual([]);
  });

  it('shares wikis between courses by their address', async () => {
    const one = await imported(stage, { slug: 'sharing-one' });
    const two = await imported(stage, { slug: 'sharing-two' });
    const { rows } = await stage.database.query(
      'select distinct wiki_id from courses_wikis where course_id = any($1)',
      [[one, two]],
    );
    expect(rows).toEqual([{ wiki_id: stage.wikis[0].wikiId }]);
  });
});

describe('the name of a wiki', () => {
  const address = (host: string): string => `https://${host}.example/w/api.php`;
  const on = (apiUrl: string, language: string | undefined, project = 'wikipedia') => ({
    wikis: [{ ...(language === undefined ? {} : { language }), project, api_url: apiUrl }],
  });
  const run = (changed: Readonly<Record<string, unknown>>, name: string): Promise<Ran> =>
    course('import', written(stage, courseOn(stage, changed), name));
  const namesAt = async (apiUrl: string): Promise<readonly string[]> => {
    const { rows } = await stage.database.query<{ name: string }>(
      `select concat_ws('.', language, project) as name from wikis where api_url = $1`,
      [apiUrl],
    );
    return rows.map(({ name }) => name);
  };

  it('is not taken from a wiki that another course has: exit 4 in one line, and nothing is changed', async () => {
    await imported(stage, { slug: 'named', ...on(address('named'), 'en') });
    await imported(stage, { slug: 'nameless', ...on(address('nameless'), undefined, 'mywiki') });
    const before = await everything();
    for (const [apiUrl, language, project, advice] of [
      [address('named'), 'de', 'wikipedia', 'is en.wikipedia in other courses, not de.wikipedia: write language: en, project: wikipedia'],
      [address('named'), undefined, 'mywiki', 'is en.wikipedia in other courses, not mywiki: write language: en, project: wikipedia'],
      [address('nameless'), 'en', 'mywiki', 'is mywiki in other courses, not en.mywiki: write project: mywiki without a language'],
    ] as const) {
      const ran = await run({ slug: 'renaming', ...on(apiUrl, language, project) }, 'renaming.json');
      expect(ran).toMatchObject({ status: 4, stdout: '' });
      expect(complaints(ran)).toEqual([`registrar: ${apiUrl} ${advice}, or correct the api_url`]);
    }
    expect(await everything()).toEqual(before);
  }); // prettier-ignore

  it('may be corrected by the one course that has it, which is told', async () => {
    await imported(stage, { slug: 'alone', ...on(address('alone'), 'eo') });
    expect(await change({ slug: 'alone', ...on(address('alone'), 'en') })).toMatchObject({
      wikisAdded: [],
      wikisRemoved: [],
      wikisChanged: [{ wiki: 'en.wikipedia', name: { from: 'eo.wikipedia', to: 'en.wikipedia' } }],
    });
    expect(await namesAt(address('alone'))).toEqual(['en.wikipedia']);
    const back = await run({ slug: 'alone', ...on(address('alone'), 'eo') }, 'alone.json');
    expect(back.stdout).toContain('  wiki called: en.wikipedia → eo.wikipedia\n');
  });

  it("is Wikimedia's at Wikimedia's address, whoever called it otherwise", async () => {
    const apiUrl = 'https://gl.wikipedia.org/w/api.php';
    await imported(stage, { slug: 'mistaken-name', ...on(apiUrl, 'pt') });
    await imported(stage, { slug: 'plain', wikis: [{ language: 'gl', project: 'wikipedia' }] });
    expect(await namesAt(apiUrl)).toEqual(['gl.wikipedia']);
    expect(await run({ slug: 'mistaken-name', ...on(apiUrl, 'pt') }, 'mistaken.json')).toMatchObject({
      status: 4,
    });
  });

  it('is one, also of two imports at the same moment', async () => {
    const [one, other] = await Promise.all(
      (['en', 'de'] as const).map((language) =>
        run({ slug: `racing-${language}`, ...on(address('racing'), language) }, `racing-${language}.json`),
      ),
    );
    expect([one?.status, other?.status].toSorted()).toEqual([0, 4]);
    expect(await namesAt(address('racing'))).toEqual([one?.status === 0 ? 'en.wikipedia' : 'de.wikipedia']);
  });

  /** Waits until that many statements wait for a lock, or `over` says that they never will. */
  const areWaiting = (count: number, over: () => boolean = () => false): Promise<unknown> =>
    waitFor(
      async () => {
        const { rows } = await stage.database.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return over() || rows.length === count;
      },
      { what: 'imports to wait for another' },
    );

  it('is one, also where another import gives it at that moment', async () => {
    const apiUrl = address('given');
    const { late } = await stage.database.transaction(async (other) => {
      await other.query(
        `with wiki as (insert into wikis (language, project, api_url) values ('en', 'wikipedia', $1) returning id),
           course as (insert into courses (slug, title, starts_at, ends_at) values ('first', 'First', now()::date, now()::date) returning id)
         insert into courses_wikis (course_id, wiki_id, timeslice_seconds) select course.id, wiki.id, 86400 from course, wiki`,
        [apiUrl],
      );
      const importing = run({ slug: 'late', ...on(apiUrl, 'eo') }, 'late.json');
      await areWaiting(1);
      // Not awaited in here: it waits for the commit.
      return { late: importing };
    });
    expect(await late).toMatchObject({ status: 4, stdout: '' });
    expect(await namesAt(apiUrl)).toEqual(['en.wikipedia']);
  });

  it('is one, also where another course takes the wiki while its name is being corrected', async () => {
    const apiUrl = address('taken');
    await imported(stage, { slug: 'correcting', ...on(apiUrl, 'eo') });
    const { taking, correcting } = await stage.database.transaction(async (other) => {
      // Holds the import up at its students, when it has taken the wiki.
      await other.query(`insert into users (username) values ('Slow')`);
      const first = run({ slug: 'taking', students: ['Slow'], ...on(apiUrl, 'eo') }, 'taking.json');
      await areWaiting(1);
      let isOver = false;
      const second = run({ slug: 'correcting', ...on(apiUrl, 'en') }, 'correcting.json').finally(() => {
        isOver = true;
      });
      await areWaiting(2, () => isOver);
      return { taking: first, correcting: second };
    });
    expect(await taking).toMatchObject({ status: 0, stderr: '' });
    expect(await correcting).toMatchObject({ status: 4, stdout: '' });
    expect(await namesAt(apiUrl)).toEqual(['eo.wikipedia']);
  });
});

describe('the pause of a course long over', () => {
  const PAUSED = 'Paused by the update: the course ended more than 30 days ago';

  async function pausedCourse(slug: string, note: string): Promise<() => Promise<boolean>> {
    const courseId = await imported(stage, { slug });
    const handle = stage.temporal.client.schedule.getHandle(`course-update-${courseId}`);
    await handle.pause(note);
    return async () => (await handle.describe()).state.paused;
  }

  it('ends when dates or roster give work again', async () => {
    const isPaused = await pausedCourse('revived', PAUSED);
    expect(await change({ slug: 'revived', title: 'Only a title' })).toMatchObject({
      schedule: { resumed: false, paused: true },
    });
    expect(await isPaused()).toBe(true);
    expect(await change({ slug: 'revived', ends_at: '2026-12-31' })).toMatchObject({
      schedule: { resumed: true, paused: false },
    });
    expect(await isPaused()).toBe(false);
  });

  it('ends with an enrolment', async () => {
    const isPaused = await pausedCourse('rejoined', PAUSED);
    expect((await course('enroll', 'rejoined', 'Late')).stdout).toContain('resumed: there is work again');
    expect(await isPaused()).toBe(false);
  });

  it('stays when an operator made it', async () => {
    const isPaused = await pausedCourse('held', 'Paused by an operator');
    await change({ slug: 'held', ends_at: '2026-12-31' });
    expect((await course('drop', 'held', 'Alice')).stdout).toContain('is paused');
    expect(await isPaused()).toBe(true);
  });
});

describe('a file with mistakes', () => {
  it('changes nothing, exits 2 and names every bad key on a line', async () => {
    await imported(stage, { slug: 'mistaken' });
    const before = await everything();
    const ran = await course(
      'import',
      written(
        stage,
        courseOn(stage, {
          slug: 'mistaken',
          titel: 'x',
          ends_at: '2026-02-30',
          students: ['New', 'new', 7],
          wikis: [{ language: 'en', project: 'wikipedia', namespace: 0, timeslice_seconds: 0 }],
        }),
      ),
      '--json',
    );
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    const places = complaints(ran).map(
      (line) => /^registrar: \S+course\.json: (\S+): /.exec(line)?.[1] ?? line,
    );
    expect(places).toEqual([
      'titel',
      'ends_at',
      'wikis[0].namespace',
      'wikis[0].timeslice_seconds',
      'students[2]',
      'students[1]',
    ]);
    expect(await everything()).toEqual(before);
  });

  it.each([
    ['{', 2],
    ['a: 1\na: 2', 2],
    ['- x', 2],
    ['', 2],
  ])('%j is told in lines', async (text, status) => {
    const ran = await course('import', written(stage, text, 'odd.yml'));
    expect(ran).toMatchObject({ status, stdout: '' });
    expect(complaints(ran).length).toBeGreaterThan(0);
    for (const line of complaints(ran)) expect(line).toMatch(/^registrar: .*odd\.yml: /);
  });

  it('that is missing exits 3', async () => {
    const ran = await course('import', '/nonexistent/course.yml');
    expect(ran).toMatchObject({ status: 3, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
  });
});
