import { activityInfo, cancellationSignal, getClient } from '@temporalio/activity';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { stageName } from '../../domain/retirement/pipeline.ts';
import { COMPLETE, ERRORED } from '../../domain/retirement/states.ts';
import type { ReceiptProbe } from '../../receipts/receipt.ts';
import {
  RETIRE_USER,
  retirementStart,
  retirementWorkflowId,
  type ProbeErasureInput,
  type ProbeErasureResult,
  type StageCause,
  type StageProbe,
} from '../../workflows/retirement/contract.ts';
import type { Queryable } from '../../db/database.ts';
import { retryLater } from '../failures.ts';
import { beating } from '../heartbeat.ts';
import { isClaimed } from './archive/store.ts';
import type { RetirementDependencies } from './dependencies.ts';
import { probeStages } from './probing.ts';
import { issueProbeReceipt } from './receipts/issuing.ts';
import { listProbesOf, newestErasureOf } from './receipts/store.ts';
import {
  changeState,
  findRetirement,
  lockRetirement,
  recordFailure,
  recordProbeDue,
  type StoredRetirement,
} from './store.ts';
import { line } from './wording.ts';

export type ProbeAgainInput = Omit<ProbeErasureInput, 'afterMs'>;

/**
 * Asks the services of a completed erasure once more and writes a receipt of what they said. Where a learner came back, the
 * retirement is opened again, ERRORED at that stage. Safe to run again: the receipt of an attempt before says what it found,
 * and Temporal lets only one workflow of a learner be open.
 */
export function createProbeAgain(
  dependencies: RetirementDependencies,
): (input: ProbeAgainInput) => Promise<ProbeErasureResult> {
  return (input) => beating(() => probeAgain(dependencies, input));
}

async function probeAgain(
  dependencies: RetirementDependencies,
  { userId, receipt }: ProbeAgainInput,
): Promise<ProbeErasureResult> {
  const { database } = dependencies;
  const learner = await findRetirement(database, userId);
  if (learner === undefined) return superseded('the retirement is archived');
  if ((await newestErasureOf(database, userId))?.sequence !== receipt)
    return superseded('the learner was erased once more since');
  const known = await listProbesOf(database, receipt);
  if (known.later.length === 0 && learner.currentState !== COMPLETE)
    return superseded(`the retirement is at ${learner.currentState} again`);
  const results =
    known.later.length > 0 ? known.later : await look(dependencies, learner, receipt, known.first);
  if (results === undefined) return superseded('the retirement goes on since this moment');
  const [back] = results.filter(({ result }) => result === 'came-back');
  const told = results.map(({ stage, result }): StageProbe => ({ stage, result }));
  // An archive that has claimed the learner ends what there is to open: the receipt alone tells of it.
  if (back === undefined || (await isClaimed(database, learner.retirementId)))
    return { kind: 'probed', results: told };
  if (!(await reopen(database, learner, back.stage)))
    return superseded('the learner has been resumed or run again since');
  return { kind: 'came-back', results: told, stage: back.stage };
}

/** Undefined when somebody moved the learner meanwhile. */
async function look(
  { database, platform, receiptKeys }: RetirementDependencies,
  learner: StoredRetirement,
  receipt: number,
  first: readonly ReceiptProbe[],
): Promise<readonly ReceiptProbe[] | undefined> {
  const found = await probeStages(await platform.lastValid(), learner, { signal: cancellationSignal() });
  const { registrar } = (await platform.lastValid()).configuration;
  const keys = await receiptKeys.current(registrar.receipts);
  const wasGone = new Set(first.filter(({ result }) => result === 'gone').map(({ stage }) => stage));
  const at = new Date();
  const probes = found.map(({ stage: { startState }, result }): ReceiptProbe => {
    const cameBack = result === 'still-there' && wasGone.has(startState);
    return { stage: startState, result: cameBack ? 'came-back' : result, at: at.toISOString() };
  });
  return database.transaction(async (tx) => {
    const { userId } = learner;
    if ((await lockRetirement(tx, userId)) !== COMPLETE) return undefined;
    await issueProbeReceipt(tx, keys, { of: receipt, userId, probes, at });
    await recordProbeDue(tx, userId, null);
    const [back] = found.filter(({ stage }) =>
      probes.some((probe) => probe.stage === stage.startState && probe.result === 'came-back'),
    );
    if (back === undefined || (await isClaimed(tx, learner.retirementId))) return probes;
    const { startState: stage } = back.stage;
    await changeState(tx, { userId, state: ERRORED, line: line(at, `${ERRORED}: ${stage}: ${CAME_BACK}`) });
    await recordFailure(tx, userId, {
      stage,
      activity: stageName(back.stage),
      what: CAME_BACK,
      attempts: 1,
      at: at.toISOString(),
    });
    return probes;
  });
}

const CAME_BACK = 'the service knows the learner again, whom it did not know after the erasure';

/** False when the learner has gone on since. */
async function reopen(db: Queryable, learner: StoredRetirement, stage: string): Promise<boolean> {
  const cause: StageCause = { stage, what: CAME_BACK };
  const parked = { failedStage: stage, cause, recorded: false, resumes: 0, reopened: true };
  try {
    await getClient().workflow.start(RETIRE_USER, {
      ...retirementStart({ userId: learner.userId, parked }, { state: ERRORED, dueAt: learner.dueAt }),
      taskQueue: activityInfo().taskQueue,
      workflowIdConflictPolicy: 'FAIL',
    });
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const now = await findRetirement(db, learner.userId);
  if (now?.currentState !== ERRORED) return false;
  // Our own, started by an attempt before; any other one is about to end, and leaves the learner without a workflow.
  const { searchAttributes } = await getClient()
    .workflow.getHandle(retirementWorkflowId(learner.userId))
    .describe();
  if (searchAttributes['RetirementState']?.[0] === ERRORED) return true;
  throw retryLater('Unexpected', `another run of LMS user ${learner.userId} is about to end`);
}

function superseded(reason: string): ProbeErasureResult {
  return { kind: 'superseded', reason };
}
