import type { Queryable } from '../../../db/database.ts';

export interface StoredFile {
  readonly partner: string;
  readonly headings: readonly string[];
  readonly name: string;
}

export async function listFiles(db: Queryable, batchId: number): Promise<readonly StoredFile[]> {
  const { rows } = await db.query<StoredFile>(
    `select partner, headings::json as headings, name from partner_report_files
     where batch_id = $1::bigint order by partner, partner_report_files.headings`,
    [batchId],
  );
  return rows;
}

/** Names that reports of that day have, whoever's and wherever delivered. */
export async function listNamesOf(db: Queryable, reportDate: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select name from partner_report_files where strpos(name, $1) > 0 order by name`,
    [reportDate],
  );
  return rows.map((row) => row.name);
}

/** Written before the file itself, so that a repeated attempt knows its own files from others of the same day. */
export async function insertFile(
  db: Queryable,
  file: StoredFile & { readonly batchId: number; readonly learners: number },
): Promise<void> {
  await db.query(
    `insert into partner_report_files (batch_id, partner, headings, name, learners) values ($1::bigint, $2, $3, $4, $5)`,
    [file.batchId, file.partner, JSON.stringify(file.headings), file.name, file.learners],
  );
}

/** Files of a batch that were not confirmed and are no longer to be delivered. */
export async function listUnwantedNames(
  db: Queryable,
  { batchId, wanted }: { readonly batchId: number; readonly wanted: readonly string[] },
): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select name from partner_report_files
     where batch_id = $1::bigint and delivered_at is null and name <> all($2::text[])
     order by name`,
    [batchId, wanted],
  );
  return rows.map((row) => row.name);
}

export async function deleteFiles(db: Queryable, names: readonly string[]): Promise<void> {
  await db.query(`delete from partner_report_files where name = any($1::text[]) and delivered_at is null`, [
    names,
  ]);
}

/** Of these names, those of reports that were delivered. */
export async function listDeliveredNames(
  db: Queryable,
  names: readonly string[],
): Promise<readonly string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select name from partner_report_files where name = any($1::text[]) and delivered_at is not null order by name`,
    [names],
  );
  return rows.map((row) => row.name);
}

export async function recordFile(
  db: Queryable,
  delivered: { readonly name: string; readonly learners: number },
): Promise<void> {
  await db.query({
    name: 'record-partner-file',
    text: `update partner_report_files set delivered_at = now(), learners = $2 where name = $1`,
    values: [delivered.name, delivered.learners],
  });
}
