import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { sandboxConfigurationYaml } from '../../sandbox/lms/pipeline.ts';
import { temporaryFolder } from '../support/folder.ts';
import { complaints, registrar } from './command-line.ts';

const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', TEMPORAL_ADDRESS: '127.0.0.1:1' };

describe('wrong usage', () => {
  it.each([
    [['nonsense']],
    [['retirement', 'nonsense']],
    [['retirement']],
    [[]],
    [['retirement', 'list', '--nonsense']],
    [['retirement', 'show']],
    [['retirement', 'bulk-status', '--rewind-state']],
    [['retirement', 'show', 'ada', 'bob']],
    [['retirement', 'plan', 'ada']],
    [['retirement', 'resume', '--from', 'PENDING']],
    [['retirement', 'resume', 'ada']],
    [['retirement', 'resume', 'ada', '--all-errored', '--stage', 'X']],
    [['retirement', 'resume', '--all-errored']],
    [['retirement', 'resume', 'ada', '--from', 'PENDING', '--stage', 'X']],
    [['retirement', 'rerun']],
    [['retirement', 'rerun', 'ada', '--all']],
    [['retirement', 'cancel', 'ada']],
  ])('%j is one line and status 2', async (argv) => {
    const ran = await registrar(argv, { env: nowhere });
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
  });

  it('names the command whose help says more', async () => {
    const ran = await registrar(['retirement', 'list', '--sate', 'ERRORED']);
    expect(ran.stderr).toContain('--sate');
    expect(ran.stderr).toContain('`registrar retirement list --help`');
  });

  it('stays off standard output with --json too', async () => {
    expect(await registrar(['--json', 'retirement', 'show'])).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('help', () => {
  it.each([
    [[]],
    [['up']],
    [['env']],
    [['worker']],
    [['setup']],
    [['doctor']],
    [['retirement']],
    ...[
      'list',
      'show',
      'start',
      'resume',
      'plan',
      'cancel',
      'rerun',
      'collect',
      'bulk-status',
      'verify',
      'archive',
      'report',
    ].map((name) => [['retirement', name]]),
  ])('of %j goes to standard output, with --json among the options', async (argv) => {
    const ran = await registrar([...argv, '--help']);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toContain('Usage: registrar');
    expect(ran.stdout).toContain('--json');
  });
});

describe('unreachable systems', () => {
  it('says in one line that the database cannot be reached', async () => {
    const ran = await registrar(['retirement', 'list'], { env: nowhere });
    expect(ran.status).toBe(1);
    expect(complaints(ran)).toEqual([
      'registrar: cannot reach the database (ECONNREFUSED): start it or `registrar up`, or check DATABASE_URL',
    ]);
  });

  it('says what to do when no database is named and no stack runs', async () => {
    const ran = await registrar(['retirement', 'list', '--json'], { env: {} });
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toContain('`registrar up`');
  });

  it('says in one line that Temporal cannot be reached', async () => {
    const ran = await registrar(['retirement', 'collect'], { env: nowhere });
    expect(ran.status).toBe(1);
    expect(complaints(ran)).toHaveLength(1);
    expect(ran.stderr).toContain('cannot reach Temporal at 127.0.0.1:1');
  });
});

describe('env', () => {
  const environment = { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/x', LMS_CLIENT_SECRET: "it's $HOME `x`" };

  it('prints nothing and exits 3 while nothing runs or the worker is not ready', async () => {
    for (const stack of [{ kind: 'none' }, { kind: 'starting' }] as const) {
      const ran = await registrar(['env'], { stack });
      expect(ran).toMatchObject({ status: 3, stdout: '' });
      expect(complaints(ran)).toHaveLength(1);
    }
  });

  it('quotes values so that a shell takes them as they are', async () => {
    const { stdout } = await registrar(['env'], { stack: { kind: 'ready', environment } });
    expect(stdout).toBe(
      "export DATABASE_URL=postgres://a:b@127.0.0.1:1/x\nexport LMS_CLIENT_SECRET='it'\\''s $HOME `x`'\n",
    );
  });

  it('is a document with --json', async () => {
    const ran = await registrar(['env', '--json'], { stack: { kind: 'ready', environment } });
    expect(ran.json()).toEqual(environment);
  });

  it('insists on the sandbox when asked to', async () => {
    const ran = await registrar(['env', '--sandbox'], { stack: { kind: 'ready', environment } });
    expect(ran).toMatchObject({ status: 3, stdout: '' });
  });
});

describe('up and worker', () => {
  it('hands its options to the process that brings the stack up, and its status back', async () => {
    const seen: unknown[] = [];
    const up = (options: unknown): Promise<number> => {
      seen.push(options);
      return Promise.resolve(1);
    };
    const ran = await registrar(['up', '--sandbox', '--json'], { processes: { up } });
    expect(seen).toEqual([{ sandbox: true, json: true }]);
    expect(ran.status).toBe(1);
  });

  it('tells in one line why the worker ended', async () => {
    const worker = (): Promise<void> => Promise.reject(new Error('DATABASE_URL is not set: name it'));
    const ran = await registrar(['worker'], { processes: { worker } });
    expect(ran).toMatchObject({ status: 1, stderr: 'registrar: DATABASE_URL is not set: name it\n' });
  });
});

describe('doctor --offline', () => {
  const valid = { lmsUrl: 'http://127.0.0.1:1', clientId: 'retirement-id', clientSecret: 'secret-7731' };

  function written(text: string): string {
    const file = path.join(temporaryFolder(), 'registrar.yml');
    writeFileSync(file, text);
    return file;
  }

  it('accepts a valid file without any server', async () => {
    const ran = await registrar(['doctor', '--offline', written(sandboxConfigurationYaml(valid))]);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^ok +configuration: .* is valid, 7 stages\n$/);
  });

  it('prints every mistake on a line of its own', async () => {
    const file = written(
      sandboxConfigurationYaml({
        ...valid,
        pipeline: [
          ['RETIRING_FORUMS', 'FORUMS_COMPLETE', 'LMS', 'retirement_retire_fora'],
          ['RETIRING_NOTES', 'NOTES_COMPLETE', 'NOBODY', 'retirement_retire_notes'],
        ],
      }),
    );
    const ran = await registrar(['doctor', '--offline', file, '--json']);
    expect(ran.status).toBe(1);
    const { ok, checks } = ran.json() as { ok: boolean; checks: { outcome: string; message: string }[] };
    expect(ok).toBe(false);
    expect(checks.map(({ outcome }) => outcome)).toEqual(['FAILED', 'FAILED']);
    expect(checks[0]?.message).toContain('retirement_retire_fora');
    expect(checks[1]?.message).toContain('NOBODY');
  });

  it('exits 1 for a key that nobody knows, as a warning', async () => {
    const ran = await registrar([
      'doctor',
      '--offline',
      written(`${sandboxConfigurationYaml(valid)}\nclinet: 1\n`),
    ]);
    expect(ran.status).toBe(1);
    expect(ran.stdout).toMatch(/^warning +configuration: clinet/m);
  });

  it('says that a file is missing', async () => {
    const ran = await registrar(['doctor', '--offline', '/nonexistent.yml']);
    expect(ran.status).toBe(1);
    expect(ran.stdout).toMatch(/^FAILED +configuration: cannot read \/nonexistent\.yml/);
  });
});
