import type { Configuration } from '../../config/configuration.ts';
import type { Queryable } from '../../db/database.ts';
import { ServiceFailure } from '../../platform/failure.ts';
import { createWikiClient } from '../../platform/wiki/client.ts';
import { userAgentOf } from '../../platform/wiki/user-agent.ts';
import { toOperationError } from '../translate-error.ts';
import { bad, ok, warning, type Check } from './check.ts';

interface CourseWiki {
  readonly wiki: string;
  readonly apiUrl: string;
  readonly courses: number;
}

/** Whether each wiki of a course answers as MediaWiki does, a request each; nothing when there are no courses. */
export async function checkWikis(
  { registrar }: Configuration,
  database: Queryable,
): Promise<readonly Check[]> {
  const wikis = await listWikisOfCourses(database);
  if (wikis.length === 0) return [];
  const contact =
    registrar.contact === undefined
      ? [
          warning(
            'configuration',
            'registrar.contact is missing: wikis want to know whom to write to, and may shut out those who do not say',
          ),
        ]
      : [];
  const options = { userAgent: userAgentOf(registrar.contact), timeoutMs: registrar.requestTimeoutMs };
  return [...contact, ...(await Promise.all(wikis.map((wiki) => checkWiki(wiki, options))))];
}

async function checkWiki(
  { wiki, apiUrl, courses }: CourseWiki,
  options: { readonly userAgent: string; readonly timeoutMs: number },
): Promise<Check> {
  const name = `wiki ${wiki}`;
  const client = createWikiClient({ apiUrl, ...options });
  try {
    const { name: site, generator } = await client.describeSite();
    const used = courses === 1 ? 'one course' : `${courses} courses`;
    return ok(name, `${apiUrl} answers: ${site}, ${generator}; of ${used}`);
  } catch (error) {
    return bad(
      name,
      `${error instanceof ServiceFailure ? error.message : toOperationError(error).message}: check ${apiUrl}`,
    );
  } finally {
    await client.close();
  }
}

async function listWikisOfCourses(db: Queryable): Promise<readonly CourseWiki[]> {
  const { rows } = await db.query<CourseWiki>(
    `select concat_ws('.', language, project) as wiki, api_url as "apiUrl", count(*) as courses
     from courses_wikis join wikis on wikis.id = courses_wikis.wiki_id
     group by wikis.id
     order by wikis.id`,
  );
  return rows;
}
