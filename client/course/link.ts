import { findErasure } from '../../activities/retirement/course-erasure/store.ts';
import type { Database, Queryable } from '../../db/database.ts';
import { notFound, refused } from '../operation-error.ts';
import { findLinkedUser, lockNamedUser, writeLink, type LinkedUser } from './link-store.ts';

export interface Linked {
  readonly username: string;
  /** Null: not linked to any learner. */
  readonly lmsUserId: number | null;
  /** False: it was so already. */
  readonly changed: boolean;
}

/**
 * Says which learner of the LMS a wiki's user is, so that the learner's retirement reaches the statistics. Throws when nobody has
 * that name, or one of the two is linked otherwise.
 */
export async function linkLearner(
  database: Database,
  { username, lmsUserId }: { readonly username: string; readonly lmsUserId: number },
): Promise<Linked> {
  return database.transaction(async (transaction) => {
    const user = await oneNamedUser(transaction, username);
    const linked = await findLinkedUser(transaction, lmsUserId);
    if (linked !== undefined && linked.userId !== user.userId) {
      throw refused(
        `LMS user ${lmsUserId} is "${linked.username}" already: \`registrar course link "${linked.username}" --unlink\` first`,
      );
    }
    if (user.lmsUserId !== null && user.lmsUserId !== lmsUserId) {
      throw refused(
        `"${user.username}" is LMS user ${user.lmsUserId} already: \`registrar course link "${user.username}" --unlink\` first`,
      );
    }
    const changed = user.lmsUserId === null;
    if (changed) await writeLink(transaction, user.userId, lmsUserId);
    return { username: user.username, lmsUserId, changed };
  });
}

/** Takes the link away. Throws when nobody has that name, or while the learner is being erased from the statistics. */
export async function unlinkLearner(database: Database, username: string): Promise<Linked> {
  return database.transaction(async (transaction) => {
    const user = await oneNamedUser(transaction, username);
    const { lmsUserId } = user;
    const result = { username: user.username, lmsUserId: null };
    if (lmsUserId === null) return { ...result, changed: false };
    const erasure = await findErasure(transaction, lmsUserId);
    // Without the link the stage would find nobody, and end with nothing erased.
    if (erasure !== undefined && erasure.doneAt === null) {
      throw refused(
        `LMS user ${lmsUserId} is being erased from the statistics: see \`registrar retirement show ${lmsUserId}\`, or link them once more to wait for it`,
      );
    }
    await writeLink(transaction, user.userId, null);
    return { ...result, changed: true };
  });
}

async function oneNamedUser(db: Queryable, username: string): Promise<LinkedUser> {
  const user = await lockNamedUser(db, username);
  if (user !== undefined) return user;
  throw notFound(`no user "${username}" in any course: see \`registrar course show\` for the names`);
}
