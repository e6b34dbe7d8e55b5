import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { readComposeFile, readRootFile, root } from './compose-file.ts';

const DATABASES = ['registrar', 'temporal', 'temporal_visibility'];

test('every script of the deployment is one that a shell understands', () => {
  for (const script of ['temporal/schema.sh', 'temporal/namespace.sh', 'backup/backup.sh']) {
    const { status, stderr } = spawnSync('sh', ['-n', path.join(root, 'deploy', script)]);
    expect(status, stderr.toString()).toBe(0);
  }
});

test('a backup holds every database, for its owner only', () => {
  const { folder, status, stdout } = backUp();
  expect(status).toBe(0);
  const [made = ''] = readdirSync(folder);
  expect(made).toMatch(/^\d{4}-\d\d-\d\dT\d{6}Z$/);
  expect(stdout).toBe(`${path.join(folder, made)}\n`);
  expect(readdirSync(path.join(folder, made)).sort()).toEqual(DATABASES.map((name) => `${name}.dump`));
  for (const name of DATABASES) {
    const file = path.join(folder, made, `${name}.dump`);
    expect(readFileSync(file, 'utf8')).toBe(`--format=custom ${name}\n`);
    expect(statSync(file).mode & 0o077).toBe(0);
  }
});

test('a backup that fails half way leaves nothing that looks like one', () => {
  const { folder, status } = backUp('temporal_visibility');
  expect(status).not.toBe(0);
  expect(readdirSync(folder)).toEqual([]);
});

test('a backup names the databases that the deployment makes', () => {
  const made = [...readRootFile('deploy/postgres/databases.sql').matchAll(/^create database (\w+)/gm)];
  expect(made.map(([, name]) => name)).toEqual(DATABASES);
  const { backup, postgres } = readComposeFile().services;
  // A pg_dump that is older than the server refuses it.
  expect(backup?.image).toBe(postgres?.image);
});

/** Runs the script with a `pg_dump` that writes down how it was called, and fails for one database. */
function backUp(broken = 'none'): {
  readonly folder: string;
  readonly status: number | null;
  readonly stdout: string;
} {
  const home = temporaryFolder();
  const folder = path.join(home, 'backups');
  mkdirSync(folder);
  const program = path.join(home, 'pg_dump');
  writeFileSync(program, `#!/bin/sh\n[ "$3" != ${broken} ] || exit 1\necho "$1 $3" >"\${2#--file=}"\n`);
  chmodSync(program, 0o755);
  const { status, stdout } = spawnSync('sh', [path.join(root, 'deploy/backup/backup.sh'), folder], {
    env: { PATH: `${home}:${process.env['PATH']}` },
    encoding: 'utf8',
  });
  return { folder, status, stdout };
}
