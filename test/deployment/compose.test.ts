import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { knownVariables } from '../../config/environment.ts';
import { tuning } from '../../worker/tuning.ts';
import { RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE } from '../../workflows/timeslices/contract.ts';
import {
  heapMiB,
  mebibytes,
  packageVersion,
  readComposeFile,
  readRootFile,
  root,
  taskQueuesOf,
} from './compose-file.ts';

const { services, volumes } = readComposeFile();
const entries = Object.entries(services);
const own = entries.filter(([, { build }]) => build !== undefined);
const workers = own.filter(([, { command }]) => command[0] === 'worker');

/** Read by Node itself. */
const OF_NODE = ['NODE_OPTIONS'];

describe('docker-compose.yml', () => {
  test('gives Registrar only variables that it reads', () => {
    const known = [...knownVariables.map(({ name }) => name as string), ...OF_NODE];
    expect(own.map(([name]) => name).sort()).toEqual([
      'course-worker',
      'registrar',
      'retirement-worker',
      'setup',
    ]);
    for (const [, { environment }] of own) {
      expect(Object.keys(environment)).toEqual(expect.arrayContaining(['DATABASE_URL', 'TEMPORAL_ADDRESS']));
      for (const name of Object.keys(environment)) expect(known).toContain(name);
    }
  });

  test('holds no secret, and does not start without one', () => {
    const values = entries.flatMap(([, { environment }]) => Object.entries(environment));
    const secret = values.filter(([name]) => /PASSWORD|PWD|SECRET|TOKEN|API_KEY/.test(name));
    expect(secret.length).toBeGreaterThan(3);
    for (const [, value] of secret) expect(value).toMatch(/^\$\{\w+:\?[^}]+\}$/);
    const inAddresses = values.flatMap(([, value]) => [...value.matchAll(/:\/\/[^/@:]*:([^@]*)@/g)]);
    expect(inAddresses.length).toBeGreaterThan(0);
    for (const [, password] of inAddresses) expect(password).toMatch(/^\$\{\w+:\?[^}]+\}$/);
  });

  test('lets only the set-up be the owner of the schema', () => {
    const users = own.map(([name, { environment }]) => [
      name,
      /^postgres:\/\/([^:]*):/.exec(environment['DATABASE_URL'] ?? '')?.[1],
    ]);
    const worker = services['setup']?.environment['REGISTRAR_WORKER_ROLE'];
    expect(worker).toBeDefined();
    expect(Object.fromEntries(users)).toEqual({
      setup: 'registrar',
      'retirement-worker': worker,
      'course-worker': worker,
      registrar: worker,
    });
    const made = [...readRootFile('deploy/postgres/databases.sql').matchAll(/create role (\w+) login/g)];
    expect(made.map(([, role]) => role)).toEqual(expect.arrayContaining(['registrar', worker]));
  });

  test('hands the making of the databases every variable that it asks for', () => {
    const asked = [...readRootFile('deploy/postgres/databases.sql').matchAll(/^\\getenv \w+ (\w+)/gm)];
    expect(asked.length).toBeGreaterThan(1);
    for (const [, name] of asked)
      expect(Object.keys(services['postgres']?.environment ?? {})).toContain(name);
  });

  test('has a worker for every task queue, each once', () => {
    const queues = workers.flatMap(([, { command }]) => taskQueuesOf(command));
    expect(queues.sort()).toEqual([RETIREMENT_TASK_QUEUE, TIMESLICES_TASK_QUEUE, WIKI_TASK_QUEUE].sort());
  });

  test('waits only for what can be waited for', () => {
    for (const [name, { depends_on }] of entries) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const awaited = services[other];
        expect(awaited, `${name} waits for ${other}`).toBeDefined();
        expect(awaited?.profiles, `${name} waits for ${other}`).toEqual([]);
        if (condition === 'service_healthy') expect(awaited?.healthcheck?.test?.[0]).toMatch(/^CMD/);
        if (condition === 'service_completed_successfully') expect(awaited?.restart).toBe('no');
        expect(condition).not.toBe('service_started');
      }
    }
    for (const [, { depends_on }] of workers) {
      expect(depends_on['setup']?.condition).toBe('service_completed_successfully');
    }
  });

  test('keeps data in named volumes and mounts only what is there, read-only but for the folder of backups', () => {
    const backups = '${REGISTRAR_BACKUP_FOLDER:-./backups}:/backups';
    const writers = new Set(['backup', 'registrar']);
    for (const [name, service] of entries) {
      for (const volume of service.volumes) {
        const [source = '', , mode] = volume.replace(/\$\{[^}]*\}/g, '$FOLDER').split(':');
        if (source in volumes || (writers.has(name) && volume === backups)) continue;
        expect(mode, volume).toBe('ro');
        if (source !== '$FOLDER') expect(existsSync(path.join(root, source)), volume).toBe(true);
      }
    }
    expect(services['postgres']?.volumes).toContain('postgres-data:/var/lib/postgresql/data');
    for (const name of writers) expect(services[name]?.volumes).toContain(backups);
  });

  test('runs the scripts that its mounts bring', () => {
    const text = readRootFile('docker-compose.yml');
    const mounted = [...text.matchAll(/\/deploy\/([\w-]+\.(?:sh|yaml))/g)].map(([, name = '']) => name);
    const folders = ['temporal', 'backup'];
    const there = folders.flatMap((folder) => readdirSync(path.join(root, 'deploy', folder)));
    expect(new Set(mounted)).toEqual(new Set(there));
  });

  test('pins every image, and builds its own under the version of the package', () => {
    for (const [, { image, build }] of entries) {
      if (build === undefined) expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+[\w.-]*$/);
      else expect(image).toBe(`registrar:${packageVersion()}`);
    }
  });

  test('publishes ports on the loopback address only', () => {
    const ports = entries.flatMap((entry) => entry[1].ports);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test('gives the workers longer to stop than they give their activities', () => {
    for (const [, { stop_grace_period: grace }] of workers) {
      expect(grace).toMatch(/^\d+s$/);
      expect(Number.parseInt(grace ?? '', 10)).toBeGreaterThan(
        Number.parseInt(tuning.worker.shutdownForceTime, 10),
      );
    }
  });

  test('limits the memory of everything, and its log', () => {
    for (const [name, { mem_limit, logging }] of entries) {
      expect(mebibytes(mem_limit), name).toBeGreaterThan(0);
      expect(logging?.options['max-size'], name).toMatch(/^\d+m$/);
    }
    for (const [, { mem_limit, environment }] of workers) {
      // A worker is to stay below 512 MiB as a whole; of that V8's heap is the greater part.
      expect(mebibytes(mem_limit)).toBeGreaterThan(512);
      expect(heapMiB(environment)).toBeGreaterThan(128);
      expect(heapMiB(environment)).toBeLessThan(512);
    }
  });

  test('takes every right from what it builds', () => {
    for (const [, { read_only, cap_drop }] of own) {
      expect(read_only).toBe(true);
      expect(cap_drop).toEqual(['ALL']);
    }
  });
});
