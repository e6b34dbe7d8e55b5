import {
  findRetirement,
  listRetirementsOf,
  type StoredRetirement,
} from '../../activities/retirement/store.ts';
import type { Queryable } from '../../db/database.ts';
import { retirementWorkflowId, userIdOf } from '../../workflows/retirement/contract.ts';
import { notFound, wrongUsage } from '../operation-error.ts';

/**
 * The learner whom an operator means by an LMS user id, a username, an e-mail address or a workflow id. Names and
 * addresses are compared exactly first and without regard to case second, as in the LMS. Undefined when nobody is meant;
 * throws when it could be several people, because what is erased cannot be given back. A workflow id is never ambiguous.
 */
export async function findWho(db: Queryable, who: string): Promise<StoredRetirement | undefined> {
  const ofWorkflow = userIdOf(who);
  if (ofWorkflow !== undefined) {
    const meant = await findRetirement(db, ofWorkflow);
    if (meant !== undefined) return meant;
  }
  const byId = /^\d{1,15}$/.test(who) ? await findRetirement(db, Number(who)) : undefined;
  const byName = await listRetirementsOf(db, who);
  return oneOf(who, [...(byId === undefined ? [] : [byId]), ...byName]);
}

export async function oneWho(db: Queryable, who: string): Promise<StoredRetirement> {
  const found = await findWho(db, who);
  if (found === undefined) {
    throw notFound(
      `no retirement of "${who}" is known here: give an LMS user id, username, e-mail address or workflow id, or run \`registrar retirement collect\` if the learner asked just now`,
    );
  }
  return found;
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
