import { findRetirement, type StoredRetirement } from '../../activities/retirement/store.ts';
import type { RetirementClient } from '../../client/retirement/client.ts';
import type { TemporalAccess } from '../../client/temporal.ts';
import type { Queryable } from '../../db/database.ts';
import { createSandboxControl, SandboxRefusal, type SandboxControl } from '../../sandbox/control/client.ts';
import {
  RESUME,
  retirementWorkflowId,
  STATUS,
  type RetirementStatusView,
} from '../../workflows/retirement/contract.ts';
import { castOf, type Player } from './cast.ts';
import { waitFor } from './waiting.ts';

export interface StoryOptions {
  readonly retirements: RetirementClient;
  readonly temporal: TemporalAccess;
  readonly database: Queryable;
  readonly lmsUrl: string;
  /** Where the cast is written down. */
  readonly castFile: string;
  readonly tell: (line: string) => void;
}

/** Where a learner ended, and where the story wanted them. */
export interface Ending {
  readonly userId: number;
  readonly what: string;
  readonly wanted: string;
  readonly ended: string;
  readonly inLms: string;
  readonly held: boolean;
}

const FAILING_STAGE = 'RETIRING_NOTES';
const FAILING_PATH = '/api/edxnotes/';

/**
 * Plays the retirement part of the story on a running product: learners ask, one is cancelled by e-mail address, one fails
 * with a 500 and is resumed by a signal, all others are retired. Goes on where an earlier run was broken off.
 */
export async function playRetirementStory(options: StoryOptions): Promise<readonly Ending[]> {
  const { retirements, database, tell } = options;
  const lms = createSandboxControl(options.lmsUrl);
  const { cast, fresh } = await castOf(options.castFile, lms, new Date());
  tell(
    fresh
      ? `${cast.length} learners ask the LMS for deletion`
      : `${cast.length} learners of an earlier run are found again`,
  );
  const errored = one(cast, 'errored');
  const cancelled = one(cast, 'cancelled');

  const unfinished = (await stateOf(database, errored))?.currentState !== 'COMPLETE';
  if (unfinished) {
    await lms('POST', '/_sandbox/faults', {
      path: FAILING_PATH,
      username: errored.username,
      status: 500,
      body: 'notes are down',
    });
  }
  const collected = await retirements.collect();
  tell(
    `the collector finds ${collected.listed} in the LMS's queue and starts ${collected.started} workflows`,
  );

  await cancelOne(options, cancelled);
  if (unfinished) await failAndResume(options, errored);
  await waitFor('everybody else to be COMPLETE', async () => {
    const states = await Promise.all(
      cast.filter((player) => player !== cancelled).map((player) => stateOf(database, player)),
    );
    return states.every((row) => row?.currentState === 'COMPLETE');
  });
  tell('everybody else is COMPLETE');
  return Promise.all(cast.map((player) => endingOf(options, player)));
}

async function cancelOne({ retirements, database, tell }: StoryOptions, player: Player): Promise<void> {
  if ((await stateOf(database, player))?.currentState === 'ABORTED') return;
  await retirements.cancel(player.email);
  tell(`LMS user ${player.userId}, still cooling off, is cancelled by e-mail address: ABORTED`);
}

async function failAndResume({ temporal, lmsUrl, tell }: StoryOptions, player: Player): Promise<void> {
  const handle = temporal.client.workflow.getHandle(retirementWorkflowId(player.userId));
  const status = await waitFor(`LMS user ${player.userId} to be ERRORED`, async () => {
    const view = await handle.query<RetirementStatusView>(STATUS);
    return view.state === 'ERRORED' ? view : undefined;
  });
  tell(
    `LMS user ${player.userId} is ERRORED: ${status.cause?.stage ?? FAILING_STAGE}, ${status.cause?.what ?? ''}`,
  );
  await createSandboxControl(lmsUrl)('DELETE', '/_sandbox/faults');
  const from = status.resumableFrom.at(-1) ?? 'PENDING';
  await handle.signal(RESUME, from);
  tell(`the notes service is mended, and a signal resumes the workflow from ${from}`);
}

async function endingOf({ database, lmsUrl }: StoryOptions, player: Player): Promise<Ending> {
  const wanted = player.role === 'cancelled' ? 'ABORTED' : 'COMPLETE';
  const ended = (await stateOf(database, player))?.currentState ?? 'unknown';
  const inLms = await lmsState(createSandboxControl(lmsUrl), player);
  const what = {
    ordinary: 'retired',
    cancelled: 'cancelled by e-mail',
    errored: 'failed, resumed by a signal',
  }[player.role];
  const wantedInLms = player.role === 'cancelled' ? 'not retiring' : 'COMPLETE';
  return {
    userId: player.userId,
    what,
    wanted,
    ended,
    inLms,
    held: ended === wanted && inLms === wantedInLms,
  };
}

async function lmsState(lms: SandboxControl, player: Player): Promise<string> {
  const path = `/_sandbox/learners?username=${encodeURIComponent(player.username)}`;
  try {
    const view = (await lms('GET', path)) as { readonly current_state?: string | null };
    return view.current_state ?? 'not retiring';
  } catch (error) {
    if (error instanceof SandboxRefusal) return `HTTP ${error.status}`;
    throw error;
  }
}

function stateOf(database: Queryable, player: Player): Promise<StoredRetirement | undefined> {
  return findRetirement(database, player.userId);
}

function one(cast: readonly Player[], role: Player['role']): Player {
  const player = cast.find((candidate) => candidate.role === role);
  if (player === undefined) throw new Error(`the story's cast has nobody to be ${role}`);
  return player;
}
