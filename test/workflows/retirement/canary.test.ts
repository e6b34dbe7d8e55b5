import { createServer, request as forward, type RequestListener } from 'node:http';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newestErasureOf } from '../../../activities/retirement/receipts/store.ts';
import { sandboxPipeline, type SandboxConfiguration } from '../../../sandbox/lms/pipeline.ts';
import {
  CANARY,
  type CanaryResult,
  type CanaryStatus,
} from '../../../workflows/retirement/canary-contract.ts';
import { RETIREMENT_TASK_QUEUE } from '../../../workflows/retirement/contract.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import { coolingOffFor } from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

let stage: RetirementStage;
/** Called before each look for a canary in the LMS, with how many there were: may throw. */
let beforeFind: (earlier: number) => Promise<void> | void = () => undefined;
let finds = 0;

const canaryOn = { canary: true };

beforeAll(async () => {
  stage = await setRetirementStage(
    { registrar: canaryOn },
    {
      wrapPlatform: (source) => ({
        ...source,
        current: async () => {
          const platform = await source.current();
          const { queue } = platform;
          return {
            ...platform,
            queue: {
              ...queue,
              find: async (username, signal) => {
                if (username.startsWith('canary-')) await beforeFind(finds++);
                return queue.find(username, signal);
              },
            },
          };
        },
      }),
    },
  );
  await stage.startWorker();
});
beforeEach(() => stage.configure({ registrar: canaryOn }));
afterEach(async () => {
  beforeFind = () => undefined;
  finds = 0;
  await stage.clearFaults();
  await stage.database.query('drop trigger if exists forge on erasure_receipts');
});
afterAll(() => stage.close());

let begun = 0;

async function begin(): Promise<WorkflowHandle> {
  // A canary's learner is named after the second in which it began.
  const last = new Date().toISOString().slice(0, 19);
  await waitFor(() => new Date().toISOString().slice(0, 19) !== last, { what: 'the next second' });
  return stage.temporal.client.workflow.start(CANARY, {
    workflowId: `canary-${(begun += 1)}`,
    taskQueue: RETIREMENT_TASK_QUEUE,
    args: [],
  });
}

async function failureOf(canary: WorkflowHandle): Promise<ApplicationFailure> {
  const error: unknown = await canary.result().catch((reason: unknown) => reason);
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure)) throw new Error('the canary did not fail', { cause: error });
  return cause;
}

/** Usernames of all canaries that the LMS has seen. */
async function canaries(): Promise<readonly string[]> {
  const { rows } = await stage.database.query<{ username: string }>(
    `select known_as as username from sandbox_lms.users where known_as like 'canary-%' order by id`,
  );
  return rows.map(({ username }) => username);
}

async function newestCanary(): Promise<string> {
  return (await canaries()).at(-1) ?? 'nobody';
}

/** How often each action, moves in the queue left out, really changed something for the learner. */
async function effectsOn(username: string): Promise<readonly number[]> {
  const actions = Object.entries(await stage.effects(username)).filter(
    ([name]) => !name.startsWith('PATCH '),
  );
  return actions.map(([, { effective }]) => effective);
}

/** A service on a port of its own while `work` runs. */
async function serving<Result>(
  answer: RequestListener,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the service has no port');
  try {
    return await work(`http://127.0.0.1:${address.port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The operator's service CANARY: it gives each account that it is asked for to the LMS, asking as `asking` says. */
function learnerService(url: string): Partial<SandboxConfiguration> {
  const create_learner = {
    verb: 'POST',
    path: '/learners/{original_username}',
    body: { email: '{original_email}', name: '{original_name}' },
  };
  const services = { CANARY: { base_url: url, methods: { create_learner } } };
  return { registrar: { ...canaryOn, services } };
}

async function makeLearner(path: string, requested_at: string): Promise<SandboxLearner | undefined> {
  const [made] = await stage.ask([
    { username: decodeURIComponent(path.split('/').at(-1) ?? ''), requested_at },
  ]);
  return made;
}

describe('a canary', () => {
  it('goes through everything in the sandbox, and its receipt is verified', async () => {
    const canary = await begin();
    const result = (await canary.result()) as CanaryResult;
    const username = await newestCanary();
    expect(username).toMatch(/^canary-\d{8}-\d{6}$/);
    expect(await stage.lms(username)).toMatchObject({ user_id: result.userId, current_state: 'COMPLETE' });
    expect(await newestErasureOf(stage.database, result.userId)).toMatchObject({ sequence: result.receipt });
    expect(await effectsOn(username)).toEqual(sandboxPipeline.map(() => 1));
    expect(await canary.query<CanaryStatus>('status')).toMatchObject({ userId: result.userId });
  });

  it.each([
    ['before its learner is made', 0],
    ['as soon as its learner is made', 1],
    ['before its learner is taken in', 2],
  ])('that dies %s goes on, with one learner', async (_when, find) => {
    const before = await canaries();
    beforeFind = (earlier) => {
      if (earlier === find) throw new Error('died');
    };
    const result = (await (await begin()).result()) as CanaryResult;
    expect(await canaries()).toHaveLength(before.length + 1);
    expect(await stage.lms(await newestCanary())).toMatchObject({ user_id: result.userId });
    expect(finds).toBeGreaterThan(find + 1);
  });

  it('whose learner the collector finds first goes on all the same', async () => {
    beforeFind = async (earlier) => {
      if (earlier === 2) expect(await stage.collect()).toMatchObject({ started: 1 });
    };
    await (await begin()).result();
    expect(await effectsOn(await newestCanary())).toEqual(sandboxPipeline.map(() => 1));
  });

  it('is made by the service CANARY where there is one, once, though the first answer was lost', async () => {
    const asked: string[] = [];
    const make: RequestListener = (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      void makeLearner(request.url ?? '', coolingOffFor(-60_000).requested_at).then(() => response.destroy());
    };
    const result = await serving(make, async (url) => {
      stage.configure(learnerService(url));
      return (await (await begin()).result()) as CanaryResult;
    });
    expect(asked).toEqual([`POST /learners/${await newestCanary()}`]);
    expect(result.receipt).toBeGreaterThan(0);
  });

  it('keeps its learner out of its history', async () => {
    const canary = await begin();
    await canary.result();
    const { events } = await canary.fetchHistory();
    const payloads = [...JSON.stringify(events).matchAll(/"data":"([A-Za-z0-9+/=]+)"/g)];
    const texts = payloads.map(([, data = '']) => Buffer.from(data, 'base64').toString('utf8')).join('\n');
    expect(texts).toContain('userId');
    expect(texts).not.toContain(await newestCanary());
  });
});

describe('a canary fails', () => {
  it('when its learner is ERRORED, with where and why and without a name', async () => {
    await stage.fault({ path: '/api/discussion', status: 403, body: { detail: 'no key' } });
    const failure = await failureOf(await begin());
    const username = await newestCanary();
    const { user_id } = await stage.lms(username);
    expect(failure.type).toBe('CanaryFailed');
    expect(failure.message).toContain(`LMS user ${String(user_id)}`);
    expect(failure.message).toContain('ERRORED at RETIRING_FORUMS');
    expect(failure.message).toContain('answered 403');
    expect(failure.message).not.toContain(username);
  });

  it('when somebody cancels it while it cools off', async () => {
    const failure = await serving(
      (request, response) => {
        // Long enough for the cancel to come first.
        void makeLearner(request.url ?? '', coolingOffFor(8_000).requested_at).then(() =>
          response.writeHead(201).end(),
        );
      },
      async (url) => {
        stage.configure(learnerService(url));
        const canary = await begin();
        const { userId } = await waitFor(
          async () => {
            const status = await canary.query<CanaryStatus>('status');
            return status.state === 'PENDING' && status.userId !== null ? { userId: status.userId } : false;
          },
          { what: 'the canary to have seen its learner PENDING' },
        );
        await stage.workflow(userId).executeUpdate('cancel', { args: [] });
        return failureOf(canary);
      },
    );
    expect(failure.type).toBe('CanaryFailed');
    expect(failure.message).toContain('is ABORTED: somebody cancelled it');
  });

  it('when its learner is not erased by the due date', async () => {
    // Asked for deletion a minute ago, and due at once.
    stage.configure({ registrar: { ...canaryOn, cool_off_days: 0, deadline_days: 0, retry_budget: '10m' } });
    await stage.fault({ path: '/api/discussion', status: 503 });
    const failure = await failureOf(await begin());
    expect(failure.type).toBe('CanaryFailed');
    expect(failure.message).toMatch(/is still \w+ and was to be erased by \d{4}-/);
  });

  it('when a service still knows its learner after the erasure', async () => {
    const failure = await serving(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      },
      async (url) => {
        const path = '/people/{user_id}';
        const forget = { verb: 'DELETE', path, verify: { path, gone: [404] } };
        stage.configure({
          pipeline: sandboxPipeline.map((row) =>
            row[0] === 'RETIRING_NOTES' ? [row[0], row[1], 'NOTES', 'forget'] : row,
          ),
          registrar: { ...canaryOn, services: { NOTES: { base_url: url, methods: { forget } } } },
        });
        return failureOf(await begin());
      },
    );
    expect(failure.type).toBe('CanaryFailed');
    expect(failure.message).toContain('RETIRING_NOTES was asked, and the learner is still-there');
  });

  it('when nobody can make a learner: no service CANARY, and the LMS is no sandbox', async () => {
    const before = await canaries();
    const asked: string[] = [];
    const realLms: RequestListener = (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      if (request.url?.startsWith('/_sandbox/'))
        return void response.writeHead(404).end('<html>no such page</html>');
      const { method, headers } = request;
      const onward = forward(stage.lmsUrl + (request.url ?? ''), { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    };
    const failure = await serving(realLms, async (lmsUrl) => {
      stage.configure({ lmsUrl, registrar: canaryOn });
      return failureOf(await begin());
    });
    expect(failure.type).toBe('CanaryFailed');
    expect(failure.message).toContain('declare the service CANARY with the method create_learner');
    expect(asked.filter((line) => line.startsWith('POST /_sandbox'))).toEqual([]);
    expect(await canaries()).toEqual(before);
  });

  it('when CANARY has no such method, and when registrar.canary is off', async () => {
    const before = await canaries();
    const services = {
      CANARY: {
        base_url: 'http://127.0.0.1:1',
        methods: { make: { verb: 'POST', path: '/{original_username}' } },
      },
    };
    stage.configure({ registrar: { ...canaryOn, services } });
    expect((await failureOf(await begin())).message).toContain('CANARY has no method create_learner');
    stage.configure({ registrar: { canary: false } });
    expect((await failureOf(await begin())).message).toContain('registrar.canary is not true');
    expect(await canaries()).toEqual(before);
  });
});

describe('a canary fails when somebody writes to the receipts:', () => {
  // Somebody's receipt stands before its own.
  beforeAll(async () => {
    stage.configure({ registrar: canaryOn });
    await (await begin()).result();
  });

  it.each([
    [
      'its receipt was altered',
      `before`,
      `new.body := replace(new.body, '"outcome":"erased"', '"outcome":"already-done"')`,
      'its body was altered',
    ],
    [
      'the columns beside its receipt were altered',
      `before`,
      `new.email_token := repeat('0', 64)`,
      'its row says something else than its body: emailToken',
    ],
    [
      'the receipt before its own was replaced',
      `before`,
      `update erasure_receipts set hash = repeat('0', 64) where sequence = new.sequence - 1`,
      'does not follow the receipt before it',
    ],
    [
      'its receipt was removed',
      `after`,
      `delete from erasure_receipts where sequence = new.sequence`,
      'there is no receipt of it',
    ],
  ])('%s', async (_what, moment, statement, expected) => {
    await stage.database.query(`
      create or replace function forge() returns trigger language plpgsql as $$
      begin
        ${statement};
        return new;
      end $$`);
    await stage.database.query(
      `create trigger forge ${moment} insert on erasure_receipts for each row execute function forge()`,
    );
    const failure = await failureOf(await begin());
    await stage.database.query(
      `update erasure_receipt_chain set (last_sequence, last_hash) =
         (select sequence, hash from erasure_receipts order by sequence desc limit 1)`,
    );
    expect(failure.type).toBe('CanaryFailed');
    expect(failure.message).toContain('was erased, but');
    expect(failure.message).toContain(expected);
  });
});
