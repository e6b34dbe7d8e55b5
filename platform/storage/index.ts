import type { Destination } from '../../domain/retirement/destination.ts';
import { createBucketStore } from './bucket.ts';
import { createFolderStore } from './folder.ts';
import type { ObjectStore } from './object-store.ts';

/**
 * Opens the folder or the bucket that a destination names; nothing is asked of it yet. `timeoutMs` is for each request to a
 * bucket. Close it when done.
 */
export function createObjectStore(
  destination: Destination,
  options: { readonly timeoutMs: number },
): ObjectStore {
  switch (destination.kind) {
    case 'folder':
      return createFolderStore(destination.path);
    case 's3':
      return createBucketStore(destination, options);
  }
}
