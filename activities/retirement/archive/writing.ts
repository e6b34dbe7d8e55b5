import { createObjectStore } from '../../../platform/storage/index.ts';
import type { ObjectStore } from '../../../platform/storage/object-store.ts';
import { retryLater } from '../../failures.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { reachingStore } from '../reaching-store.ts';
import { digestOf } from './lines.ts';
import { recordWritten } from './progress-store.ts';
import { requireArchive } from './settings.ts';
import { findPlannedBatch } from './store.ts';

export interface BatchInput {
  readonly batchId: number;
}

export interface WrittenBatch {
  readonly destination: string;
  readonly fileKey: string;
}

/**
 * Writes a batch's file and reads it back: only a file that came back as it was sent counts as written. Safe to run twice: the key
 * and the bytes are the same, and a file that is written is left alone, where it was written to: the destination may be another
 * one by now.
 */
export function createWriteBatch({
  database,
  platform,
}: RetirementDependencies): (input: BatchInput) => Promise<WrittenBatch> {
  return ({ batchId }) =>
    beating(async () => {
      const connected = await platform.current();
      const { destination } = requireArchive(connected);
      const batch = await findPlannedBatch(database, batchId);
      if (batch === undefined) throw new Error(`batch ${batchId} of the archive has not been planned`);
      const { fileKey, content, digest } = batch;
      if (batch.destination !== null) return { destination: batch.destination, fileKey };
      const store = createObjectStore(destination, {
        timeoutMs: connected.configuration.registrar.requestTimeoutMs,
      });
      try {
        if (content !== null) {
          await reachingStore(() => deliver(store, { fileKey, content, digest }));
          await recordWritten(database, batchId, store.name);
        }
        return { destination: store.name, fileKey };
      } finally {
        await store.close();
      }
    });
}

async function deliver(
  store: ObjectStore,
  file: { readonly fileKey: string; readonly content: Uint8Array; readonly digest: string },
): Promise<void> {
  await store.put(file.fileKey, file.content, 'application/gzip');
  const back = await store.read(file.fileKey);
  if (back !== undefined && digestOf(back) === file.digest) return;
  throw retryLater(
    'ServiceUnavailable',
    `${store.name} does not give ${file.fileKey} back as it was written: nobody is cleaned up before it does`,
  );
}
