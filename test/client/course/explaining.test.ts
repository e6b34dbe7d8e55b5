import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Explanation, ExplainedFact } from '../../../client/course/explain.ts';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { complaints, type Ran } from '../command-line.ts';
import { courseCommand, courseOn, imported, written } from './course-commands.ts';

let stage: CourseStage;
let courseId: number;

const course = (...argv: readonly string[]): Promise<Ran> => courseCommand(stage, ...argv);

const wikis = (): readonly unknown[] => [
  { language: 'en', project: 'wikipedia', api_url: stage.wikis[0].apiUrl, namespaces: [0, 4] },
];

/** Two students in two slices, an instructor, and a page of every kind that does not count wholly. */
beforeAll(async () => {
  stage = await setCourseStage({ system_oauth_ids: [252] });
  await stage.startWorker();
  courseId = await imported(stage, {
    wikis: wikis(),
    students: ['Alice', 'Bob', 'Leaver'],
    other_roles: [{ username: 'Prof', role: 1 }],
  });
  const at = (hour: string, day = 1): string => `2026-03-0${day}T${hour}:00:00Z`;
  await stage.wikis[0].edit(
    { user: 'Alice', title: 'Oak', timestamp: at('10'), sizediff: 100, new: true },
    { user: 'Alice', title: 'Oak', timestamp: at('11'), sizediff: -40 },
    { user: 'Bob', title: 'Oak', timestamp: at('12'), sizediff: 7 },
    { user: 'Bob', title: 'Elm', timestamp: at('10', 2), sizediff: 30 },
    { user: 'Alice', title: 'Alice', ns: 2, timestamp: at('13'), sizediff: 11 },
    { user: 'Alice', title: 'Rules', ns: 4, timestamp: at('14'), sizediff: 12 },
    { user: 'Alice', title: 'Chat', ns: 1, timestamp: at('15'), sizediff: 13 },
    { user: 'Alice', title: 'Machine', timestamp: at('16'), sizediff: 14, tags: ['OAuth CID: 252'] },
    { user: 'Bob', title: 'Gone', timestamp: at('17'), sizediff: 15 },
    { user: 'Bob', title: 'Unwanted', timestamp: at('18'), sizediff: 16 },
    { user: 'Leaver', title: 'Oak', timestamp: at('19'), sizediff: 17 },
  );
  await run('update', 'botany', '--wait');
  await stage.wikis[0].control('POST', '/_sandbox/pages/delete', { title: 'Gone', ns: 0 });
  await stage.database.query('update articles set checked_at = null');
  await run('exclude', 'botany', 'Unwanted');
  await run('update', 'botany', '--wait');
}, 60_000);
afterAll(() => stage.close());

async function run(...argv: readonly string[]): Promise<Ran> {
  const ran = await course(...argv);
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  return ran;
}

async function explained(...argv: readonly string[]): Promise<Explanation> {
  return (await run('explain', 'botany', '--json', ...argv)).json() as Explanation;
}

function factsIn({ wikis: found }: Explanation): readonly ExplainedFact[] {
  return found.flatMap(({ slices }) => slices.flatMap(({ facts }) => facts));
}

const summed = (rows: readonly { readonly characterSum: number }[]): number =>
  rows.reduce((sum, { characterSum }) => sum + characterSum, 0);

describe('explain', () => {
  it('leads from the course to the edits, each level the sum of the one below', async () => {
    const explanation = await explained();
    const [wiki] = explanation.wikis;
    expect(explanation.course.characterSum).toBe(154);
    expect(explanation.wikis).toHaveLength(1);
    expect(wiki).toMatchObject({
      wiki: 'en.wikipedia',
      characterSum: 154,
      slicesAltogether: 2,
      slicesMarked: 0,
    });
    expect(wiki?.slices.map(({ characterSum }) => characterSum)).toEqual([124, 30]);
    for (const slice of wiki?.slices ?? []) {
      expect(summed(slice.students)).toBe(slice.characterSum);
      expect(summed(slice.facts.filter(({ counts }) => counts.characters))).toBe(slice.characterSum);
      const counted = slice.facts.filter(({ counts }) => counts.revisions);
      expect(counted.reduce((sum, { revisionCount }) => sum + revisionCount, 0)).toBe(slice.revisionCount);
    }
  });

  it('says of each edit where it counts and why not elsewhere', async () => {
    const facts = factsIn(await explained());
    const said = (title: string): unknown => facts.find((fact) => fact.title === title)?.counts;
    expect(said('Elm')).toEqual({ revisions: true, characters: true, article: true, because: [] });
    expect(said('Rules')).toEqual({
      revisions: true,
      characters: false,
      article: true,
      because: [expect.stringContaining('tracked, but not the mainspace')],
    });
    expect(said('Alice')).toMatchObject({
      revisions: true,
      because: [expect.stringContaining('user pages')],
    });
    expect(said('Chat')).toMatchObject({ article: false, because: [expect.stringContaining('not tracked')] });
    const nowhere = { revisions: false, characters: false };
    expect(said('Machine')).toMatchObject({ ...nowhere, because: [expect.stringContaining('system')] });
    expect(said('Gone')).toMatchObject({ ...nowhere, because: [expect.stringContaining('deleted')] });
    expect(said('Unwanted')).toMatchObject({
      ...nowhere,
      article: true,
      because: [expect.stringContaining('by hand')],
    });
  });

  it('narrows by user, article and slice, together too', async () => {
    const keys = async (...argv: readonly string[]): Promise<readonly string[]> =>
      factsIn(await explained(...argv)).map(({ username, title }) => `${username} ${title}`);
    expect(await keys('--article', 'oak')).toEqual(['Alice Oak', 'Bob Oak', 'Leaver Oak']);
    expect(await keys('--user', 'bob', '--slice', '2026-03-02')).toEqual(['Bob Elm']);
    expect(await keys('--user', 'Bob', '--article', 'Oak')).toEqual(['Bob Oak']);
    expect(await keys('--user', 'Prof')).toEqual([]);
  });

  it('shows people a table of the edits and what of them counts', async () => {
    const { stdout } = await run('explain', 'botany', '--user', 'Bob');
    expect(stdout).toMatch(/^Bob, student: 37 characters, 0 references, 2 revisions$/m);
    expect(stdout).toMatch(/Gone +0 +15 +0 +1 .* no +the page is deleted$/m);
    expect(stdout).toMatch(/^Of these count: 37 characters, 0 references, 2 revisions$/m);
    const article = await run('explain', 'botany', '--article', 'Unwanted');
    expect(article.stdout).toMatch(
      /^Unwanted \(en\.wikipedia, namespace 0\): 16 characters, .*; excluded by hand$/m,
    );
    expect((await run('explain', 'botany')).stdout).toContain('Name --user, --article or --slice');
    expect((await run('explain', 'botany', '--user', 'Prof')).stdout).toContain('only students are counted');
  });

  it('says what is behind: a student who left, dates that moved', async () => {
    await run('drop', 'botany', 'Leaver');
    const [left] = factsIn(await explained('--user', 'Leaver'));
    expect(left?.counts.because).toEqual([
      expect.stringContaining('no student'),
      expect.stringContaining('marked'),
    ]);
    const moved = courseOn(stage, {
      wikis: wikis(),
      students: ['Alice', 'Bob', 'Leaver'],
      starts_at: '2026-03-02',
      ends_at: '2026-03-05',
    });
    await run('import', written(stage, moved));
    expect(factsIn(await explained('--article', 'Oak'))[0]?.counts.because).toContainEqual(
      expect.stringContaining('outside'),
    );
    await run(
      'import',
      written(stage, courseOn(stage, { wikis: wikis(), students: ['Alice', 'Bob', 'Leaver'] })),
    );
    await run('update', 'botany', '--wait');
  });

  it('exits 3 for a user, an article or a slice that there is not, 2 for a time that is none', async () => {
    for (const [argv, status] of [
      [['--user', 'Nobody'], 3],
      [['--article', 'Nothing'], 3],
      [['--slice', '2031-01-01'], 3],
      [['--slice', 'yesterday'], 2],
    ] as const) {
      const ran = await course('explain', 'botany', ...argv);
      expect(ran).toMatchObject({ status, stdout: '' });
      expect(complaints(ran)).toHaveLength(1);
    }
  });
});

describe('verify', () => {
  it('says that every number equals a rebuild', async () => {
    expect(await run('verify', 'botany')).toMatchObject({
      stdout: 'botany: every number equals a rebuild\n',
    });
    expect((await run('verify', 'botany', '--json')).json()).toEqual({
      courseId,
      slug: 'botany',
      differences: [],
      slicesMarked: 0,
    });
  });

  it('exits 1 with a table of what differs, by names', async () => {
    await stage.database.query(
      `update courses_users set character_sum_ms = 999 where user_id = (select id from users where username = 'Bob')`,
    );
    await stage.database.query('update course_wiki_timeslices set needs_update = true where course_id = $1', [
      courseId,
    ]);
    const ran = await course('verify', 'botany');
    expect(ran.status).toBe(1);
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stdout).toMatch(/^2 slices of botany are marked/);
    expect(ran.stdout).toMatch(/^courses_users +Bob, student +character_sum_ms +999 +37$/m);
    await run('update', 'botany', '--full', '--wait');
    expect(await course('verify', 'botany')).toMatchObject({ status: 0 });
  });
});

describe('list and show', () => {
  it('list has every course with its totals', async () => {
    expect((await run('list')).stdout).toMatch(/^botany +Botany +2026-03-01 +2026-03-02 +3 /m);
    expect((await run('list', '--json')).json()).toMatchObject([{ slug: 'botany', slices: 2 }]);
  });

  it('show has totals, wikis, people, articles, schedule and the last update', async () => {
    const { stdout } = await run('show', 'botany');
    expect(stdout).toMatch(/^students +3$/m);
    expect(stdout).toMatch(/^slices +2 of 2 done, 0 marked$/m);
    expect(stdout).toMatch(/^en\.wikipedia +0, 4 +2 of 2 +0 +154 /m);
    expect(stdout).toMatch(/^Bob +37 +0 +0 +0 +2 /m);
    expect(stdout).toMatch(/^Prof +instructor$/m);
    expect(stdout).toMatch(/^Unwanted +0 +en\.wikipedia +16 +0 +1 +.*excluded$/m);
    expect(stdout).toMatch(
      new RegExp(`^schedule +course-update-${courseId}: ${courseId % 60} \\* \\* \\* \\*, `, 'm'),
    );
    expect(stdout).toMatch(/^last update +completed, begun /m);
    expect(stdout).toContain('/workflows/course-update-');
  });

  it('show names a username that a wiki refuses', async () => {
    await run('enroll', 'botany', 'a/b');
    await run('update', 'botany', '--wait');
    expect((await run('show', 'botany')).stdout).toMatch(/^a\/b is no username for en\.wikipedia/m);
    expect((await run('explain', 'botany', '--user', 'a/b')).stdout).toContain('malformed');
  });
});
