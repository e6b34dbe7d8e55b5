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
  /** Who was erased after the backup, in the order of their LMS user ids. */
  readonly people: readonly ErasedAgain[];
}

export interface ReplayWatch {
  readonly reading: PutBackOptions['watch'];
  /** Hears how many people there are, and its answer is called after each. */
  readonly erasing: (total: number) => () => void;
}

/**
 * After a restored backup: puts the receipts of a file back that the database lacks, and erases once more whom they erased. Safe to
 * repeat, also after a death. Throws, with nothing changed, when the file is not one that goes on from the chain here.
 */
export async function replayReceipts(
  context: ReplayContext,
  path: string,
  { watch, ...options }: Omit<PutBackOptions, 'watch'> & { readonly watch: ReplayWatch },
): Promise<Replayed> {
  const { people, since, ...putBack } = await putBackReceipts(context, path, {
    ...options,
    watch: watch.reading,
  });
  const standings = await listToErase(context, people);
  if (options.isDryRun) {
    return { ...putBack, isDryRun: true, people: wanted(since, standings), takenIn: 0, lookedAfter: 0 };
  }
  try {
    const advance = watch.erasing(standings.length);
    const erased = standings.length === 0 ? [] : await eraseAgain(context, standings, advance);
    return { ...putBack, isDryRun: false, people: erased, ...(await settleQueue(context)) };
  } catch (error) {
    const { message } = toOperationError(error);
    throw failed(
      `the receipts are put back, but nobody could be begun: ${message}; then run this command again`,
      {
        cause: error,
      },
    );
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
