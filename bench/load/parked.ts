import { setTimeout as delay } from 'node:timers/promises';
import { ERRORED } from '../../domain/retirement/states.ts';
import { retirementWorkflowId } from '../../workflows/retirement/contract.ts';
import { runCommand } from './asks.ts';
import { countComplete, drainTo, type Drained } from './batch.ts';
import { measured, ofEach, rounded, type Cpu } from './cost.ts';
import { readHistories, type HistoryCost } from './histories.ts';
import { makeLearners } from './learners.ts';
import type { Series } from './series.ts';
import { DEADLINE_DAYS, DEADLINE_WARNING_DAYS, type LoadStage } from './stage.ts';
import { countStates, listNewestUserIds } from './store.ts';
import { untilCount, untilQuiet } from './waiting.ts';

/** So many learners who were all ERRORED at the same stage, and were resumed by one command. */
export interface Parked {
  readonly learners: number;
  /** From the collection to the last one ERRORED. */
  readonly parkedPerSecond: number;
  /** Every run shows that the due date is near: they wake at the same moment. */
  readonly deadline: { readonly seconds: number; readonly cpuMsOfEach: Cpu };
  /** `retirement resume --all-errored`, until the command ends. */
  readonly resume: { readonly seconds: number; readonly perSecond: number };
  readonly drained: Drained;
  readonly history: HistoryCost;
}

const STAGE = 'RETIRING_NOTES';
const NOTES_PATH = '/api/edxnotes/';
const DAY_MS = 86_400_000;
const HISTORIES = 50;

/** Parks learners in ERRORED, lets the warning of their due date come, and resumes all of them. */
export async function runParked(
  stage: LoadStage,
  series: Series,
  { learners, perSecond }: { readonly learners: number; readonly perSecond: number },
): Promise<Parked> {
  const completeBefore = await countComplete(stage);
  await stage.lms('POST', '/_sandbox/faults', { path: NOTES_PATH, status: 400, body: { error: 'no notes' } });
  const warnAt = Date.now() + (60 + (2 * learners) / perSecond) * 1000;
  const requestedAt = new Date(warnAt - (DEADLINE_DAYS - DEADLINE_WARNING_DAYS) * DAY_MS);
  await makeLearners(stage, { name: 'parked', count: learners, requestedAt });

  series.enter(`${learners} run into ERRORED`);
  const parking = await measured(stage, async () => {
    await runCommand(stage, ['retirement', 'collect', '--json']);
    await untilCount('learners to be ERRORED', learners, () => countErrored(stage));
  });
  await untilQuiet(stage);
  stage.log(`${Math.round((warnAt - Date.now()) / 1000)} s until the due dates come near`);
  await delay(Math.max(0, warnAt - Date.now()));

  series.enter('due dates come near');
  const deadline = await measured(stage, () =>
    untilCount('runs to show their due date', learners, () => countApproaching(stage)),
  );
  await untilQuiet(stage);

  series.enter('resumed by one command');
  await stage.lms('DELETE', '/_sandbox/faults');
  let resumeSeconds = 0;
  const resuming = runCommand(stage, [
    'retirement',
    'resume',
    '--all-errored',
    '--stage',
    STAGE,
    '--json',
  ]).then(({ ms }) => void (resumeSeconds = ms / 1000));
  const [drained] = await Promise.all([
    drainTo(stage, { learners, complete: completeBefore + learners }),
    resuming,
  ]);
  const ids = await listNewestUserIds(stage.database, HISTORIES);
  return {
    learners,
    parkedPerSecond: rounded(learners / parking.seconds, 1),
    deadline: { seconds: deadline.seconds, cpuMsOfEach: ofEach(deadline.cpu, learners) },
    resume: { seconds: resumeSeconds, perSecond: rounded(learners / resumeSeconds, 1) },
    drained,
    history: await readHistories(stage, ids.map(retirementWorkflowId)),
  };
}

async function countErrored({ database }: LoadStage): Promise<number> {
  return (await countStates(database))[ERRORED] ?? 0;
}

async function countApproaching({ temporal }: LoadStage): Promise<number> {
  const { count } = await temporal.connection.workflowService.countWorkflowExecutions({
    namespace: temporal.namespace,
    query: `RetirementDeadline = 'approaching' and ExecutionStatus = 'Running'`,
  });
  return Number(count);
}
