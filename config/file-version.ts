import type { BigIntStats } from 'node:fs';

/**
 * A file that changed this shortly before it was read may change again without a new time stamp: file systems count in
 * steps of up to two seconds. Until it is older, it is read at every call.
 */
const SETTLED_AFTER_MS = 2000;

export interface FileVersion {
  /** Another text whenever the file has been written or replaced. */
  readonly version: string;
  readonly isSettled: boolean;
}

export function fileVersion({ mtimeNs, ctimeNs, size, ino, mtimeMs }: BigIntStats): FileVersion {
  return {
    version: [mtimeNs, ctimeNs, size, ino].join(' '),
    isSettled: Date.now() - Number(mtimeMs) > SETTLED_AFTER_MS,
  };
}
