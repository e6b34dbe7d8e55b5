import { learnerNumber } from './cast.ts';
import {
  changeExclusion,
  changePage,
  changeRoster,
  edit,
  importCourse,
  linkLearner,
  requestUpdate,
} from './course-steps.ts';
import type { Journal } from './journal.ts';
import type { AskedLearner, People } from './people.ts';
import { cancel, rerun, resume, resumeAll, runByHand } from './retirement-steps.ts';
import type { Stage } from './stage.ts';
import type { Action, FaultyServer, Step, Victim } from './step.ts';

/** What was really done to the run's servers, as far as the checks need it. */
export interface Deeds {
  readonly kills: { readonly victim: Victim; readonly atMs: number }[];
  readonly faults: {
    readonly server: FaultyServer;
    readonly learner: number | null;
    readonly times: number;
    readonly atMs: number;
  }[];
}

export interface Scenery {
  readonly stage: Stage;
  readonly people: People;
  readonly journal: Journal;
  readonly deeds: Deeds;
  /** Epoch milliseconds. */
  readonly beganAt: number;
}

/** Does what a step says and answers what came of it. Throws what kept it from being done. */
export async function act(scenery: Scenery, { action }: Step): Promise<string> {
  const { stage, people } = scenery;
  switch (action.kind) {
    case 'ask':
      return ask(scenery, action);
    case 'kill':
      return kill(scenery, action);
    case 'fault':
      return setFaults(scenery, action);
    case 'lag':
      await stage.controls[action.server]('POST', '/_sandbox/lag', { seconds: action.seconds });
      return 'set';
    case 'clear':
      await clearFaults(stage, action.server);
      return 'cleared';
    case 'resume':
      return resume(stage, people, action);
    case 'resume-all':
      return resumeAll(stage, people, action);
    case 'cancel':
      return withLearner(people, action.learner, (learner) => cancel(stage, learner, action));
    case 'rerun':
      return rerun(stage, people, action);
    case 'collect':
    case 'report':
    case 'archive':
      return runByHand(stage, action.kind);
    case 'update':
      return requestUpdate(stage, action);
    case 'import':
      return importCourse(stage, scenery.beganAt, action);
    case 'enroll':
    case 'drop':
      return changeRoster(stage, action);
    case 'exclude':
    case 'include':
      return changeExclusion(stage, action);
    case 'edit':
      return edit(stage, action);
    case 'page':
      return changePage(stage, action);
  }
}

async function withLearner(
  people: People,
  number: number,
  work: (learner: AskedLearner) => Promise<string>,
): Promise<string> {
  const learner = people.find(number);
  return learner === undefined ? 'has not asked yet' : work(learner);
}

/** Learners have an account first, so that one who edits for a course can be linked with it before they ask. */
async function ask(
  { stage, people, journal }: Scenery,
  action: Extract<Action, { readonly kind: 'ask' }>,
): Promise<string> {
  const { username, email, name } = learnerNumber(action.learner);
  const person = { username, email, name, orgs: action.orgs };
  const [account] = (await stage.controls.lms('POST', '/_sandbox/learners', [
    { ...person, requested_at: null },
  ])) as readonly { readonly user_id: number }[];
  const userId = account?.user_id ?? 0;
  stage.thirdParty.know(userId, { refuses: action.isDoomed });
  let isLinked = false;
  if (action.course !== null) {
    isLinked = await linkLearner(stage, { number: action.learner, userId }, action.course).then(
      () => true,
      (error: unknown) => {
        journal.note(null, `learner ${action.learner} is not linked`, String(error));
        return false;
      },
    );
  }
  // From here on the collector may find them.
  people.add({
    number: action.learner,
    userId,
    username,
    orgs: action.orgs,
    isDoomed: action.isDoomed,
    askedAtMs: journal.now(),
    resumes: 0,
    reruns: 0,
    wasToldCancelled: false,
    isLinked,
  });
  await stage.controls.lms('POST', '/_sandbox/learners', [person]);
  return `LMS user ${userId}${isLinked ? `, of course ${action.course}` : ''}${action.isDoomed ? ', refused by the third party' : ''}`;
}

async function kill(
  { stage, journal, deeds }: Scenery,
  { victims, downMs }: Extract<Action, { readonly kind: 'kill' }>,
): Promise<string> {
  const outcomes = victims.map((victim) => {
    const isKilled = stage.victims.get(victim)?.kill(downMs) ?? false;
    if (isKilled) deeds.kills.push({ victim, atMs: journal.now() });
    return `${victim} ${isKilled ? `killed for ${downMs} ms` : 'was down'}`;
  });
  return outcomes.join(', ');
}

async function setFaults(
  { stage, people, journal, deeds }: Scenery,
  { server, faults, learner }: Extract<Action, { readonly kind: 'fault' }>,
): Promise<string> {
  const meant = learner === null ? undefined : people.find(learner);
  if (learner !== null && meant === undefined) return 'has not asked yet';
  // The third party knows people by their ids alone.
  const who = server === 'third-party' ? String(meant?.userId) : meant?.username;
  for (const fault of faults) {
    await stage.controls[server]('POST', '/_sandbox/faults', {
      ...fault,
      ...(meant === undefined ? {} : { username: who }),
    });
    deeds.faults.push({ server, learner, times: fault.times, atMs: journal.now() });
  }
  return 'set';
}

export async function clearFaults(stage: Stage, server: FaultyServer): Promise<void> {
  await stage.controls[server]('DELETE', '/_sandbox/faults');
  if (server === 'wiki') await stage.controls.wiki('POST', '/_sandbox/lag', { seconds: 0 });
}
