import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../support/retirement.ts';
import {
  begin,
  beginErrored,
  coolingOffFor,
  expectErasedOnce,
  responsesOf,
} from '../support/retirement-learner.ts';
import { waitFor } from '../support/wait.ts';
import { fuzzing } from './fuzz.ts';
import { hostileText } from './hostile-text.ts';

const HOUR = 3_600_000;
const LAST_STAGE = '/api/user/v1/accounts/retire/';

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { retry_budget: '1m' } });
  await stage.startWorker();
});
afterAll(() => stage.close());

interface Payload {
  readonly metadata?: Record<string, Uint8Array>;
  readonly data?: Uint8Array;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const payload = (encoding: string, data: Uint8Array): Payload => ({
  metadata: { encoding: bytes(encoding) },
  data,
});
const json = (text: string): Payload => payload('json/plain', bytes(text));

/** JSON as somebody writes it who wants something to break. */
const oddJson: fc.Arbitrary<string> = fc.oneof(
  fc.json({ maxDepth: 4 }),
  hostileText.map((text) => JSON.stringify(text)),
  hostileText.map((text) => JSON.stringify({ state: text, by: text, reason: text })),
  fc.constantFrom(
    'null',
    '""',
    '{}',
    '[]',
    '-0',
    '1e999',
    '{"state": null}',
    '{"state": {"toString": 1}}',
    '{"__proto__": {"state": "PENDING"}}',
    '{"constructor": {"prototype": {"skip": true}}, "state": "x"}',
    '{"state": "NO_SUCH_STATE", "skip": "yes"}',
    '{"state": "NO_SUCH_STATE", "skip": true}',
    '{"state": "COMPLETE"}',
    '{"state": "ERRORED", "by": 1}',
    '"RETIRING_LMS"',
    '{"by": []}',
    '{"reason": 7}',
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    `{"state": ${JSON.stringify('x'.repeat(200_000))}}`,
    '{"state": "a", ',
    '',
  ),
);

const payloads: fc.Arbitrary<readonly Payload[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: oddJson.map(json) },
    fc.uint8Array({ maxLength: 50 }).map((data) => payload('binary/plain', data)),
    fc.uint8Array({ maxLength: 50 }).map((data) => payload('json/plain', data)),
    fc.uint8Array({ maxLength: 50 }).map((data) => payload('binary/encrypted', data)),
    fc.constantFrom<Payload>(payload('binary/null', new Uint8Array()), {}, { data: bytes('"x"') }),
    fc.constant(payload('json/protobuf', bytes('{}'))),
  ),
  { maxLength: 3 },
);

interface Message {
  readonly kind: 'signal' | 'update' | 'query';
  readonly name: string;
  readonly payloads: readonly Payload[];
}

/** No valid cancel, which would be obeyed: everything else that can be said to a retirement. */
const messages: fc.Arbitrary<Message> = fc
  .record({
    kind: fc.constantFrom<Message['kind']>('signal', 'signal', 'signal', 'update', 'query'),
    name: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('resume', 'cancel', 'status') },
      { weight: 1, arbitrary: hostileText.filter((name) => name !== '') },
      {
        weight: 1,
        arbitrary: fc.constantFrom('__stack_trace', '__proto__', 'constructor', 'progress'),
      },
    ),
    payloads,
  })
  .filter(({ name }) => Buffer.byteLength(name) <= 900 && Buffer.from(name).toString() === name);

/** Sends it as it is, past everything that the SDK's client would say to it. Refusals of the server are none of our business. */
async function send(workflowId: string, { kind, name, payloads: args }: Message): Promise<string> {
  const { connection, namespace } = stage.temporal;
  const workflowExecution = { workflowId };
  const input = { payloads: [...args] };
  const service = connection.workflowService;
  try {
    switch (kind) {
      case 'signal':
        await service.signalWorkflowExecution({
          namespace,
          workflowExecution,
          signalName: name,
          input,
          requestId: randomUUID(),
        });
        return 'sent';
      case 'query':
        await connection.withDeadline(Date.now() + 20_000, () =>
          service.queryWorkflow({
            namespace,
            execution: workflowExecution,
            query: { queryType: name, queryArgs: input },
          }),
        );
        return 'sent';
      case 'update': {
        const { outcome } = await connection.withDeadline(Date.now() + 20_000, () =>
          service.updateWorkflowExecution({
            namespace,
            workflowExecution,
            request: { meta: { updateId: randomUUID() }, input: { name, args: input } },
            waitPolicy: { lifecycleStage: 3 },
          }),
        );
        return outcome?.success ? 'accepted' : 'refused';
      }
    }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // That nobody answered is what may not be: the run would be stuck.
    if (/deadline|timed out/i.test(text)) throw error;
    return text;
  }
}

const workflowIdOf = ({ user_id }: SandboxLearner): string => `retirement-${user_id}`;

/** The server's API numbers: new messages overtake a task, or a hundred of them wait behind it. Neither is a failure of ours. */
const OVERTAKEN: readonly number[] = [1, 17];

/** Types of the events of its history: failed workflow tasks among them are what must not be. */
async function expectSound(learner: SandboxLearner): Promise<void> {
  const { events } = await stage.workflow(learner.user_id).fetchHistory();
  const failures = (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
    failed == null || OVERTAKEN.includes(Number(failed.cause))
      ? []
      : [failed.failure?.message ?? failed.cause],
  );
  expect(failures).toEqual([]);
}

function isCancel({ name, payloads: [first] }: Message): boolean {
  if (name !== 'cancel') return false;
  const encoding = Buffer.from(first?.metadata?.['encoding'] ?? '').toString();
  if (first === undefined || encoding === '' || encoding === 'binary/null') return true;
  if (first.data === undefined) return false;
  if (!encoding.startsWith('json/')) return false;
  try {
    const value: unknown = JSON.parse(Buffer.from(first.data).toString());
    if (value === null) return true;
    if (typeof value !== 'object' || Array.isArray(value)) return false;
    const { by, reason } = value as Record<string, unknown>;
    if (Object.keys(value).some((key) => key !== 'by' && key !== 'reason')) return false;
    return [by, reason].every((text) => text === undefined || typeof text === 'string');
  } catch {
    return false;
  }
}

describe('a retirement that is told anything', { timeout: 300_000 }, () => {
  it('while it is parked stays so, answers, and goes on at an honest resume', async () => {
    const learner = await beginErrored(stage, 'parked-fuzzed');
    await fc.assert(
      fc.asyncProperty(messages, async (message) => {
        const said = await send(workflowIdOf(learner), message);
        expect(said).not.toBe('accepted');
      }),
      fuzzing('messages to a parked retirement', 150),
    );
    await expectSound(learner);
    const status = await stage.status(learner.user_id);
    expect(status).toMatchObject({ state: 'ERRORED', phase: 'errored', resumes: 0 });
    await stage.workflow(learner.user_id).signal('resume', 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
    // One line each, whatever was in the message.
    const { responses } = await stage.row(learner.user_id);
    expect(responses.split('\n').filter((line) => !/^(\S+Z [\w ]+: .*|)$/.test(line))).toEqual([]);
    expect(responses).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });

  it('while it is cooling off is not moved by it', async () => {
    const learner = await begin(stage, 'cooling-fuzzed', coolingOffFor(HOUR));
    await waitFor(async () => (await stage.status(learner.user_id)).phase === 'cooling-off', {
      what: 'the cooling-off',
    });
    await fc.assert(
      fc.asyncProperty(
        messages.filter((message) => !isCancel(message)),
        async (message) => {
          expect(await send(workflowIdOf(learner), message)).not.toBe('accepted');
        },
      ),
      fuzzing('messages to a retirement that is cooling off', 100),
    );
    await expectSound(learner);
    expect(await stage.status(learner.user_id)).toMatchObject({ state: 'PENDING', phase: 'cooling-off' });
    await stage.workflow(learner.user_id).signal('cancel', { by: 'jane' });
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'ABORTED' });
  });

  it('while its stages run is not moved by it', async () => {
    await stage.fault({
      path: LAST_STAGE,
      username: 'running-fuzzed',
      status: 503,
      times: 1,
      delay_ms: 5_000,
    });
    const learner = await begin(stage, 'running-fuzzed');
    // Before the first stage a cancel would be obeyed.
    await waitFor(async () => (await stage.row(learner.user_id)).currentState !== 'PENDING', {
      what: 'the first stage to begin',
    });
    await fc.assert(
      fc.asyncProperty(
        messages.filter(({ kind }) => kind === 'signal'),
        async (message) => void (await send(workflowIdOf(learner), message)),
      ),
      fuzzing('messages to a retirement that runs', 50),
    );
    await expectErasedOnce(stage, learner);
    await expectSound(learner);
  });

  it('that is over stays over', async () => {
    const learner = await begin(stage, 'closed-fuzzed');
    await stage.workflow(learner.user_id).result();
    const before = await stage.row(learner.user_id);
    await fc.assert(
      fc.asyncProperty(messages, async (message) => {
        expect(await send(workflowIdOf(learner), message)).not.toBe('accepted');
      }),
      fuzzing('messages to a retirement that is over', 30),
    );
    expect(await stage.row(learner.user_id)).toEqual(before);
  });
});

describe('a flood of messages', { timeout: 300_000 }, () => {
  const FLOOD = 800;

  it('that comes while no worker runs is got over: refusals beyond those told one by one are summed up', async () => {
    const learner = await beginErrored(stage, 'flooded-away');
    // Answered once the run is at rest: no task is under way then that the flood would meet.
    expect(await stage.status(learner.user_id)).toMatchObject({ phase: 'errored' });
    await stage.stopWorker();
    const nonsense: Message = { kind: 'signal', name: 'resume', payloads: [json('{"state": 1}')] };
    for (let sent = 0; sent < FLOOD; sent += 100) {
      await Promise.all(Array.from({ length: 100 }, () => send(workflowIdOf(learner), nonsense)));
    }
    await stage.startWorker();
    await stage.workflow(learner.user_id).signal('resume', 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
    await expectSound(learner);
    const refusals = await responsesOf(stage, learner, 'refused:');
    expect(refusals.length).toBeLessThan(FLOOD);
    expect(refusals.filter((text) => text.includes('more messages that came at once'))).toHaveLength(1);
  });
});
