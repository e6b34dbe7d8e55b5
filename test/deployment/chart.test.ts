import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { knownVariables } from '../../config/environment.ts';
import { tuning } from '../../worker/tuning.ts';
import { RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../../workflows/timeslices/contract.ts';
import { CHART, EVERYTHING, findHelm, made, podsOf } from './chart.ts';
import { heapMiB, mebibytes, packageVersion, readRootFile, taskQueuesOf } from './compose-file.ts';

const helm = findHelm() ?? '';
const QUEUES = [RETIREMENT_TASK_QUEUE, TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE].sort();
/** Read by Node itself. */
const OF_NODE = ['NODE_OPTIONS'];
describe('the files of the chart', () => {
  it('are of the version of the package', () => {
    const version = packageVersion();
    expect(parse(readFileSync(path.join(CHART, 'Chart.yaml'), 'utf8'))).toMatchObject({
      version,
      appVersion: version,
    });
  });

  it('bring the rules and the dashboard that the rest of the deployment has', () => {
    const linked = (name: string): string => readFileSync(path.join(CHART, 'files', name), 'utf8');
    expect(linked('rules.yml')).toBe(readRootFile('deploy/prometheus/rules.yml'));
    expect(linked('dashboard.json')).toBe(readRootFile('deploy/grafana/registrar.json'));
  });
});

describe.skipIf(helm === '')('a pod of the chart', () => {
  it('runs the image of this version', () => {
    const images = [...podsOf(made(helm)).values()].map(({ containers: [{ image }] }) => image);
    expect(new Set(images)).toEqual(new Set([`registrar:${packageVersion()}`]));
  });

  it('has no right that it does not need', () => {
    const pods = podsOf(made(helm, EVERYTHING));
    expect([...pods.keys()]).toEqual(['registrar-courses', 'registrar-retirement', 'registrar-setup']);
    for (const pod of pods.values()) {
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(pod.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('gets only variables that are read, and no secret in them', () => {
    const known = [...knownVariables.map(({ name }) => name as string), ...OF_NODE];
    for (const { containers } of podsOf(made(helm, EVERYTHING)).values()) {
      const [{ env, volumeMounts }] = containers;
      for (const { name, value } of env) {
        const [, variable = ''] = /^(.*?)(?:_FILE)?$/.exec(name) ?? [];
        expect([...known, 'LMS_CLIENT_ID', 'LMS_CLIENT_SECRET']).toContain(variable);
        if (/KEY|SECRET|PASSWORD|DATABASE_URL|CERT/.test(name)) expect(value).toMatch(/^\/run\/secrets\//);
        if (!value.startsWith('/')) continue;
        const folder = path.dirname(value);
        expect(volumeMounts.map(({ mountPath }) => mountPath)).toContain(folder);
      }
    }
  });

  it('mounts what it has, readable for the account that it runs as', () => {
    for (const { containers, volumes, securityContext } of podsOf(made(helm, EVERYTHING)).values()) {
      const names = volumes.map(({ name }) => name).sort();
      expect(containers[0].volumeMounts.map(({ name }) => name).sort()).toEqual(names);
      expect(securityContext['fsGroup']).toBe(securityContext['runAsGroup']);
      for (const { secret } of volumes) expect(secret?.defaultMode ?? 0o440).toBe(0o440);
    }
  });

  it('is the owner of the schema only for the set-up', () => {
    const secrets = [...podsOf(made(helm, EVERYTHING))].map(([name, { volumes }]) => [
      name,
      volumes.find((volume) => volume.name === 'database')?.secret?.secretName,
    ]);
    expect(Object.fromEntries(secrets)).toEqual({
      'registrar-courses': 'registrar-database',
      'registrar-retirement': 'registrar-database',
      'registrar-setup': 'registrar-owner',
    });
  });

  it('of a worker has time to end, and memory for more than its heap', () => {
    for (const [name, { terminationGracePeriodSeconds, containers }] of podsOf(made(helm))) {
      if (name === 'registrar-setup') continue;
      const [{ resources, env }] = containers;
      const forced = Number.parseInt(tuning.worker.shutdownForceTime, 10);
      expect(terminationGracePeriodSeconds).toBeGreaterThan(forced);
      expect(mebibytes(resources.limits.memory)).toBeGreaterThan(512);
      const heap = heapMiB(Object.fromEntries(env.map((variable) => [variable.name, variable.value])));
      expect(heap).toBeGreaterThan(128);
      expect(heap).toBeLessThan(512);
    }
  });

  it('of a worker is asked how it is where it serves that', () => {
    for (const [name, { containers }] of podsOf(made(helm))) {
      if (name === 'registrar-setup') continue;
      const [{ env, ports, startupProbe, livenessProbe, readinessProbe }] = containers;
      const [metrics] = ports;
      const address = env.find((variable) => variable.name === 'REGISTRAR_HTTP_ADDRESS')?.value;
      expect(address).toBe(`0.0.0.0:${metrics?.containerPort}`);
      expect(livenessProbe).toEqual({ httpGet: { path: '/livez', port: metrics?.name } });
      expect(startupProbe).toEqual(livenessProbe);
      expect(readinessProbe).toEqual({ httpGet: { path: '/readyz', port: metrics?.name } });
    }
  });

  it('works for some task queues, and all of them together for each once', () => {
    const commands = [...podsOf(made(helm)).values()].map(({ containers: [{ args }] }) => args);
    expect(commands.flatMap(taskQueuesOf).sort()).toEqual(QUEUES);
    expect(commands.map(([command]) => command).sort()).toEqual(['setup', 'worker', 'worker']);
  });
});
