import { findArchived } from '../../activities/retirement/archive/store.ts';
import {
  findRetirement,
  listRetirementsOf,
  type StoredRetirement,
} from '../../activities/retirement/store.ts';
import type { Queryable } from '../../db/database.ts';
import type { RetirementQueue } from '../../platform/lms/retirement.ts';
import type { RetirementStatus } from '../../platform/lms/status.ts';
import { retirementWorkflowId, userIdOf } from '../../workflows/retirement/contract.ts';
import { failed, notFound, wrongUsage } from '../operation-error.ts';
import { dayText } from '../times.ts';

/**
 * The learner whom an operator means by an LMS user id, a username, an e-mail address or a workflow id. Names and
 * addresses are compared exactly first and without regard to case second, as in the LMS. Undefined when nobody is meant;
 * throws when it could be several people, because what is erased cannot be given back. A workflow id is never ambiguous.
 * Throws too, saying when, for the id of somebody who is archived: nothing can be done with them any more.
 */
export async function findWho(db: Queryable, who: string): Promise<StoredRetirement | undefined> {
  const ofWorkflow = userIdOf(who);
  if (ofWorkflow !== undefined) {
    const meant = await findRetirement(db, ofWorkflow);
    if (meant !== undefined) return meant;
  }
  const byId = /^\d{1,15}$/.test(who) ? await findRetirement(db, Number(who)) : undefined;
  const byName = await listRetirementsOf(db, who);
  const meant = oneOf(who, [...(byId === undefined ? [] : [byId]), ...byName]);
  if (meant === undefined) await refuseArchived(db, who);
  return meant;
}

async function refuseArchived(db: Queryable, who: string): Promise<void> {
  const userId = userIdOf(who) ?? (/^\d{1,15}$/.test(who) ? Number(who) : undefined);
  const archived = userId === undefined ? undefined : await findArchived(db, userId);
  if (archived === undefined) return;
  throw notFound(
    `LMS user ${archived.userId} was erased, and archived on ${dayText(archived.archivedAt)}; \`registrar retirement verify ${archived.userId}\` shows the receipts`,
  );
}

export async function oneWho(db: Queryable, who: string): Promise<StoredRetirement> {
  return (await findWho(db, who)) ?? unknownWho(who);
}

export function unknownWho(who: string): never {
  throw notFound(
    `no retirement of "${who}" is known here: give an LMS user id, username, e-mail address or workflow id, or run \`registrar retirement collect\` if the learner asked just now or the database was restored`,
  );
}

/** The learner whom `who` means among those whom the LMS has in `state`: for people not taken in here yet. */
export async function findInQueue(
  queue: RetirementQueue,
  state: string,
  who: string,
): Promise<RetirementStatus | undefined> {
  const listed = await queue.list([state]);
  if (listed.kind === 'refused')
    throw failed(`the LMS does not know the state ${state}: see \`registrar doctor\``);
  const isMeant = ({ userId, originalUsername, originalEmail }: RetirementStatus): boolean =>
    String(userId) === who || originalUsername === who || originalEmail.toLowerCase() === who.toLowerCase();
  return oneOf(who, listed.learners.filter(isMeant));
}

/** The only one of several people, or undefined for none. Throws when there are more. */
export function oneOf<Person extends { readonly userId: number }>(
  who: string,
  found: readonly Person[],
): Person | undefined {
  const people = new Map(found.map((person) => [person.userId, person]));
  if (people.size <= 1) return found[0];
  const ids = [...people.keys()].sort((one, other) => one - other);
  throw wrongUsage(
    `"${who}" could be any of the LMS users ${ids.join(', ')}: name one by workflow id, such as ${retirementWorkflowId(ids[0] ?? 0)}`,
  );
}
