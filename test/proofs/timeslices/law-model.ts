import fc from 'fast-check';
import { SandboxRefusal } from '../../../sandbox/control/client.ts';
import type { CourseStage, NewEdit } from '../../support/courses.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const STUDENTS = 5;
const PAGES = 6;

export type Change =
  | { readonly kind: 'edit'; readonly edit: GivenEdit; readonly daysAgo: number }
  | { readonly kind: 'news'; readonly edit: GivenEdit; readonly minutesAgo: number; readonly hidden: boolean }
  | { readonly kind: 'enroll' | 'drop' | 'instruct'; readonly student: number }
  | { readonly kind: 'dates'; readonly startHours: number; readonly endHours: number }
  | { readonly kind: 'wiki'; readonly present: boolean }
  | { readonly kind: 'namespaces'; readonly wiki: 0 | 1; readonly namespaces: readonly number[] }
  | { readonly kind: 'exclude' | 'include' | 'untrack'; readonly page: number; readonly wiki: 0 | 1 }
  | { readonly kind: 'delete' | 'undelete'; readonly page: number; readonly ns: number; readonly wiki: 0 | 1 }
  | {
      readonly kind: 'move';
      readonly page: number;
      readonly ns: number;
      readonly toNs: number;
      readonly wiki: 0 | 1;
    }
  | { readonly kind: 'full' }
  | { readonly kind: 'crash'; readonly at: number; readonly how: 'before' | 'after' }
  | { readonly kind: 'update' };

export interface GivenEdit {
  readonly student: number;
  readonly page: number;
  readonly ns: number;
  readonly wiki: 0 | 1;
  readonly size: number;
  readonly refs: number;
  readonly isNew: boolean;
  readonly isSystem: boolean;
}

const student = fc.integer({ min: 0, max: STUDENTS - 1 });
const page = fc.integer({ min: 0, max: PAGES - 1 });
const wiki = fc.constantFrom<0 | 1>(0, 0, 1);
const ns = fc.constantFrom(0, 0, 0, 1, 2, 118);

const edit: fc.Arbitrary<GivenEdit> = fc.record({
  student,
  page,
  ns,
  wiki,
  size: fc.integer({ min: -300, max: 900 }),
  refs: fc.integer({ min: 0, max: 5 }),
  isNew: fc.boolean(),
  isSystem: fc.integer({ min: 0, max: 7 }).map((dice) => dice === 0),
});

const past: fc.Arbitrary<Change> = fc.record({
  kind: fc.constant('edit'),
  edit,
  daysAgo: fc.integer({ min: 0, max: 12 }),
});

const later: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('news'),
      edit,
      minutesAgo: fc.integer({ min: 0, max: 280 }),
      hidden: fc.integer({ min: 0, max: 5 }).map((dice) => dice === 0),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('enroll', 'enroll', 'drop', 'drop', 'instruct'), student }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('dates'),
      startHours: fc.constantFrom(0, -24, 5, 30, -49, 100),
      endHours: fc.constantFrom(0, 24, -200, -150, 7, 60),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wiki'), present: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('namespaces'),
      wiki,
      namespaces: fc.uniqueArray(fc.constantFrom(0, 1, 2, 118), { maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('exclude', 'include', 'untrack'), page, wiki }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('delete', 'undelete'), page, ns, wiki }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('move'), page, ns, toNs: ns, wiki }) },
  { weight: 1, arbitrary: fc.constant<Change>({ kind: 'full' }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('crash'),
      at: fc.integer({ min: 0, max: 45 }),
      how: fc.constantFrom('before', 'after'),
    }),
  },
  { weight: 6, arbitrary: fc.constant<Change>({ kind: 'update' }) },
);

/** Edits before the course is first updated, and what happens to it afterwards. */
export const lives: fc.Arbitrary<{ readonly before: readonly Change[]; readonly after: readonly Change[] }> =
  fc.record({
    before: fc.array(past, { minLength: 4, maxLength: 25 }),
    after: fc.array(later, { minLength: 3, maxLength: 14 }),
  });

/**
 * One course, and the users, pages and wikis that only it knows. Its slices begin six hours before the present, so that what is
 * edited now falls into the slice that holds the cursors: edits with older times are for a full rebuild to see.
 */
export interface Life {
  readonly courseId: number;
  readonly startsAt: number;
  readonly endsAt: number;
  play(change: Change): Promise<void>;
}

export async function beginLife(
  stage: CourseStage,
  name: string,
  crash: (at: number, how: 'before' | 'after') => void,
): Promise<Life> {
  const now = Date.now();
  const startsAt = wholeSecond(now - 10 * DAY_MS - 6 * HOUR_MS);
  const endsAt = wholeSecond(now + 5 * DAY_MS);
  const nameOf = (number: number): string => `${name} ${number}`;
  const titleOf = (number: number): string => `Page ${name} ${number}`;
  const courseId = await stage.addCourse({
    startsAt: iso(startsAt),
    endsAt: iso(endsAt),
    students: [nameOf(0), nameOf(1), nameOf(2)],
    wikis: stage.wikis,
  });
  const sql = (statement: string, ...values: readonly unknown[]): Promise<unknown> =>
    stage.database.query(statement, [courseId, ...values]);
  const articlesOf = `select articles.id from articles where wiki_id = $2 and title = $3`;

  const post = async (given: GivenEdit, at: number): Promise<readonly number[]> => {
    const made = (await stage.wikis[given.wiki].control('POST', '/_sandbox/edits', [
      {
        user: nameOf(given.student),
        title: titleOf(given.page),
        ns: given.ns,
        timestamp: iso(wholeSecond(at)),
        sizediff: given.size,
        refs: given.refs,
        new: given.isNew,
        tags: given.isSystem ? ['OAuth CID: 252'] : [],
      } satisfies NewEdit,
    ])) as readonly { readonly revid: number }[];
    return made.map(({ revid }) => revid);
  };

  const onWiki = async (which: 0 | 1, path: string, body: unknown): Promise<void> => {
    try {
      await stage.wikis[which].control('POST', `/_sandbox/${path}`, body);
    } catch (error) {
      // There is no such page now, or there is one where this one was to go.
      if (!(error instanceof SandboxRefusal) || ![404, 409].includes(error.status)) throw error;
    }
  };

  const play = async (change: Change): Promise<void> => {
    switch (change.kind) {
      case 'edit':
        await post(change.edit, now - change.daysAgo * DAY_MS);
        return;
      case 'news': {
        const revids = await post(change.edit, now - change.minutesAgo * 60_000);
        if (change.hidden) await onWiki(change.edit.wiki, 'revisions/hide', { revids });
        return;
      }
      case 'enroll':
        return stage.enroll(courseId, nameOf(change.student));
      case 'drop':
        return stage.drop(courseId, nameOf(change.student));
      case 'instruct':
        await sql(
          `insert into courses_users (course_id, user_id, role) select $1, id, 1 from users where username = $2
           on conflict do nothing`,
          nameOf(change.student),
        );
        return;
      case 'dates':
        await sql(
          'update courses set starts_at = $2, ends_at = $3 where id = $1',
          iso(startsAt + change.startHours * HOUR_MS),
          iso(endsAt + change.endHours * HOUR_MS),
        );
        return;
      case 'wiki':
        await sql(
          change.present
            ? 'insert into courses_wikis (course_id, wiki_id, timeslice_seconds) values ($1, $2, 43200) on conflict do nothing'
            : 'delete from courses_wikis where course_id = $1 and wiki_id = $2',
          stage.wikis[1].wikiId,
        );
        return;
      case 'namespaces': {
        const { wikiId } = stage.wikis[change.wiki];
        await sql('delete from course_wiki_namespaces where course_id = $1 and wiki_id = $2', wikiId);
        await sql(
          `insert into course_wiki_namespaces (course_id, wiki_id, namespace)
           select course_id, wiki_id, unnest($3::integer[]) from courses_wikis where course_id = $1 and wiki_id = $2`,
          wikiId,
          change.namespaces,
        );
        return;
      }
      case 'exclude':
      case 'include':
      case 'untrack':
        await sql(
          {
            exclude: `insert into course_excluded_articles (course_id, article_id) select $1, id from (${articlesOf}) mine
                      on conflict do nothing`,
            include: `delete from course_excluded_articles where course_id = $1 and article_id in (${articlesOf})`,
            untrack: `update articles_courses set tracked = not tracked where course_id = $1 and article_id in (${articlesOf})`,
          }[change.kind],
          stage.wikis[change.wiki].wikiId,
          titleOf(change.page).replaceAll(' ', '_'),
        );
        return;
      case 'delete':
      case 'undelete':
        return onWiki(change.wiki, `pages/${change.kind}`, { title: titleOf(change.page), ns: change.ns });
      case 'move':
        return onWiki(change.wiki, 'pages/move', {
          title: titleOf(change.page),
          ns: change.ns,
          to_title: titleOf(change.page),
          to_ns: change.toNs,
        });
      case 'full':
        await sql('update courses set needs_update = true where id = $1');
        return;
      case 'crash':
        return crash(change.at, change.how);
      case 'update':
        // A day passes for the pages.
        await stage.database.query('update articles set checked_at = null');
        await stage.update(courseId);
        return;
    }
  };

  return { courseId, startsAt, endsAt, play };
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
