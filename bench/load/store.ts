import type { Queryable } from '../../db/database.ts';

/** Learners by state. */
export async function countStates(db: Queryable): Promise<Readonly<Record<string, number>>> {
  const { rows } = await db.query<{ state: string; learners: number }>(
    'select current_state as state, count(*) as learners from user_retirement_status group by current_state',
  );
  return Object.fromEntries(rows.map(({ state, learners }) => [state, learners]));
}

export async function databaseMiB(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ mib: number }>(
    'select round(pg_database_size(current_database()) / 1048576.0, 1)::float8 as mib',
  );
  return rows[0]?.mib ?? 0;
}

export interface RelationSize {
  readonly relation: string;
  readonly tableMiB: number;
  readonly indexesMiB: number;
}

export async function listBiggestRelations(db: Queryable, limit: number): Promise<readonly RelationSize[]> {
  const { rows } = await db.query<RelationSize>(
    `select relname as relation, round(pg_table_size(oid) / 1048576.0, 1)::float8 as "tableMiB",
       round(pg_indexes_size(oid) / 1048576.0, 1)::float8 as "indexesMiB"
     from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
     order by pg_total_relation_size(oid) desc limit $1::integer`,
    [limit],
  );
  return rows;
}

/** LMS user ids of the learners known last, newest first. */
export async function listNewestUserIds(db: Queryable, limit: number): Promise<readonly number[]> {
  const { rows } = await db.query<{ userId: number }>(
    'select user_id as "userId" from user_retirement_status order by user_id desc limit $1::integer',
    [limit],
  );
  return rows.map(({ userId }) => userId);
}

/** Updates of courses that ended since, and courses that are not right. */
export async function countUpdated(
  db: Queryable,
  since: Date,
): Promise<{ readonly updated: number; readonly left: number }> {
  const { rows } = await db.query<{ updated: number; left: number }>(
    `select count(*) filter (where updated_at >= $1::timestamptz) as updated,
       (select count(*) from courses_wikis where left_at is not null) as left
     from courses`,
    [since],
  );
  return rows[0] ?? { updated: 0, left: 0 };
}
