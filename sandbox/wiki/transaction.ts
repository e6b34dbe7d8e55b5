import type { Pool, PoolClient } from 'pg';
import { inTurn } from '../shell/transaction.ts';

/** Runs the changes of one control request as one transaction; they come one at a time, as ids and times must agree. */
export function changing<T>(pool: Pool, change: (client: PoolClient) => Promise<T>): Promise<T> {
  return inTurn(pool, 'changes', change);
}
