import type { Queryable } from '../../db/database.ts';
import { listPendingMigrations, listUnknownMigrations } from '../../db/pending-migrations.ts';
import { lookAtRights, type Rights } from '../setup/worker-role.ts';
import { toOperationError } from '../translate-error.ts';
import { bad, ok, type Check } from './check.ts';

const NAME = 'database';

/** Whether the database answers, has every migration of this version, and lets this role do what is needed. */
export async function checkDatabase(open: () => Queryable): Promise<readonly Check[]> {
  try {
    const database = open();
    const pending = await listPendingMigrations(database);
    const newer = await checkNewer(database);
    if (pending.length === 0) {
      const rights = checkRights(await lookAtRights(database));
      return [ok(NAME, 'reachable, every migration has run'), ...newer, rights];
    }
    return [
      bad(NAME, `${pending.length} migrations have not run (${pending.join(', ')}): run \`registrar setup\``),
      ...newer,
    ];
  } catch (error) {
    return [bad(NAME, toOperationError(error).message)];
  }
}

/** No failure: a newer release leaves what this one uses as it is. */
async function checkNewer(database: Queryable): Promise<readonly Check[]> {
  const unknown = await listUnknownMigrations(database);
  if (unknown.length === 0) return [];
  return [ok(NAME, `has ${unknown.join(', ')} of a newer release; this one leaves them alone`)];
}

const RIGHTS = 'rights';

/** More rights than needed are no failure: the embedded database has one role for everything. */
function checkRights({ role, tooMuch, closedTables, openTables, canMakeTemporaryTables }: Rights): Check {
  if (tooMuch !== undefined) {
    return ok(
      RIGHTS,
      `${role} ${moreThanNeeded[tooMuch]}: more than workers and commands need, see docs/security.md`,
    );
  }
  const grant = `run \`registrar setup\` as the owner of the tables, with REGISTRAR_WORKER_ROLE=${role}`;
  if (closedTables.length > 0) {
    return bad(RIGHTS, `${role} may not read and write all tables (${closedTables.join(', ')}): ${grant}`);
  }
  if (!canMakeTemporaryTables) {
    return bad(RIGHTS, `${role} may not make temporary tables, which \`course verify\` needs: ${grant}`);
  }
  if (openTables.length > 0) {
    return ok(
      RIGHTS,
      `${role} may do more with tables than workers and commands need (${openTables.join(', ')}): to take it away, ${grant}`,
    );
  }
  return ok(RIGHTS, `${role} may read and write rows, and nothing else`);
}

const moreThanNeeded = {
  superuser: 'is a superuser',
  owner: 'owns the tables',
  creator: 'may create tables',
} as const;
