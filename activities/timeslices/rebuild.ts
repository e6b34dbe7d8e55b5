import type { Database, Queryable } from '../../db/database.ts';
import {
  articleSlices,
  courseArticles,
  courseSlices,
  courseTotals,
  courseUsers,
  studentSlices,
} from './derived-rows.ts';
import { derivedTables } from './derived-tables.ts';
import { differ, same, type DerivedTable } from './replacing-rows.ts';

/** A row in which the stored numbers and those of a rebuild are not the same. */
export interface Difference {
  readonly table: string;
  readonly key: Readonly<Record<string, unknown>>;
  /** The columns that differ; null where there is no such row. Instants are ISO 8601 texts. */
  readonly stored: Readonly<Record<string, unknown>> | null;
  readonly rebuilt: Readonly<Record<string, unknown>> | null;
}

/**
 * Rebuilds every derived row of a course from the facts, in the schema of temporary tables, and lists the rows that are stored
 * otherwise. One snapshot is read throughout, so an update under way does no harm; the tables never outlive the transaction.
 * Slices that are marked may differ. At most `limit` differences a table are listed.
 */
export async function listDifferences(
  database: Database,
  { courseId, limit = 1000 }: { readonly courseId: number; readonly limit?: number },
): Promise<readonly Difference[]> {
  return database.transaction(async (transaction) => {
    await transaction.query('set transaction isolation level repeatable read');
    // Otherwise a name without a schema would mean the temporary table before the stored one.
    await transaction.query('set local search_path to public, pg_temp');
    await rebuild(transaction, courseId);
    const differences: Difference[] = [];
    for (const table of Object.values(derivedTables)) {
      differences.push(...(await compare(transaction, { table, courseId, limit })));
    }
    return differences;
  });
}

/** Temporary tables need no right to create anything in the database. */
const SCRATCH = 'pg_temp';

/** From the facts upwards; each table reads those below it from the scratch schema. */
async function rebuild(transaction: Queryable, courseId: number): Promise<void> {
  const { articleSlice, studentSlice, courseSlice, courseArticle, courseUser, course } = derivedTables;
  const scratch = `${SCRATCH}.`;
  const steps: readonly (readonly [DerivedTable, string])[] = [
    [articleSlice, articleSlices()],
    [studentSlice, studentSlices()],
    [courseSlice, courseSlices(`${scratch}${studentSlice.name}`)],
    [courseArticle, courseArticles(scratch)],
    [courseUser, courseUsers(scratch)],
    [course, courseTotals(scratch)],
  ];
  for (const [table, select] of steps) {
    // A `create table as` takes no parameters of its own.
    await transaction.query(
      `create temporary table ${table.name} on commit drop as ${select.replaceAll('$1', courseIdText(courseId))}`,
    );
    await transaction.query(`analyze ${scratch}${table.name}`);
  }
}

function courseIdText(courseId: number): string {
  if (!Number.isSafeInteger(courseId)) throw new Error(`course id ${courseId} is not a whole number`);
  return String(courseId);
}

interface Comparison {
  readonly table: DerivedTable;
  readonly courseId: number;
  readonly limit: number;
}

async function compare(
  transaction: Queryable,
  { table, courseId, limit }: Comparison,
): Promise<readonly Difference[]> {
  const course = table.key[0] ?? '';
  const columns = [...table.values, ...(table.initial ?? [])];
  const json = (row: string, names: readonly string[]): string =>
    `case when ${row}.${course} is not null
       then jsonb_build_object(${names.map((name) => `'${name}', ${row}.${name}`).join(', ')}) end`;
  const { rows } = await transaction.query<ComparedRow>(
    `
    select coalesce(${json('stored', table.key)}, ${json('rebuilt', table.key)}) as key,
      ${json('stored', columns)} as stored, ${json('rebuilt', columns)} as rebuilt
    from (select * from ${table.name} where ${course} = $1::bigint) stored
    full join ${SCRATCH}.${table.name} rebuilt on ${same(table.key, 'stored', 'rebuilt')}
    where ${differ([...table.key, ...columns], 'stored', 'rebuilt')}
    order by 1
    limit $2::bigint`,
    [courseId, limit],
  );
  return rows.map((row) => ({ table: table.name, ...onlyDiffering(row) }));
}

type Columns = Readonly<Record<string, unknown>>;

interface ComparedRow {
  readonly key: Columns;
  readonly stored: Columns | null;
  readonly rebuilt: Columns | null;
}

function onlyDiffering({ key, stored, rebuilt }: ComparedRow): ComparedRow {
  if (!stored || !rebuilt) return { key, stored, rebuilt };
  const differing = Object.keys(stored).filter(
    (column) => JSON.stringify(stored[column]) !== JSON.stringify(rebuilt[column]),
  );
  const pick = (row: Columns): Columns =>
    Object.fromEntries(differing.map((column) => [column, row[column]]));
  return { key, stored: pick(stored), rebuilt: pick(rebuilt) };
}
