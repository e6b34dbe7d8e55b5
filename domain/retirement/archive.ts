const DAY_MS = 86_400_000;

export interface ArchiveInput {
  /** Count only: nothing is written anywhere. */
  readonly dryRun?: boolean;
}

/** What `archiveRetirements` did, or would do. Nobody is named but by LMS user id. */
export type ArchiveResult = ArchivedResult | CountedResult;

export interface ArchivedResult {
  readonly kind: 'archived';
  /** The batches that this run had to do with, also those that an earlier run had left unfinished. */
  readonly batches: readonly ArchivedBatch[];
  /** Sums over the batches. */
  readonly learners: number;
  readonly cleaned: number;
  readonly forgotten: number;
  /** Learners whom the LMS does not give up: they are tried again by the next run. */
  readonly refusedCount: number;
  /** The first of them, at most 200. */
  readonly refused: readonly RefusedLearner[];
  /** Learners who wait for partner reports, in the next run's hands; counted when there was no other batch to work on. */
  readonly held: readonly HeldLearners[];
  /** More is to be archived, by the next run. */
  readonly left: boolean;
}

/** One file of the archive and how far its learners are. */
export interface ArchivedBatch {
  readonly batchId: number;
  /** `folder /srv/archive`, `s3://bucket/prefix` */
  readonly destination: string;
  readonly fileKey: string;
  readonly learners: number;
  /** Of them, without a row in the LMS. */
  readonly cleaned: number;
  /** Of them, without a row here. */
  readonly forgotten: number;
}

export interface RefusedLearner {
  readonly userId: number;
  readonly because: string;
}

/** So many learners are not archived or not forgotten yet, all for one reason. */
export interface HeldLearners {
  readonly because: string;
  readonly learners: number;
}

export interface CountedResult {
  readonly kind: 'counted';
  /** Learners who would be archived, in so many files. */
  readonly learners: number;
  readonly batches: number;
  /** Learners of files that an earlier run began, who are not forgotten yet. */
  readonly unfinished: number;
  /** Learners who are not archived, or not forgotten, before partner reports are done with them. */
  readonly held: readonly HeldLearners[];
}

/** Results and answers to queries travel through Temporal, which takes 2 MiB. */
const MOST_REFUSED = 200;

/** How many learners were refused, and the first of them. */
export type RefusedTally = Pick<ArchivedResult, 'refused' | 'refusedCount'>;

export function addRefused(tally: RefusedTally, more: readonly RefusedLearner[]): RefusedTally {
  return {
    refused: [...tally.refused, ...more].slice(0, MOST_REFUSED),
    refusedCount: tally.refusedCount + more.length,
  };
}

/** Whoever asked before this instant is old enough for the archive. */
export function archivedBefore(now: Date, afterDays: number): Date {
  return new Date(now.getTime() - afterDays * DAY_MS);
}

/**
 * Where a batch's file lies: `raw/2026/11/retirement_archive_2026_11_22_09_05_00_7.json.gz`. In UTC. Open edX's own archive has
 * the day before the month in the name, so that its files do not sort by time, and no number, so that two batches of one
 * second share a name.
 */
export function archiveFileKey(plannedAt: Date, batchId: number): string {
  const [date = '', time = ''] = plannedAt.toISOString().slice(0, 19).split('T');
  const [year, month, day] = date.split('-');
  const name = ['retirement', 'archive', year, month, day, ...time.split(':'), batchId].join('_');
  return `raw/${year}/${month}/${name}.json.gz`;
}

/** A time of the LMS's as Athena takes it for a timestamp: `2026-11-22 09:05:00.123456`. */
export function queryableTime(iso: string): string {
  return iso.replace('T', ' ').replace(/Z$/, '');
}
