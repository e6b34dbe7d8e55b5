import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../support/folder.ts';
import { namesIn, placeholdersIn, readRootFile, root } from './compose-file.ts';

describe('the example files', () => {
  test('name what docker-compose.yml asks for, and nothing else', () => {
    const asked = placeholdersIn(withoutComments(readRootFile('docker-compose.yml')));
    expect(namesIn(readRootFile('.env.example'))).toEqual(asked);
  });

  test('name what registrar.example.yml asks for, and nothing else', () => {
    const asked = placeholdersIn(JSON.stringify(parse(readRootFile('registrar.example.yml'))));
    const named = namesIn(readRootFile('deploy/secrets.env.example'));
    expect(named.map((name) => name.replace(/_FILE$/, ''))).toEqual(asked);
  });

  test('hold no secret', () => {
    for (const file of ['.env.example', 'deploy/secrets.env.example']) {
      const set = [...readRootFile(file).matchAll(/^(\w+)=(.*)$/gm)];
      expect(set.length).toBeGreaterThan(2);
      for (const [, name, value] of set) {
        if (name?.endsWith('_FILE')) expect(value).toMatch(/^\/etc\/registrar\/secrets\/\w+$/);
        else expect(value, name).toBe('');
      }
    }
  });
});

describe('docker compose', () => {
  const command = composeCommand();
  const settings = {
    POSTGRES_PASSWORD: 'p',
    TEMPORAL_DB_PASSWORD: 't',
    REGISTRAR_WORKER_DB_PASSWORD: 'w',
  };

  test('takes the file when every required variable is set, with every choice of profiles', ({ skip }) => {
    if (command === undefined) return skip('neither docker-compose nor docker compose is installed');
    for (const profiles of [[], ['monitoring'], ['commands', 'monitoring']]) {
      const { status, stderr } = config(command, { ...settings, REGISTRAR_DB_PASSWORD: 'r' }, profiles);
      expect(status, stderr).toBe(0);
    }
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
    profiles: readonly string[] = [],
  ): { readonly status: number | null; readonly stderr: string } {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'secrets.env'), 'LMS_CLIENT_ID=x\n');
    // In place of the .env that may lie in the checkout.
    const noSettings = path.join(folder, 'none.env');
    writeFileSync(noSettings, '');
    const { status, stderr } = spawnSync(
      program,
      [
        ...args,
        ...['--env-file', noSettings, '--file', 'docker-compose.yml'],
        ...profiles.flatMap((profile) => ['--profile', profile]),
        ...['config', '--quiet'],
      ],
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
