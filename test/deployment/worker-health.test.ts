import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { expect, onTestFinished, test } from 'vitest';
import { RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { createNamespace, type TestNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { workflowBundle } from '../support/workflow-bundle.ts';

Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
});

test('the container is healthy once its own worker polls', async () => {
  const temporal = await freshNamespace();
  expect(await health(temporal)).toEqual({
    status: 1,
    said: expect.stringContaining('no worker on') as string,
  });
  await poll(temporal);
  await waitFor(async () => (await pollers(temporal)) > 0, { what: 'the worker to poll' });
  expect(await health(temporal)).toEqual({ status: 0, said: '' });
});

test('the container is not healthy by the worker of another one', async () => {
  const temporal = await freshNamespace();
  await poll(temporal, `1@not-${os.hostname()}`);
  await waitFor(async () => (await pollers(temporal)) > 0, { what: 'the other worker to poll' });
  expect((await health(temporal)).status).toBe(1);
});

test('the container is not healthy without Temporal, and says so in one line', async () => {
  const answer = await health({ address: '127.0.0.1:1', namespace: 'default' });
  expect(answer.status).toBe(1);
  expect(answer.said).toMatch(/^cannot reach Temporal at 127\.0\.0\.1:1[^\n]*\n$/);
});

test('the container of a worker that serves its readiness is as healthy as that says', async () => {
  let isReady = true;
  const worker = createServer((request, response) => {
    const found = request.url === '/readyz' ? (isReady ? 200 : 503) : 404;
    response.writeHead(found).end(isReady ? 'ok' : 'Temporal does not answer');
  });
  await new Promise<void>((resolve) => worker.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void worker.close());
  const bound = worker.address();
  const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0;
  const nowhere = { address: '127.0.0.1:1', namespace: 'default' };
  expect(await health(nowhere, `0.0.0.0:${port}`)).toEqual({ status: 0, said: '' });
  isReady = false;
  expect(await health(nowhere, `127.0.0.1:${port}`)).toEqual({
    status: 1,
    said: 'Temporal does not answer\n',
  });
  expect(await health(nowhere, '127.0.0.1:1')).toEqual({
    status: 1,
    said: 'the worker does not answer at 127.0.0.1:1\n',
  });
});

async function freshNamespace(): Promise<TestNamespace> {
  const temporal = await createNamespace();
  onTestFinished(() => temporal.close());
  return temporal;
}

async function poll({ address, namespace }: TestNamespace, identity?: string): Promise<void> {
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: RETIREMENT_TASK_QUEUE,
    workflowBundle: workflowBundle(),
    activities: { nothing: async () => undefined },
    ...(identity === undefined ? {} : { identity }),
  });
  const ended = worker.run();
  onTestFinished(async () => {
    worker.shutdown();
    await ended;
    await connection.close();
  });
}

async function pollers({ connection, namespace }: TestNamespace): Promise<number> {
  const counts = await Promise.all(
    [1, 2].map(async (taskQueueType) => {
      const taskQueue = { name: RETIREMENT_TASK_QUEUE };
      const answer = await connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue,
        taskQueueType,
      });
      return answer.pollers?.length ?? 0;
    }),
  );
  return Math.min(...counts);
}

async function health(
  { address, namespace }: Pick<TestNamespace, 'address' | 'namespace'>,
  served?: string,
): Promise<{
  readonly status: number | null;
  readonly said: string;
}> {
  const script = fileURLToPath(new URL('../../deploy/worker-health.ts', import.meta.url));
  const loader = new URL('../support/typescript.mjs', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', loader, script], {
    env: {
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml',
      ...(served === undefined ? {} : { REGISTRAR_HTTP_ADDRESS: served }),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, said };
}
