import { openDatabase, type Database } from '../../db/database.ts';
import type { GeneratedEdit } from '../../sandbox/wiki/generated-edits.ts';
import { inventEdits, periodOf, usernames } from './update-edits.ts';
import type { UpdateStage } from './update-stage.ts';

/** Edits that the sandbox wiki is given at once. */
const EDITS_AT_ONCE = 50_000;

/** Puts the edits into the wiki, and a course that no update has seen into the database. Answers its id, and the edits. */
export async function setUpCourse(
  { databaseUrl, wikiDatabaseUrl, wikiUrl, wiki }: UpdateStage,
  revisions: number,
  log: (line: string) => void,
): Promise<{ readonly courseId: number; readonly edits: readonly GeneratedEdit[] }> {
  const period = periodOf(new Date());
  const edits = inventEdits(revisions, period.startsAt);
  for (let first = 0; first < edits.length; first += EDITS_AT_ONCE) {
    await wiki('POST', '/_sandbox/edits', edits.slice(first, first + EDITS_AT_ONCE));
    log(`the wiki has ${Math.min(first + EDITS_AT_ONCE, edits.length)} of ${edits.length} edits`);
  }
  await using(wikiDatabaseUrl, (database) => database.query('vacuum analyze'));
  return using(databaseUrl, async (database) => {
    await database.query(`insert into wikis (language, project, api_url) values ('en', 'wikipedia', $1)`, [
      `${wikiUrl}/w/api.php`,
    ]);
    const { rows } = await database.query<{ readonly id: number }>(
      `insert into courses (slug, title, starts_at, ends_at) values ('bench', 'Bench', $1, $2) returning id`,
      [period.startsAt, period.endsAt],
    );
    const courseId = rows[0]?.id ?? 0;
    await database.query(`insert into courses_wikis (course_id, wiki_id) select $1::bigint, id from wikis`, [
      courseId,
    ]);
    await database.query(
      `insert into course_wiki_namespaces (course_id, wiki_id, namespace)
       select $1::bigint, id, namespace from wikis, (values (0), (118)) tracked(namespace)`,
      [courseId],
    );
    await database.query(
      `insert into users (username) select name from unnest($1::text[]) with ordinality given(name, place) order by place`,
      [usernames],
    );
    await database.query('insert into courses_users (course_id, user_id) select $1::bigint, id from users', [
      courseId,
    ]);
    return { courseId, edits };
  });
}

/** A connection for the time of `work`: a backend that stays would be counted among the worker's. */
export async function using<Result>(
  url: string,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = openDatabase({ url, queryTimeoutMs: 10 * 60_000, maxConnections: 1 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
