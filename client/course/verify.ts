import { listDifferences, type Difference } from '../../activities/timeslices/rebuild.ts';
import type { Queryable } from '../../db/database.ts';
import { roleName } from '../../domain/timeslices/roles.ts';
import { instantText } from '../times.ts';
import type { CourseContext } from './context.ts';
import { oneCourse } from './one-course.ts';

/** A course compared with a rebuild from its facts. */
export interface Verified {
  readonly courseId: number;
  readonly slug: string;
  readonly differences: readonly NamedDifference[];
  /** Slices whose numbers are known to be behind: differences there go with the next update. */
  readonly slicesMarked: number;
}

export interface NamedDifference extends Difference {
  /** The row's key in words: whose, which article, which slice. */
  readonly row: string;
}

/** Rebuilds every number of a course from nothing, in a scratch schema, and lists the rows that are stored otherwise. */
export async function verifyCourse({ database }: CourseContext, slug: string): Promise<Verified> {
  const { courseId, slicesMarked } = await oneCourse(database, slug);
  const differences = await listDifferences(database, { courseId });
  const names = await namesIn(database, differences);
  return {
    courseId,
    slug,
    differences: differences.map((difference) => ({ ...difference, row: rowText(difference, names) })),
    slicesMarked,
  };
}

/** Names by the columns of keys. */
type Names = Readonly<Record<string, ReadonlyMap<number, string>>>;

const nameQueries: Readonly<Record<string, string>> = {
  user_id: 'select id, username as name from users where id = any($1::bigint[])',
  article_id: 'select id, title as name from articles where id = any($1::bigint[])',
  wiki_id: `select id, concat_ws('.', language, project) as name from wikis where id = any($1::bigint[])`,
};

async function namesIn(db: Queryable, differences: readonly Difference[]): Promise<Names> {
  const names: Record<string, ReadonlyMap<number, string>> = {};
  for (const [column, statement] of Object.entries(nameQueries)) {
    const ids = [...new Set(differences.map(({ key }) => Number(key[column])))].filter(Number.isSafeInteger);
    const { rows } = await db.query<{ id: number; name: string }>(statement, [ids]);
    names[column] = new Map(rows.map(({ id, name }) => [id, name]));
  }
  return names;
}

/** The columns of keys that people are told, in that order: the course is known. */
const keyTexts: Readonly<Record<string, (value: unknown) => string>> = {
  user_id: (value) => `user ${String(value)}`,
  article_id: (value) => `article ${String(value)}`,
  wiki_id: (value) => `wiki ${String(value)}`,
  start_at: (value) => `slice of ${instantText(String(value))}`,
  role: (value) => roleName(Number(value)),
};

function rowText({ key }: Difference, names: Names): string {
  return Object.entries(keyTexts)
    .filter(([column]) => key[column] !== undefined)
    .map(([column, text]) => names[column]?.get(Number(key[column])) ?? text(key[column]))
    .join(', ');
}
