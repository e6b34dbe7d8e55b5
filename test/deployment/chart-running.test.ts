import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { createNamespace, type TestNamespace } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { findHelm, made, podsOf } from './chart.ts';
import { taskQueuesOf } from './compose-file.ts';
import { configMapsOf, startPod, type PodProcess } from './pod-process.ts';

const helm = findHelm() ?? '';
let database: TestDatabase;
let temporal: TestNamespace;
beforeAll(async () => {
  [database, temporal] = await Promise.all([createDatabase(), createNamespace()]);
});
afterAll(async () => {
  await temporal.close();
  await database.drop();
});

it.skipIf(helm === '')(
  'what the pods of the chart run sets up, gets ready, and ends when it is asked to',
  async () => {
    const manifests = made(helm, {
      'temporal.address': temporal.address,
      'temporal.namespace': temporal.namespace,
      'database.worker.existingSecret': 'addresses',
      'database.owner.existingSecret': 'addresses',
      'secrets.existingSecret': 'secrets',
      'secrets.names': '{LMS_CLIENT_ID,LMS_CLIENT_SECRET,NEWSLETTER_TOKEN}',
    });
    const volumes = new Map([
      ...configMapsOf(manifests),
      ['addresses', { 'worker-url': database.url, 'owner-url': `${database.url}\n` }] as const,
      ['secrets', { LMS_CLIENT_ID: 'id', LMS_CLIENT_SECRET: 'secret', NEWSLETTER_TOKEN: 'token' }] as const,
    ]);
    const home = temporaryFolder();
    const { 'registrar-setup': setup, ...workers } = Object.fromEntries(podsOf(manifests));
    if (setup === undefined) throw new Error('the chart makes no set-up');

    const settingUp = startPod(setup, path.join(home, 'setup'), volumes);
    expect(await settingUp.ended, settingUp.said()).toBe(0);
    expect(settingUp.said()).toMatch(/^database: migrated/m);
    expect(settingUp.said()).not.toContain('warning');

    const running = Object.entries(workers).map(([name, pod]) => ({
      pod,
      process: startPod(pod, path.join(home, name), volumes),
    }));
    expect(running).toHaveLength(2);
    for (const { pod, process } of running) {
      const [{ startupProbe, livenessProbe, readinessProbe }] = pod.containers;
      await untilWell(process, startupProbe?.httpGet.path);
      await untilWell(process, readinessProbe?.httpGet.path);
      expect(await ask(process, livenessProbe?.httpGet.path)).toBe(200);
    }
    for (const { process } of running) process.signal('SIGTERM');
    for (const { pod, process } of running) {
      expect(await process.ended, process.said()).toBe(0);
      const queues = taskQueuesOf(pod.containers[0].args);
      expect(process.said()).toContain(`"taskQueues":${JSON.stringify(queues)}`);
    }
  },
  240_000,
);

async function untilWell(process: PodProcess, probe: string | undefined): Promise<void> {
  const died = process.ended.then(() => {
    throw new Error(`it ended: ${process.said()}`);
  });
  const well = waitFor(async () => (await ask(process, probe)) === 200, {
    what: `${probe} to be well`,
    timeoutMs: 100_000,
  });
  await Promise.race([well, died]);
}

async function ask(process: PodProcess, probe = 'nowhere'): Promise<number> {
  const url = process.url();
  if (url === undefined) throw new Error(process.said());
  const { status } = await fetch(`${url}${probe}`);
  return status;
}
