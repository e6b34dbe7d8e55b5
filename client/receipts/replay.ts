import type { Database } from '../../db/database.ts';
import { failed } from '../operation-error.ts';
import type { TemporalAccess } from '../temporal.ts';
import { toOperationError } from '../translate-error.ts';
import { eraseAgain, listToErase, type ErasedAgain } from './erase-again.ts';
import type { ReceiptContext } from './context.ts';
import { putBackReceipts, type PutBack, type PutBackOptions } from './put-back.ts';
import { settleQueue, type Settled } from './queue-rows.ts';
import type { ErasedPerson, Standing } from './replay-store.ts';

export interface ReplayContext extends ReceiptContext {
  readonly database: Database;
  temporal(): Promise<TemporalAccess>;
}

export interface Replayed extends Omit<PutBack, 'people' | 'since'>, Settled {
  readonly isDryRun: boolean;
  /** Why our rows and the LMS's queue could not be made to agree; null when they do, and of a dry run. */
  readonly queueTrouble: string | null;
  /** Who was erased after the backup, in the order of their LMS user ids. */
  readonly people: readonly ErasedAgain[];
}

export interface ReplayOptions extends PutBackOptions {
  /** Hears how many people there are, and its answer is called after each. */
  readonly watch: (total: number) => () => void;
}

/**
 * After a restored backup: puts the receipts of a file back that the database lacks, and erases once more whom they erased. Safe to
 * repeat, also after a death. Throws, with nothing changed, when the file is not one that goes on from the chain here.
 */
export async function replayReceipts(
  context: ReplayContext,
  path: string,
  { watch, ...options }: ReplayOptions,
): Promise<Replayed> {
  const { people, since, ...putBack } = await putBackReceipts(context, path, options);
  const standings = await listToErase(context, people);
  if (options.isDryRun) {
    return { ...putBack, isDryRun: true, people: wanted(since, standings), ...notSettled };
  }
  const erased = await beginAll(context, standings, watch);
  return { ...putBack, isDryRun: false, people: erased, ...(await settle(context)) };
}

const notSettled = { takenIn: 0, lookedAfter: 0, queueTrouble: null } as const;

async function beginAll(
  context: ReplayContext,
  standings: readonly Standing[],
  watch: ReplayOptions['watch'],
): Promise<readonly ErasedAgain[]> {
  const advance = watch(standings.length);
  if (standings.length === 0) return [];
  try {
    return await eraseAgain(context, standings, advance);
  } catch (error) {
    const { message } = toOperationError(error);
    throw failed(
      `the receipts are put back, but nobody could be begun: ${message}; then run this command again`,
      { cause: error },
    );
  }
}

/** Does not throw: what became of the people must be told all the same. */
async function settle(context: ReplayContext): Promise<Settled & Pick<Replayed, 'queueTrouble'>> {
  try {
    return { ...(await settleQueue(context)), queueTrouble: null };
  } catch (error) {
    const { message } = toOperationError(error);
    const trouble = failed(
      `the receipts are put back, and whoever could be begun was, but the rows here and the LMS's queue do not agree yet: ${message}; then run this command again`,
    );
    return { ...notSettled, queueTrouble: trouble.message };
  }
}

function wanted(since: readonly ErasedPerson[], standings: readonly Standing[]): readonly ErasedAgain[] {
  const open = [...since, ...standings.filter(({ isErasedSince }) => !isErasedSince)];
  const people = [...new Map(open.map((person) => [person.userId, person])).values()];
  return people.map(({ userId, receipt }) => ({
    userId,
    receipt,
    outcome: 'wanted',
    message: 'would go through all stages again',
  }));
}
