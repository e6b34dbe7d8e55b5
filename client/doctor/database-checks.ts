import type { Queryable } from '../../db/database.ts';
import { listPendingMigrations } from '../../db/pending-migrations.ts';
import { toOperationError } from '../translate-error.ts';
import { bad, ok, type Check } from './check.ts';

const NAME = 'database';

/** Whether the database answers and has every migration of this version. */
export async function checkDatabase(open: () => Queryable): Promise<readonly Check[]> {
  try {
    const pending = await listPendingMigrations(open());
    if (pending.length === 0) return [ok(NAME, 'reachable, every migration has run')];
    return [
      bad(NAME, `${pending.length} migrations have not run (${pending.join(', ')}): run \`registrar setup\``),
    ];
  } catch (error) {
    return [bad(NAME, toOperationError(error).message)];
  }
}
