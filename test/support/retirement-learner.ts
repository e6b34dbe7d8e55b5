import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { expect } from 'vitest';
import type { NewLearner, RetirementStage, SandboxLearner } from './retirement.ts';
import { waitFor } from './wait.ts';

/** Actions on a learner in the sandbox's pipeline: one a stage. */
const ACTIONS = 7;

const CANCEL = 'POST /api/user/v1/accounts/cancel_retirement/';

/** One learner asks for deletion and is not collected yet. */
export async function ask(
  stage: RetirementStage,
  username: string,
  more: Omit<NewLearner, 'username'> = {},
): Promise<SandboxLearner> {
  const [learner] = await stage.ask([{ username, ...more }]);
  if (learner === undefined) throw new Error('the sandbox created nobody');
  return learner;
}

/** One learner asks for deletion and has a workflow. */
export async function begin(
  stage: RetirementStage,
  username: string,
  more: Omit<NewLearner, 'username'> = {},
): Promise<SandboxLearner> {
  const learner = await ask(stage, username, more);
  await stage.collect();
  return learner;
}

/** Moves the end of a cooling-off of seven days to `ms` from now. */
export function coolingOffFor(ms: number): { readonly requested_at: string } {
  return { requested_at: new Date(Date.now() + ms - 7 * 86_400_000).toISOString() };
}

/** A learner whose forum stage was answered 403, and whose ERRORED state the LMS and the database have. */
export async function beginErrored(stage: RetirementStage, username: string): Promise<SandboxLearner> {
  await stage.fault({ path: '/api/discussion', username, status: 403, body: { detail: 'no key' }, times: 1 });
  const learner = await begin(stage, username);
  await parked(stage, learner);
  return learner;
}

/** Waits until the workflow, the database and the LMS have the learner as ERRORED. */
export async function parked(stage: RetirementStage, { user_id, username }: SandboxLearner): Promise<void> {
  await stage.reaches(user_id, 'ERRORED');
  await waitFor(
    async () =>
      (await stage.row(user_id)).currentState === 'ERRORED' &&
      (await stage.lms(username))['current_state'] === 'ERRORED',
    { what: `LMS user ${user_id} to be ERRORED everywhere` },
  );
}

/** What a resume by update was refused with. */
export async function refusalOf(
  stage: RetirementStage,
  { user_id }: SandboxLearner,
  ...args: [unknown?]
): Promise<string> {
  try {
    await stage.workflow(user_id).executeUpdate<unknown, [unknown]>('resume', { args: args as [unknown] });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return cause instanceof Error ? cause.message : String(error);
  }
  throw new Error('the resume was accepted');
}

/** Lines of `responses` that contain `text`, without their times. */
export async function responsesOf(
  stage: RetirementStage,
  { user_id }: SandboxLearner,
  text = '',
): Promise<readonly string[]> {
  const { responses } = await stage.row(user_id);
  return responses
    .split('\n')
    .filter((line) => line.includes(text))
    .map((line) => line.replace(/^\S+ /, ''));
}

/** Waits until `responses` has a line with `text`. */
export async function responseOf(
  stage: RetirementStage,
  learner: SandboxLearner,
  text: string,
): Promise<string> {
  const [line = ''] = await waitFor(
    async () => {
      const lines = await responsesOf(stage, learner, text);
      return lines.length > 0 ? lines : false;
    },
    { what: `a response with "${text}"` },
  );
  return line;
}

/** The Markdown page of the workflow, and the messages that it offers. */
export async function metadataOf(
  stage: RetirementStage,
  { user_id }: SandboxLearner,
): Promise<{
  readonly currentDetails?: string;
  readonly definition: Readonly<Record<string, readonly { name?: string; description?: string }[]>>;
}> {
  return stage.workflow(user_id).query('__temporal_workflow_metadata');
}

export async function detailsOf(stage: RetirementStage, learner: SandboxLearner): Promise<string> {
  return (await metadataOf(stage, learner)).currentDetails ?? '';
}

/** How often each action, by method and route, really changed something for the learner. Moves of the queue left out. */
export async function effectiveOf(
  stage: RetirementStage,
  { username }: SandboxLearner,
): Promise<Readonly<Record<string, number>>> {
  const effects = Object.entries(await stage.effects(username)).filter(
    ([name]) => !name.startsWith('PATCH '),
  );
  return Object.fromEntries(
    effects.map(([name, { effective }]) => [name.replace(/\/\d+\/$/, '/'), effective]),
  );
}

/** How often each action was called for the learner, by method and route, with or without effect. */
export async function calledOf(
  stage: RetirementStage,
  { username }: SandboxLearner,
): Promise<Readonly<Record<string, number>>> {
  const effects = Object.entries(await stage.effects(username)).filter(
    ([name]) => !name.startsWith('PATCH '),
  );
  return Object.fromEntries(effects.map(([name, { called }]) => [name.replace(/\/\d+\/$/, '/'), called]));
}

/** COMPLETE everywhere, and every service saw its effect exactly once. */
export async function expectErasedOnce(stage: RetirementStage, learner: SandboxLearner): Promise<void> {
  expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
  expect((await stage.row(learner.user_id)).currentState).toBe('COMPLETE');
  expect(await stage.lms(learner.username)).toMatchObject({ current_state: 'COMPLETE' });
  // A cancel that the LMS refused has no effect.
  const { [CANCEL]: cancelled = 0, ...actions } = await effectiveOf(stage, learner);
  expect(cancelled).toBe(0);
  expect(Object.values(actions)).toEqual(Array.from({ length: ACTIONS }, () => 1));
}

/** Texts of everything that Temporal stored of the learner's workflow, what is inside of payloads too. */
export async function storedText(stage: RetirementStage, { user_id }: SandboxLearner): Promise<string> {
  const history = await stage.workflow(user_id).fetchHistory();
  const json = historyToJSON(history);
  const payloads = [...json.matchAll(/"data":\s*"([A-Za-z0-9+/=]+)"/g)];
  return [json, ...payloads.map(([, data = '']) => Buffer.from(data, 'base64').toString('utf8'))].join('\n');
}

/** Attempts of the activity that Temporal is retrying for the learner; 0 when there is none. */
export async function retriesOf(stage: RetirementStage, { user_id }: SandboxLearner): Promise<number> {
  const { raw } = await stage.workflow(user_id).describe();
  return Math.max(0, ...(raw.pendingActivities ?? []).map((activity) => activity.attempt ?? 0));
}

/** Waits until the LMS has been sent a request whose method and path begin so, and answers how many there were. */
export async function requested(stage: RetirementStage, request: string): Promise<number> {
  return waitFor(() => countRequests(stage, request), { what: `a request ${request}` });
}

export async function countRequests(stage: RetirementStage, request: string): Promise<number> {
  const counts = (await stage.control('GET', '/_sandbox/requests')) as Record<string, number>;
  return Object.entries(counts)
    .filter(([name]) => name.startsWith(request))
    .reduce((sum, [, count]) => sum + count, 0);
}
