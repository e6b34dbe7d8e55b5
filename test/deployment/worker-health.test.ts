import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

test('the container is as healthy as the readiness of its worker says', async () => {
  const worker = await startAnswering();
  expect(await health(`127.0.0.1:${worker.port}`)).toEqual({ status: 0, said: '' });
  expect(await health(`0.0.0.0:${worker.port}`)).toEqual({ status: 0, said: '' });
  worker.reasons = 'Temporal does not answer (UNAVAILABLE)\nthe database does not answer (ECONNREFUSED)\n';
  expect(await health(`0.0.0.0:${worker.port}`)).toEqual({ status: 1, said: worker.reasons });
});

test('the container is not healthy without a worker, and says so in one line', async () => {
  expect(await health('127.0.0.1:1')).toEqual({
    status: 1,
    said: 'the worker does not answer at 127.0.0.1:1\n',
  });
});

test('the container is not healthy when nothing can be asked, and says so in one line', async () => {
  const answer = await health('');
  expect(answer.status).toBe(1);
  expect(answer.said).toMatch(/^REGISTRAR_HTTP_ADDRESS is not set[^\n]*\n$/);
});

/** `/readyz` as a worker serves it; with `reasons`, one that is not ready. */
async function startAnswering(): Promise<{ readonly port: number; reasons: string }> {
  const answering = { port: 0, reasons: '' };
  const server = createServer((request, response) => {
    const status = request.url !== '/readyz' ? 404 : answering.reasons === '' ? 200 : 503;
    response.writeHead(status).end(answering.reasons === '' ? 'ok\n' : answering.reasons);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const bound = server.address();
  if (typeof bound === 'object' && bound !== null) answering.port = bound.port;
  return answering;
}

async function health(address: string): Promise<{ readonly status: number | null; readonly said: string }> {
  const script = fileURLToPath(new URL('../../deploy/worker-health.ts', import.meta.url));
  const loader = new URL('../support/typescript.mjs', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', loader, script], {
    env: { REGISTRAR_HTTP_ADDRESS: address },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, said };
}
