import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { knownVariables } from '../../config/environment.ts';
import { tuning } from '../../worker/tuning.ts';
import { temporaryFolder } from '../support/folder.ts';
import { namesIn, placeholdersIn, readComposeFile, readRootFile, root } from './compose-file.ts';

const { services, volumes } = readComposeFile();
const entries = Object.entries(services);
const own = entries.filter(([, { build }]) => build !== undefined);

describe('docker-compose.yml', () => {
  test('gives Registrar only variables that it reads', () => {
    const known = knownVariables.map(({ name }) => name as string);
    expect(own.map(([name]) => name).sort()).toEqual(['setup', 'worker']);
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

  test('waits only for what can be waited for', () => {
    for (const [name, { depends_on }] of entries) {
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const awaited = services[other];
        expect(awaited, `${name} waits for ${other}`).toBeDefined();
        if (condition === 'service_healthy') expect(awaited?.healthcheck?.test?.[0]).toMatch(/^CMD/);
        if (condition === 'service_completed_successfully') expect(awaited?.restart).toBeUndefined();
        expect(condition).not.toBe('service_started');
      }
    }
    expect(services['worker']?.depends_on['setup']?.condition).toBe('service_completed_successfully');
  });

  test('keeps data in named volumes and mounts only what is there, read-only', () => {
    for (const volume of entries.flatMap(([, service]) => service.volumes)) {
      const [source = '', , mode] = volume.replace(/\$\{[^}]*\}/g, '$FOLDER').split(':');
      if (source in volumes) continue;
      expect(mode, volume).toBe('ro');
      if (source !== '$FOLDER') expect(existsSync(path.join(root, source)), volume).toBe(true);
    }
    expect(services['postgres']?.volumes).toContain('postgres-data:/var/lib/postgresql/data');
  });

  test('runs the scripts that its mounts bring', () => {
    const text = readRootFile('docker-compose.yml');
    const mounted = [...text.matchAll(/\/deploy\/([\w-]+\.(?:sh|yaml))/g)].map(([, name = '']) => name);
    expect(new Set(mounted)).toEqual(new Set(readdirSync(path.join(root, 'deploy', 'temporal'))));
    for (const name of mounted.filter((file) => file.endsWith('.sh'))) {
      const { status, stderr } = spawnSync('sh', ['-n', path.join(root, 'deploy', 'temporal', name)]);
      expect(status, stderr.toString()).toBe(0);
    }
  });

  test('pins every image, and builds its own under the version of the package', () => {
    const { version } = parse(readRootFile('package.json')) as { readonly version: string };
    for (const [, { image, build }] of entries) {
      if (build === undefined) expect(image).toMatch(/^[\w./-]+:\d+\.\d+[\w.-]*$/);
      else expect(image).toBe(`registrar:${version}`);
    }
  });

  test('publishes ports on the loopback address only', () => {
    const ports = entries.flatMap((entry) => entry[1].ports);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test('gives the worker longer to stop than the worker gives its activities', () => {
    const grace = Number.parseInt(services['worker']?.stop_grace_period ?? '', 10);
    expect(services['worker']?.stop_grace_period).toMatch(/^\d+s$/);
    expect(grace).toBeGreaterThan(Number.parseInt(tuning.worker.shutdownForceTime, 10));
  });
});

describe('the example files', () => {
  test('name what docker-compose.yml asks for, and nothing else', () => {
    const asked = placeholdersIn(withoutComments(readRootFile('docker-compose.yml')));
    expect([...namesIn(readRootFile('.env.example'))].sort()).toEqual(asked);
  });

  test('name what registrar.example.yml asks for, and nothing else', () => {
    const asked = placeholdersIn(JSON.stringify(parse(readRootFile('registrar.example.yml'))));
    expect([...namesIn(readRootFile('deploy/secrets.env.example'))].sort()).toEqual(asked);
  });

  test('hold no secret', () => {
    for (const file of ['.env.example', 'deploy/secrets.env.example']) {
      const set = [...readRootFile(file).matchAll(/^\w+=(.*)$/gm)].map(([, value]) => value);
      expect(set.length).toBeGreaterThan(2);
      expect(set.join('')).toBe('');
    }
  });
});

describe('docker compose', () => {
  const command = composeCommand();
  const settings = { POSTGRES_PASSWORD: 'p', TEMPORAL_DB_PASSWORD: 't' };

  test('takes the file when every required variable is set', ({ skip }) => {
    if (command === undefined) return skip('neither docker-compose nor docker compose is installed');
    const { status, stderr } = config(command, { ...settings, REGISTRAR_DB_PASSWORD: 'r' });
    expect(status, stderr).toBe(0);
  });

  test('refuses it when one is missing', ({ skip }) => {
    if (command === undefined) return skip('neither docker-compose nor docker compose is installed');
    const { status, stderr } = config(command, settings);
    expect(stderr).toContain('REGISTRAR_DB_PASSWORD');
    expect(status).not.toBe(0);
  });

  function config(
    [program = '', ...args]: readonly string[],
    env: Readonly<Record<string, string>>,
  ): { readonly status: number | null; readonly stderr: string } {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'secrets.env'), 'LMS_CLIENT_ID=x\n');
    // In place of the .env that may lie in the checkout.
    const noSettings = path.join(folder, 'none.env');
    writeFileSync(noSettings, '');
    const { status, stderr } = spawnSync(
      program,
      [...args, '--env-file', noSettings, '--file', 'docker-compose.yml', 'config', '--quiet'],
      {
        cwd: root,
        env: { PATH: process.env['PATH'], HOME: folder, ...env, REGISTRAR_CONFIG_FOLDER: folder },
        encoding: 'utf8',
      },
    );
    return { status, stderr };
  }
});

function composeCommand(): readonly string[] | undefined {
  return [['docker', 'compose'], ['docker-compose']].find(
    ([program = '', ...args]) => spawnSync(program, [...args, 'version']).status === 0,
  );
}

function withoutComments(yaml: string): string {
  return yaml.replace(/^\s*#.*$/gm, '');
}
