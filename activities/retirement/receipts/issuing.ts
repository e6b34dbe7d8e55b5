import type { ApplicationFailure } from '@temporalio/common';
import type { Queryable } from '../../../db/database.ts';
import type { Pipeline, Stage } from '../../../domain/retirement/pipeline.ts';
import type { CurrentKeys } from '../../../receipts/kept-keys.ts';
import type { ReceiptBody, ReceiptProbe, ReceiptStage } from '../../../receipts/receipt.ts';
import { sealReceipt } from '../../../receipts/sealing.ts';
import { columnsOf } from '../../../receipts/stored-receipt.ts';
import { subjectTokens } from '../../../receipts/tokens.ts';
import { permanent, retryLater } from '../../failures.ts';
import type { StoredRetirement } from '../store.ts';
import { appendReceipt, findNewerKeyBefore, findReceipt, findReceiptMarked, lockChainEnd } from './store.ts';

export interface ErasureToIssue {
  /** As the row stands when the last stage is done. */
  readonly learner: StoredRetirement;
  /** As it was run. */
  readonly pipeline: Pipeline;
  readonly completedAt: Date;
  readonly probes: readonly ReceiptProbe[];
  /** What a stage is of which nothing is known here; default `skipped`. */
  readonly unseen?: 'skipped' | 'unknown';
}

export interface ProbesToIssue {
  /** Sequence of the erasure's receipt. */
  readonly of: number;
  readonly userId: number;
  readonly probes: readonly ReceiptProbe[];
  readonly at: Date;
}

export interface Issued {
  readonly sequence: number;
}

/** What a body says, apart from its place in the chain. A union's members each lose the place, not only what they share. */
type Unplaced<Body> = Body extends ReceiptBody ? Omit<Body, 'sequence' | 'previousHash'> : never;

/**
 * Writes the receipt of an erasure at the end of the chain, in the caller's transaction: it stands if and only if COMPLETE
 * does. Call it last there: until the transaction ends, nobody else can issue a receipt. Safe to run again with the same
 * retirement and `completedAt`: the receipt that is there is answered. Two statements. Fails, to be tried again with the keys
 * of that moment, when a newer key than these signed a moment ago.
 */
export async function issueErasureReceipt(
  tx: Queryable,
  keys: CurrentKeys,
  { learner, pipeline, completedAt, probes, unseen = 'skipped' }: ErasureToIssue,
): Promise<Issued> {
  const body = {
    version: 1,
    kind: 'erasure',
    issuedAt: new Date().toISOString(),
    userId: learner.userId,
    retirementId: learner.retirementId,
    subject: subjectTokens(keys.token, { username: learner.originalUsername, email: learner.originalEmail }),
    requestedAt: learner.requestedAt.toISOString(),
    completedAt: completedAt.toISOString(),
    stages: pipeline.map((stage) => stageIn(learner, stage, unseen)),
    probes: probes.map(plain),
  } as const;
  return issue(tx, keys, body, `"completedAt":"${body.completedAt}"`);
}

/**
 * Writes what a later look at an erasure found. Safe to run again with the same `of` and `at`. Throws `Unexpected`, for good,
 * when that person has no receipt of an erasure there.
 */
export async function issueProbeReceipt(
  tx: Queryable,
  keys: CurrentKeys,
  { of, userId, probes, at }: ProbesToIssue,
): Promise<Issued> {
  const erasure = await findReceipt(tx, of);
  if (erasure === undefined || erasure.userId !== userId || erasure.kind !== 'erasure') {
    throw permanent(
      'Unexpected',
      `receipt ${of} is no erasure of LMS user ${userId}: run \`registrar retirement verify --all\``,
    );
  }
  const body = {
    version: 1,
    kind: 'probe',
    issuedAt: at.toISOString(),
    userId,
    retirementId: erasure.retirementId,
    // The rows may be gone by now, so that nobody could make the tokens anew.
    subject: { keyId: erasure.tokenKeyId, username: erasure.usernameToken, email: erasure.emailToken },
    of,
    probes: probes.map(plain),
  } as const;
  // Neighbours in the canonical form, whose keys are sorted.
  return issue(tx, keys, body, `"issuedAt":"${body.issuedAt}","kind":"probe","of":${of},`);
}

/** `mark` is what the canonical form of this very receipt has and no other of the same retirement and kind. */
async function issue(
  tx: Queryable,
  keys: CurrentKeys,
  unplaced: Unplaced<ReceiptBody>,
  mark: string,
): Promise<Issued> {
  const end = await lockChainEnd(tx);
  const body = { ...unplaced, sequence: end.lastSequence + 1, previousHash: end.lastHash };
  const receipt = { ...sealReceipt(body, keys.signing), ...columnsOf(body) };
  if (await appendReceipt(tx, receipt, mark)) return { sequence: receipt.sequence };
  const first = await findReceiptMarked(tx, receipt, mark);
  if (first !== undefined) return { sequence: first.sequence };
  const newer = await findNewerKeyBefore(tx, receipt);
  throw newer === undefined
    ? new Error('a receipt that was there a moment ago is gone: it will be tried again')
    : overtaken(keys.signing.keyId, newer);
}

/**
 * Who read the configuration before its key was changed would leave a receipt for ever that nobody believes: after the first
 * one of a newer key, older keys do not count. So the attempt is repeated, with the configuration that it finds then. Not for
 * ever: nobody's erasure waits for a key.
 */
function overtaken(ours: string, newer: string): ApplicationFailure {
  return retryLater(
    'ConfigurationInvalid',
    `the last receipt is signed with key ${newer}, which is newer than key ${ours} of this worker: tried again with the configuration of that moment, for an hour at most; if it goes on, give all workers one new key in registrar.receipts.signing_key, and never go back to an earlier one`,
  );
}

function stageIn(
  { stageOutcomes, completedStages }: StoredRetirement,
  stage: Stage,
  unseen: 'skipped' | 'unknown',
): ReceiptStage {
  const { startState, endState, service, method } = stage;
  const known = Object.hasOwn(stageOutcomes, endState) ? stageOutcomes[endState] : undefined;
  const isCompleted = completedStages.includes(endState);
  return {
    startState,
    endState,
    service,
    method,
    outcome: known?.outcome ?? (isCompleted ? 'done-elsewhere' : unseen),
    at: known === undefined ? null : new Date(known.at).toISOString(),
  };
}

/** Without what a caller's object may have beside it: a receipt has exactly what it is known to have. */
function plain({ stage, result, at }: ReceiptProbe): ReceiptProbe {
  return { stage, result, at: new Date(at).toISOString() };
}
