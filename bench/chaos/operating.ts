import { setTimeout as delay } from 'node:timers/promises';
import { coursesOf } from '../../client/course/session-client.ts';
import type { CourseClient } from '../../client/course/client.ts';
import { retirementsOf } from '../../client/retirement/session-client.ts';
import type { RetirementClient } from '../../client/retirement/client.ts';
import { openSession, type Session } from '../../client/session.ts';
import { toOperationError } from '../../client/translate-error.ts';
import type { OperationError } from '../../client/operation-error.ts';
import type { Stage } from './stage.ts';

/** What an operator has at hand. */
export interface Desk {
  readonly session: Session;
  readonly retirements: RetirementClient;
  readonly courses: CourseClient;
}

export interface Patience {
  /** How often something is tried that failed because a server was down; default once. */
  readonly tries?: number;
  /** Default 25 s. */
  readonly timeoutMs?: number;
}

const BETWEEN_TRIES_MS = 1_000;

/** One operation by the product's own client, on connections of its own. Throws an {@link OperationError}, whatever it failed with. */
export async function operate<Result>(
  { env }: Pick<Stage, 'env'>,
  work: (desk: Desk) => Promise<Result>,
  { tries = 1, timeoutMs = 25_000 }: Patience = {},
): Promise<Result> {
  for (let made = 1; ; made += 1) {
    try {
      return await within(timeoutMs, once(env, work));
    } catch (error) {
      const told = error instanceof NoAnswer ? error : toOperationError(error);
      if (made === tries || !isPassing(told)) throw told;
      await delay(BETWEEN_TRIES_MS);
    }
  }
}

/** Nobody knows whether it was done, or will be. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

function isPassing(error: OperationError | NoAnswer): boolean {
  return !(error instanceof NoAnswer) && error.kind === 'failed';
}

async function once<Result>(env: Stage['env'], work: (desk: Desk) => Promise<Result>): Promise<Result> {
  const session = openSession(env);
  try {
    return await work({ session, retirements: retirementsOf(session), courses: coursesOf(session) });
  } finally {
    await session.close().catch(() => undefined);
  }
}

/** What is given up goes on until it ends by itself, and closes its connections then. */
async function within<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      work,
      delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
        throw new NoAnswer(`no answer within ${timeoutMs / 1000} s`);
      }),
    ]);
  } finally {
    timer.abort();
    work.catch(() => undefined);
  }
}
