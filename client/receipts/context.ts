import type { Configuration } from '../../config/configuration.ts';
import type { Database } from '../../db/database.ts';
import type { Session } from '../session.ts';

/** What the operations on receipts are given. */
export interface ReceiptContext {
  readonly database: Database;
  /** Throws when the configuration is not valid: falling back to fewer keys would believe more. */
  configuration(): Promise<Configuration>;
}

/** Hears how far a walk through the chain is. */
export type Watch = (done: number, total: number, note: string) => void;

export function receiptContextOf(session: Session): ReceiptContext {
  return { database: session.database(), configuration: () => session.configuration() };
}
