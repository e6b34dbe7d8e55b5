import type { Queryable } from '../../db/database.ts';

/** Somebody in the statistics, and which learner of the LMS they are. */
export interface LinkedUser {
  readonly userId: number;
  readonly username: string;
  /** Null: not linked to any. */
  readonly lmsUserId: number | null;
}

const columns = 'id as "userId", username, lms_user_id as "lmsUserId"';

/** Locks the user of that name against others who link or erase it. `db` must be a transaction. */
export async function lockNamedUser(db: Queryable, username: string): Promise<LinkedUser | undefined> {
  const { rows } = await db.query<LinkedUser>(
    `select ${columns} from users where wiki_username(username) = wiki_username($1::text) for update`,
    [username],
  );
  return rows[0];
}

export async function findLinkedUser(db: Queryable, lmsUserId: number): Promise<LinkedUser | undefined> {
  const { rows } = await db.query<LinkedUser>(`select ${columns} from users where lms_user_id = $1::bigint`, [
    lmsUserId,
  ]);
  return rows[0];
}

export async function writeLink(db: Queryable, userId: number, lmsUserId: number | null): Promise<void> {
  await db.query('update users set lms_user_id = $2::bigint where id = $1::bigint', [userId, lmsUserId]);
}
