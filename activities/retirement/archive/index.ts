import type { RetirementDependencies } from '../dependencies.ts';
import { createBeginArchive } from './beginning.ts';
import { createCleanUpBatch } from './cleaning-up.ts';
import { createCountArchivable } from './counting.ts';
import { createForgetBatch } from './forgetting.ts';
import { createNextBatch } from './planning.ts';
import { createWriteBatch } from './writing.ts';

export type ArchiveActivities = ReturnType<typeof createArchiveActivities>;

/** All effects of `archiveRetirements`, in their order. Each is safe to run twice; the doc comment of each says why. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the workflow takes its type from here
export function createArchiveActivities(dependencies: RetirementDependencies) {
  return {
    countArchivable: createCountArchivable(dependencies),
    beginArchive: createBeginArchive(dependencies),
    nextBatch: createNextBatch(dependencies),
    writeBatch: createWriteBatch(dependencies),
    cleanUpBatch: createCleanUpBatch(dependencies),
    forgetBatch: createForgetBatch(dependencies),
  };
}
