import { cancellationSignal } from '@temporalio/activity';
import type { Configuration } from '../../config/configuration.ts';
import type { Queryable } from '../../db/database.ts';
import { COMPLETE, ERRORED } from '../../domain/retirement/states.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { retryLater } from '../failures.ts';
import { beating } from '../heartbeat.ts';
import { failStage, type EarlierAttempts } from './failing.ts';
import { moveTo, prepare, talking } from './talking.ts';
import type { Platform } from './platform.ts';
import { createLimiter } from '../../domain/concurrency.ts';
import { probeStages, stagesToProbe, type Probed } from './probing.ts';
import { issueErasureReceipt } from './receipts/issuing.ts';
import { listProbesOf, newestErasureOf } from './receipts/store.ts';
import {
  changeState,
  findRetirement,
  lockRetirement,
  recordProbeDue,
  type StoredRetirement,
} from './store.ts';
import { line } from './wording.ts';

export interface CompleteInput {
  readonly userId: number;
  /** What was tried before Temporal began to count the attempts. */
  readonly earlier?: EarlierAttempts;
}

export interface Completed {
  /** Sequence of the erasure's receipt. */
  readonly receipt: number;
  /** Present when services are to be asked once more after that long. */
  readonly probeAfterMs?: number;
}

const DAY_MS = 86_400_000;

/**
 * Writes COMPLETE to the LMS, asks the services whether the learner is gone, then writes COMPLETE to our row together with the
 * receipt. Safe to run again: a refused move is no failure when the LMS has COMPLETE already, and a row that is COMPLETE
 * has its receipt.
 */
export function createComplete(
  dependencies: RetirementDependencies,
): (input: CompleteInput) => Promise<Completed> {
  const limited = createLimiter(RECEIPTS_AT_ONCE);
  return (input) => beating(() => complete({ ...dependencies, limited }, input));
}

/** Receipts are a chain, so their transactions wait for each other: one more, lest the chain wait for a worker. Each holds a connection. */
const RECEIPTS_AT_ONCE = 2;

interface CompleteDependencies extends RetirementDependencies {
  readonly limited: ReturnType<typeof createLimiter>;
}

async function complete(
  dependencies: CompleteDependencies,
  { userId, earlier }: CompleteInput,
): Promise<Completed> {
  const { learner, platform } = await prepare(dependencies, userId);
  const signal = cancellationSignal();
  await talking(
    () => completeInLms(platform, learner, signal),
    (error) =>
      failStage(dependencies, {
        userId,
        stage: moveTo(COMPLETE),
        error,
        ...(earlier === undefined ? {} : { earlier }),
      }),
  );
  const found =
    learner.currentState === COMPLETE ? [] : await probeStages(platform, learner, { signal, earlier });
  const { probeAfterDays } = platform.configuration.registrar;
  const again = probeAfterDays !== undefined && stagesToProbe(platform, learner).length > 0;
  const probeAfterMs = again ? Math.round(probeAfterDays * DAY_MS) : undefined;
  const receipt = await completeHere(dependencies, platform, { learner, found, probeAfterMs });
  return { receipt, ...(probeAfterMs === undefined ? {} : { probeAfterMs }) };
}

async function completeInLms(
  { queue }: Platform,
  { originalUsername: username }: StoredRetirement,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await queue.move(
    { username, state: COMPLETE, response: 'Learner retirement complete.' },
    signal,
  );
  if (outcome.kind === 'moved') return;
  if (outcome.kind === 'gone') throw outcome.failure;
  const status = await queue.find(username, signal);
  if (status?.currentState.name !== COMPLETE) throw outcome.failure;
}

/** One transaction: nobody is COMPLETE here without a receipt. Returns the receipt's sequence. */
async function completeHere(
  { database, platform, receiptKeys, limited }: CompleteDependencies,
  { configuration }: Platform,
  {
    learner,
    found,
    probeAfterMs,
  }: {
    readonly learner: StoredRetirement;
    readonly found: readonly Probed[];
    readonly probeAfterMs: number | undefined;
  },
): Promise<number> {
  const { userId } = learner;
  return limited(async () => {
    // As they are now and not as they were when the services were asked: a key that was changed meanwhile signs from then on.
    const { registrar } = (await platform.lastValid()).configuration;
    const keys = await receiptKeys.current(registrar.receipts);
    return database.transaction(async (tx) => {
      const completedAt = new Date();
      // Held against an attempt that was given up for dead, and does the same at this moment.
      const current = await lockRetirement(tx, userId);
      const known = current === COMPLETE ? await receiptOf(tx, learner) : undefined;
      if (known !== undefined) return known;
      if (current !== COMPLETE) {
        // Given up for dead and still here, while the learner is run again.
        if (current !== learner.currentState)
          throw retryLater('Unexpected', `LMS user ${userId} was moved while COMPLETE was written`);
        const text = `${COMPLETE}: every stage of the pipeline is done${describe(found)}`;
        await changeState(tx, { userId, state: COMPLETE, line: line(completedAt, text) });
      }
      if (probeAfterMs !== undefined || learner.probeDueAt !== null) {
        const dueAt = probeAfterMs === undefined ? null : new Date(completedAt.getTime() + probeAfterMs);
        await recordProbeDue(tx, userId, dueAt);
      }
      const { sequence } = await issueErasureReceipt(tx, keys, {
        learner,
        pipeline: configuration.pipeline,
        completedAt,
        probes: found.map(({ stage, result }) => ({
          stage: stage.startState,
          result,
          at: completedAt.toISOString(),
        })),
      });
      return sequence;
    });
  });
}

/**
 * Writes that another driver completed the learner, with a receipt that says `unknown` of every stage that nobody here saw. Safe
 * to run again: a row that is COMPLETE and has its receipt stays as it is.
 */
export async function completeElsewhere(
  { database, receiptKeys }: Pick<RetirementDependencies, 'database' | 'receiptKeys'>,
  { pipeline, registrar }: Configuration,
  { userId, text }: { readonly userId: number; readonly text: string },
): Promise<void> {
  const keys = await receiptKeys.current(registrar.receipts);
  await database.transaction(async (tx) => {
    const completedAt = new Date();
    const current = await lockRetirement(tx, userId);
    const learner = await findRetirement(tx, userId);
    if (learner === undefined) return;
    if (current === COMPLETE && (await receiptOf(tx, learner)) !== undefined) return;
    // The LMS is behind: a later look found them again, and the retirement is about to be opened once more.
    if (current === ERRORED && (await cameBack(tx, learner))) return;
    if (current !== COMPLETE)
      await changeState(tx, { userId, state: COMPLETE, line: line(completedAt, text) });
    await issueErasureReceipt(tx, keys, { learner, pipeline, completedAt, probes: [], unseen: 'unknown' });
  });
}

/** Undefined for a learner who was COMPLETE before there were receipts. */
async function receiptOf(
  db: Queryable,
  { userId, retirementId }: StoredRetirement,
): Promise<number | undefined> {
  const newest = await newestErasureOf(db, userId);
  return newest?.retirementId === retirementId ? newest.sequence : undefined;
}

async function cameBack(db: Queryable, learner: StoredRetirement): Promise<boolean> {
  const receipt = await receiptOf(db, learner);
  if (receipt === undefined) return false;
  return (await listProbesOf(db, receipt)).later.some(({ result }) => result === 'came-back');
}

function describe(found: readonly Probed[]): string {
  if (found.length === 0) return '';
  return `; asked again: ${found.map(({ stage, result }) => `${stage.startState} ${result}`).join(', ')}`;
}
