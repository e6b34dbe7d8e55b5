import { setTimeout as delay } from 'node:timers/promises';
import { findRetirement } from '../../activities/retirement/store.ts';
import { failedStageOf } from '../../client/retirement/resume.ts';
import { locate, stateBefore } from '../../domain/retirement/pipeline.ts';
import { clearFaults, type Scenery } from './acting.ts';
import { COURSES, slugOf } from './cast.ts';
import { operate } from './operating.ts';
import { pipeline, runByHand } from './retirement-steps.ts';
import type { FaultyServer } from './step.ts';

const LOOK_EVERY_MS = 1_000;
const TELL_EVERY_MS = 10_000;
/** Tries of what is asked for when everything is up again. */
const TRIES = 5;

const servers: readonly FaultyServer[] = ['lms', 'third-party', 'wiki', 'second-wiki'];

/**
 * Takes every fault away, brings everything up, resumes whoever can get on, and asks for the last runs of each job, until nothing is
 * under way any more. Answers true when it came to that within the time.
 */
export async function settle(
  scenery: Scenery,
  { withinMs }: { readonly withinMs: number },
): Promise<boolean> {
  const { stage, journal } = scenery;
  const untilMs = journal.now() + withinMs;
  for (const server of servers) await clearFaults(stage, server);
  await Promise.all([...stage.victims.values()].map((victim) => victim.revive()));
  journal.note(null, 'everything is up, without faults');

  const areSettled = await until(scenery, untilMs, () => settleLearners(scenery));
  journal.note(null, areSettled ? 'every learner is settled' : 'some learners do not settle');
  await report(scenery, 'partner report', () => runByHand(stage, 'report', TRIES));
  await letAnHourPass(scenery);
  await report(scenery, 'one more partner report', () => runByHand(stage, 'report', TRIES));
  await report(scenery, 'archive', () => runByHand(stage, 'archive', TRIES));
  for (const course of Array.from({ length: COURSES }, (_, index) => slugOf(index))) {
    // The second fetches what came back with the first.
    for (const which of ['an update', 'one more update']) {
      await report(scenery, `${which} of ${course}`, () =>
        operate(stage, async ({ courses }) => JSON.stringify((await courses.update(course)).result), {
          tries: TRIES,
          timeoutMs: 120_000,
        }),
      );
    }
  }
  const isQuiet = await until(scenery, untilMs, () => isNothingUnderWay(scenery));
  journal.note(null, isQuiet ? 'quiet' : 'not quiet');
  return areSettled && isQuiet;
}

async function report({ journal }: Scenery, what: string, work: () => Promise<string>): Promise<void> {
  journal.note(
    null,
    what,
    await work().catch(
      (error: unknown) => `failed: ${error instanceof Error ? error.message : String(error)}`,
    ),
  );
}

/** For partner reports whose answer was lost: they are settled when no LMS can be working on them any more. */
async function letAnHourPass({ stage }: Scenery): Promise<void> {
  await operate(
    stage,
    ({ session }) =>
      session
        .database()
        .query(
          `update partner_report_requests set asked_at = asked_at - interval '61 minutes' where not settled`,
        ),
    { tries: TRIES },
  );
}

async function until({ journal }: Scenery, untilMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
  while (!(await isSo().catch(() => false))) {
    if (journal.now() > untilMs) return false;
    await delay(LOOK_EVERY_MS);
  }
  return true;
}

/** Resumes everybody who is ERRORED and need not be; true when nobody is under way. */
async function settleLearners({ stage, people, journal }: Scenery): Promise<boolean> {
  return operate(stage, async ({ session, retirements }) => {
    const database = session.database();
    const { rows } = await database.query<{ userId: number; state: string }>(
      'select user_id as "userId", current_state as state from user_retirement_status',
    );
    const states = new Map(rows.map(({ userId, state }) => [userId, state]));
    const archived = await database.query<{ userId: number }>(
      'select user_id as "userId" from archived_retirements',
    );
    const gone = new Set(archived.rows.map(({ userId }) => userId));
    const waiting: string[] = [];
    let unknown = 0;
    for (const { userId, isDoomed } of people.all()) {
      const state = states.get(userId);
      if (state === undefined) {
        if (!gone.has(userId)) unknown += 1;
      } else if (state === 'ERRORED' && !isDoomed) {
        waiting.push(`${userId} ${state}`);
        const row = await findRetirement(database, userId);
        const failed = row === undefined ? undefined : failedStageOf(row, pipeline);
        const position = failed === undefined ? undefined : locate(pipeline, failed);
        const from = stateBefore(pipeline, position?.kind === 'inside' ? position.index : 0);
        await retirements.resume(String(userId), { state: from }).catch((error: unknown) => {
          journal.note(null, `last resume of LMS user ${userId} from ${from}`, String(error));
        });
      } else if (!['COMPLETE', 'ABORTED', 'ERRORED'].includes(state)) waiting.push(`${userId} ${state}`);
    }
    if (unknown > 0) await retirements.collect();
    if (waiting.length + unknown === 0) return true;
    tell(journal, `${waiting.length} learners are under way, ${unknown} not taken in`, waiting.join(', '));
    return false;
  });
}

function tell(journal: Scenery['journal'], what: string, who: string): void {
  const before = journal.entries.findLast((entry) => entry.what.includes('learners are under way'));
  if (before === undefined || journal.now() - before.atMs >= TELL_EVERY_MS) journal.note(null, what, who);
}

/** Nothing runs but retirements that are parked, and nobody waits for an attempt. */
async function isNothingUnderWay({ stage }: Scenery): Promise<boolean> {
  return operate(stage, async ({ session }) => {
    const { client } = await session.temporal();
    const { count } = await client.workflow.count(
      `ExecutionStatus = 'Running' and RetirementState != 'ERRORED'`,
    );
    const { count: others } = await client.workflow.count(
      `ExecutionStatus = 'Running' and WorkflowType != 'retireUser' and WorkflowType != 'temporal-sys-scheduler-workflow'`,
    );
    return count + others === 0;
  });
}
