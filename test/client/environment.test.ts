import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { effectiveEnvironment, viewStack } from '../../bin/environment.ts';
import { registrarHome } from '../../stack/home.ts';
import { writeStack } from '../../stack/state.ts';
import { temporaryFolder } from '../support/folder.ts';

const running = {
  DATABASE_URL: 'postgres://registrar@127.0.0.1:1/registrar',
  TEMPORAL_ADDRESS: '127.0.0.1:2',
  TEMPORAL_NAMESPACE: 'default',
  TEMPORAL_UI_URL: 'http://127.0.0.1:3',
  REGISTRAR_CONFIG: '/sandbox/registrar.yml',
  LMS_CLIENT_SECRET: 'secret of the sandbox',
};

/** A home where this very process runs the stack. */
function homeWithStack(ready: boolean): Readonly<Record<string, string>> {
  const env = { REGISTRAR_HOME: temporaryFolder(), TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml' };
  const startedAt = new Date().toISOString();
  writeStack(registrarHome(env), { startedAt, ready, environment: running, processes: {} });
  return env;
}

describe('the environment beside a running stack', () => {
  it('is filled in from it, without the secrets that no command reads', () => {
    const env = homeWithStack(true);
    const { LMS_CLIENT_SECRET: secret, ...filled } = { ...env, ...running };
    expect(effectiveEnvironment(env)).toEqual(filled);
    expect(Object.values(effectiveEnvironment(env))).not.toContain(secret);
  });

  it('keeps what somebody set', () => {
    const env = { ...homeWithStack(true), REGISTRAR_CONFIG: '/mine.yml', TEMPORAL_ADDRESS: 'elsewhere:7233' };
    expect(effectiveEnvironment(env)).toEqual({ ...env, DATABASE_URL: running.DATABASE_URL });
  });

  it("never puts the sandbox's configuration together with another database", () => {
    const env = { ...homeWithStack(true), DATABASE_URL: 'postgres://production/registrar' };
    expect(effectiveEnvironment(env)).not.toHaveProperty('REGISTRAR_CONFIG');
  });

  it('is as it was when nothing runs', () => {
    const env = { REGISTRAR_HOME: temporaryFolder() };
    expect(effectiveEnvironment(env)).toEqual(env);
    expect(viewStack(env)).toEqual({ kind: 'none' });
  });
});

describe('the registrar command', () => {
  it('prints the export lines of the running stack', async () => {
    const ran = await run(['env'], homeWithStack(true));
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout.split('\n')).toContain("export LMS_CLIENT_SECRET='secret of the sandbox'");
  });

  it('exits 3 with nothing on standard output while the worker is not ready', async () => {
    expect(await run(['env'], homeWithStack(false))).toMatchObject({ status: 3, stdout: '' });
  });

  it('ends by itself after a failure, with its status', async () => {
    const ran = await run(['retirement', 'list'], homeWithStack(true));
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toMatch(/^registrar: cannot reach the database .*\n$/);
  });
});

async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const loader = new URL('../support/typescript.mjs', import.meta.url).href;
  const script = fileURLToPath(new URL('../../bin/registrar.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', loader, script, ...argv], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status: child.exitCode, stdout, stderr };
}
