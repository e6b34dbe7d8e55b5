import { findRetirement, listRetirements } from '../../activities/retirement/store.ts';
import { archiveNow } from '../../client/retirement/archive.ts';
import { failedStageOf } from '../../client/retirement/resume.ts';
import { locate, stateBefore, statesInOrder, type Pipeline } from '../../domain/retirement/pipeline.ts';
import { CANCEL, RESUME, retirementWorkflowId } from '../../workflows/retirement/contract.ts';
import { chaosPipeline, learnerNumber } from './cast.ts';
import { operate, type Desk } from './operating.ts';
import type { AskedLearner, People } from './people.ts';
import type { Stage } from './stage.ts';
import type { Action } from './step.ts';

export const pipeline: Pipeline = chaosPipeline.map(([startState, endState, service, method]) => ({
  startState,
  endState,
  service,
  method,
}));

/** Not a state of this pipeline, terminal, or not a state at all. */
const wrongStates = ['COMPLETE', 'ERRORED', 'NO_SUCH_STATE', 'RETIRING_SEGMENT', ''] as const;

/** Runs that are asked for by hand are waited for so long. */
const RUN_PATIENCE = { timeoutMs: 30_000 } as const;

type Of<Kind extends Action['kind']> = Extract<Action, { readonly kind: Kind }>;

/** Answers what came of it. Throws what the client throws. */
export async function resume(stage: Stage, people: People, action: Of<'resume'>): Promise<string> {
  return operate(stage, async (desk) => {
    const learner = await learnerMeant(desk, people, action);
    if (learner === undefined) return 'nobody to resume';
    const state = await stateToResumeFrom(desk, learner, action);
    learner.resumes += 1;
    const what = `LMS user ${learner.userId} from ${state}`;
    if (action.by === 'client') {
      const { message } = await desk.retirements.resume(String(learner.userId), { state });
      return `${what}: ${message}`;
    }
    const request = { state, by: 'chaos', reason: `choice ${action.choice}` };
    const handle = await handleOf(desk, learner);
    if (action.by === 'signal') {
      await handle.signal(RESUME, request);
      return `${what}: sent`;
    }
    await handle.executeUpdate<unknown, [unknown]>(RESUME, { args: [request] });
    return `${what}: accepted`;
  });
}

async function learnerMeant(
  { session }: Desk,
  people: People,
  { learner, choice }: Of<'resume'>,
): Promise<AskedLearner | undefined> {
  if (learner !== null) return people.find(learner);
  const errored = await listRetirements(session.database(), { state: 'ERRORED' });
  const chosen = errored[choice % Math.max(1, errored.length)];
  return chosen === undefined ? undefined : people.findUser(chosen.userId);
}

async function stateToResumeFrom(
  { session }: Desk,
  { userId }: AskedLearner,
  { from, choice }: Of<'resume'>,
): Promise<string> {
  const all = from === 'wrong' ? wrongStates : statesInOrder(pipeline);
  const any = all[choice % all.length] ?? '';
  if (from !== 'prior') return any;
  const row = await findRetirement(session.database(), userId);
  const failed = row === undefined ? undefined : failedStageOf(row, pipeline);
  const position = failed === undefined ? undefined : locate(pipeline, failed);
  return position?.kind === 'inside' ? stateBefore(pipeline, position.index) : any;
}

export async function resumeAll(stage: Stage, people: People, action: Of<'resume-all'>): Promise<string> {
  const failed = pipeline[action.stage % pipeline.length]?.startState ?? '';
  for (const learner of people.all()) learner.resumes += 1;
  const outcomes = await operate(
    stage,
    ({ retirements }) => retirements.resumeAllErrored({ stage: failed }),
    {
      timeoutMs: 30_000,
    },
  );
  const resumed = outcomes.filter(({ outcome }) => outcome === 'resumed').length;
  return `${failed}: ${resumed} of ${outcomes.length} resumed`;
}

export async function cancel(stage: Stage, learner: AskedLearner, action: Of<'cancel'>): Promise<string> {
  return operate(stage, async (desk) => {
    if (action.by === 'client') {
      await desk.retirements.cancel(learnerNumber(learner.number).email);
      learner.wasToldCancelled = true;
      return 'accepted';
    }
    const handle = await handleOf(desk, learner);
    if (action.by === 'request') {
      await handle.cancel();
      return 'requested';
    }
    if (action.by === 'signal') {
      await handle.signal(CANCEL, { by: 'chaos' });
      return 'sent';
    }
    await handle.executeUpdate<unknown, [unknown]>(CANCEL, { args: [{ by: 'chaos' }] });
    learner.wasToldCancelled = true;
    return 'accepted';
  });
}

export async function rerun(stage: Stage, people: People, { learner, how }: Of<'rerun'>): Promise<string> {
  const meant = learner === null ? undefined : people.find(learner);
  for (const one of meant === undefined ? people.all() : [meant]) one.reruns += 1;
  const who = meant === undefined ? {} : { who: String(meant.userId) };
  const result = await operate(
    stage,
    ({ retirements }) => retirements.rerun({ ...who, kind: how }),
    RUN_PATIENCE,
  );
  return JSON.stringify(result);
}

export async function runByHand(
  stage: Stage,
  kind: 'collect' | 'report' | 'archive',
  tries = 1,
): Promise<string> {
  const result = await operate(
    stage,
    ({ retirements, session }): Promise<unknown> => {
      switch (kind) {
        case 'collect':
          return retirements.collect();
        case 'report':
          return retirements.report();
        case 'archive':
          return archiveNow(contextOf(session), { dryRun: false });
      }
    },
    { timeoutMs: tries === 1 ? RUN_PATIENCE.timeoutMs : 90_000, tries },
  );
  return JSON.stringify(result);
}

function contextOf(session: Desk['session']): Parameters<typeof archiveNow>[0] {
  return {
    database: session.database(),
    temporal: () => session.temporal(),
    configuration: () => session.configuration(),
  };
}

async function handleOf(
  { session }: Desk,
  { userId }: AskedLearner,
): Promise<ReturnType<Awaited<ReturnType<Desk['session']['temporal']>>['client']['workflow']['getHandle']>> {
  const { client } = await session.temporal();
  return client.workflow.getHandle(retirementWorkflowId(userId));
}
