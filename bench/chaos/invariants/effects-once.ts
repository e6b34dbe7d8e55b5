import type { Deeds } from '../acting.ts';
import type { AskedLearner } from '../people.ts';
import type { Invariant, Scene } from './scene.ts';
import { isErased, readStandings, type Counted, type Standing } from './standings.ts';

const ACCOUNTS = '/api/user/v1/accounts';
const QUEUE = `PUT ${ACCOUNTS}/retirement_partner_report/`;
const UNQUEUE = `POST ${ACCOUNTS}/retirement_partner_report_cleanup/`;
const UNENROL = 'POST /api/enrollment/v1/unenroll/';

/** One process that dies may leave two requests behind whose answers nobody heard: its own, and that of whoever takes over. */
const REPEATS_A_KILL = 2;

/**
 * Whoever is erased was erased by every service once: nothing is missing, and nothing that the service can tell was done twice.
 * Services were asked more often only where somebody asked for that, or an answer may have been lost.
 */
export const effectsOnce: Invariant = async (scene) =>
  (await readStandings(scene)).flatMap((standing) => [
    ...countsOf(scene, standing).flatMap((count) => troubleOf(scene, standing, count)),
    ...queueTrouble(standing),
  ]);

interface Count extends Counted {
  readonly action: string;
  readonly server: 'lms' | 'third-party';
  /** How often it can have an effect. */
  readonly expected: number;
}

function countsOf(scene: Scene, { learner, lms }: Standing): readonly Count[] {
  const hasCourses = learner.orgs.length > 0;
  const ofLms = (action: string, expected = 1): Count => ({
    action,
    server: 'lms',
    expected,
    ...(lms.effects[action] ?? { called: 0, effective: 0 }),
  });
  return [
    ofLms(UNENROL, hasCourses ? 1 : 0),
    ofLms('POST /api/discussion/v1/accounts/retire_forum/'),
    ofLms('POST /api/edxnotes/v1/retire_user/'),
    ofLms(`POST /api/edx_proctoring/v1/retire_user/${learner.userId}/`),
    ofLms(`POST ${ACCOUNTS}/retire_misc/`),
    ofLms(`POST ${ACCOUNTS}/retire/`),
    {
      action: 'POST /forget/',
      server: 'third-party',
      expected: 1,
      ...scene.thirdParty.callsOf(learner.userId),
    },
  ];
}

function troubleOf({ deeds }: Scene, standing: Standing, count: Count): readonly string[] {
  const { learner } = standing;
  const { action, called, effective, expected } = count;
  const who = `LMS user ${learner.userId}: ${action}`;
  const most = 1 + repeatsAllowed(deeds, learner, count.server);
  return [
    ...(effective > expected ? [`${who} had an effect ${effective} times`] : []),
    ...(isErased(standing) && effective < expected ? [`${who} never had an effect`] : []),
    ...(called > most ? [`${who} was called ${called} times, ${most} can be explained`] : []),
  ];
}

function repeatsAllowed(
  { kills, faults }: Deeds,
  { number, askedAtMs, resumes, reruns }: AskedLearner,
  server: Count['server'],
): number {
  const killed = kills.filter(({ atMs }) => atMs >= askedAtMs).length;
  const failed = faults
    // Faults that nobody met before are met later; those of the LMS also strike between the call and the next state.
    .filter(
      (fault) =>
        (fault.server === server || fault.server === 'lms') && [null, number].includes(fault.learner),
    )
    .reduce((sum, { times }) => sum + times, 0);
  return killed * REPEATS_A_KILL + failed + resumes + reruns;
}

/** A learner may be queued for partners again after a report took them off: each entry is still there or was reported. */
function queueTrouble(standing: Standing): readonly string[] {
  const { learner, lms } = standing;
  const entered = lms.effects[QUEUE]?.effective ?? 0;
  const left = lms.effects[UNQUEUE]?.effective ?? 0;
  const who = `LMS user ${learner.userId}`;
  return [
    ...(entered === left + Number(lms.isQueued)
      ? []
      : [`${who} entered the partners' queue ${entered} times and left it ${left} times`]),
    ...(isErased(standing) && learner.orgs.length > 0 && entered === 0
      ? [`${who} never was in the partners' queue`]
      : []),
  ];
}
