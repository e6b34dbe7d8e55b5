import { afterAll, beforeAll, expect, test } from 'vitest';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../support/retirement.ts';
import { waitFor } from '../support/wait.ts';
import { startServedWorker, type ServedWorker } from './served-worker.ts';

/** As long as docker-compose.yml lets a container take for its end. */
const STOPPED_WITHIN_MS = 40_000;

let stage: RetirementStage;
let worker: ServedWorker | undefined;
beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { retry_budget: '5m' } });
});
afterAll(async () => {
  worker?.signal('SIGKILL');
  await worker?.ended();
  await stage.close();
});

async function startWorker(): Promise<ServedWorker> {
  worker = await startServedWorker({
    databaseUrl: stage.databaseUrl,
    temporalAddress: stage.temporal.address,
    namespace: stage.temporal.namespace,
    configurationPath: stage.configurationPath,
  });
  await worker.ready();
  return worker;
}

/** The learner's forum stage is under way, and its service takes this long. */
async function beginSlowly(username: string, delayMs: number): Promise<SandboxLearner> {
  const [learner] = await stage.ask([{ username }]);
  if (learner === undefined) throw new Error('the sandbox created nobody');
  await stage.fault({ path: '/api/discussion', username, delay_ms: delayMs });
  await stage.collect();
  await waitFor(async () => (await stage.row(learner.user_id)).currentState === 'RETIRING_FORUMS', {
    what: 'the slow stage to be under way',
  });
  return learner;
}

async function saysThatItDrains(draining: ServedWorker): Promise<void> {
  const said = await waitFor(
    async () => {
      const { status, text } = await draining.ask('/readyz');
      return status === 503 && text;
    },
    { what: 'the worker to say that it takes no more work' },
  );
  expect(said).toMatch(/^the worker of retirement is (STOPPING|DRAINING|DRAINED)$/m);
  expect((await draining.ask('/livez')).status).toBe(200);
}

/** Calls of services; moves of the learner in the LMS aside, which are many. */
async function serviceEffects(
  username: string,
): Promise<readonly { readonly called: number; readonly effective: number }[]> {
  const effects = Object.entries(await stage.effects(username));
  expect(effects.length).toBe(8);
  return effects.filter(([action]) => !action.startsWith('PATCH ')).map(([, effect]) => effect);
}

async function stopped(ended: Promise<number | string>): Promise<number | string> {
  let status: number | string | undefined;
  void ended.then((is) => (status = is));
  return waitFor(() => (status === undefined ? false : `status ${status}`), {
    what: 'the worker to end',
    timeoutMs: STOPPED_WITHIN_MS,
  });
}

test(
  'a stage under way at SIGTERM gets its answer, and the next worker goes on behind it',
  { timeout: 300_000 },
  async () => {
    const first = await startWorker();
    const { user_id, username } = await beginSlowly('slow', 6_000);
    first.signal('SIGTERM');
    await saysThatItDrains(first);
    expect(await stopped(first.ended()), first.said()).toBe('status 0');
    await startWorker();
    expect(await stage.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    for (const effect of await serviceEffects(username)) {
      expect(effect).toEqual({ called: 1, effective: 1 });
    }
  },
);

test(
  'a stage that outlasts the grace is given up, and the next worker does it again',
  { timeout: 300_000 },
  async () => {
    const first = worker?.isRunning() ? worker : await startWorker();
    const { user_id, username } = await beginSlowly('too-slow', 60_000);
    first.signal('SIGTERM');
    await saysThatItDrains(first);
    expect(await stopped(first.ended()), first.said()).toBe('status 0');
    await stage.clearFaults();
    await startWorker();
    expect(await stage.workflow(user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    for (const { effective } of await serviceEffects(username)) expect(effective).toBe(1);
  },
);
