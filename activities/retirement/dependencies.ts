import type { Database } from '../../db/database.ts';
import type { LmsStates } from './lms-states.ts';
import type { PlatformSource } from './platform.ts';
import type { ReceiptKeys } from './receipts/keys.ts';

/** What the worker hands to the retirement activities. */
export interface RetirementDependencies {
  readonly database: Database;
  readonly platform: PlatformSource;
  readonly lmsStates: LmsStates;
  readonly receiptKeys: ReceiptKeys;
  /** How long a stage may wait for something else to end, in milliseconds; default an hour. */
  readonly longestWaitMs?: number;
}
