import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { acquireHome, registrarHome, type RegistrarHome } from '../../stack/home.ts';
import { readRunningStack, removeStack, writeStack, type StackReport } from '../../stack/state.ts';
import { temporaryFolder } from '../support/folder.ts';

const REPORT: StackReport = {
  startedAt: '2026-01-02T03:04:05.000Z',
  ready: true,
  environment: { DATABASE_URL: 'postgres://registrar:secret@127.0.0.1:5432/registrar' },
  processes: { postgres: 42 },
};

describe('registrarHome', () => {
  test('is REGISTRAR_HOME, else .registrar in the working directory', () => {
    expect(registrarHome({ REGISTRAR_HOME: '/srv/registrar' }).root).toBe('/srv/registrar');
    expect(registrarHome({ REGISTRAR_HOME: 'here' }, '/project').root).toBe('/project/here');
    expect(registrarHome({}, '/project').root).toBe('/project/.registrar');
  });
});

describe('acquireHome', () => {
  test('refuses a second holder while the first lives, and says what to do', () => {
    const home = makeHome();
    const lock = acquireHome(home);
    expect(() => acquireHome(home)).toThrow(`in use by process ${process.pid}: stop that one`);
    lock.release();
    acquireHome(home).release();
  });

  test('takes over from a process that was killed, also when its pid is in use again', () => {
    const home = makeHome();
    acquireHome(home);
    const { pid } = spawnSync('true');
    writeFileSync(home.lock, JSON.stringify({ pid, identity: `${pid}@1` }));
    acquireHome(home);
    writeFileSync(home.lock, JSON.stringify({ pid: process.pid, identity: `${process.pid}@1` }));
    acquireHome(home).release();
  });
});

describe('the running stack', () => {
  test('is read as it was written, by its owner only, until it is removed', () => {
    const home = makeHome();
    onTestFinished(acquireHome(home).release);
    expect(readRunningStack(home)).toBeUndefined();
    writeStack(home, REPORT);
    expect(readRunningStack(home)).toMatchObject({ ...REPORT, pid: process.pid });
    expect(statSync(home.state).mode & 0o777).toBe(0o600);
    removeStack(home);
    expect(readRunningStack(home)).toBeUndefined();
  });

  test('is none when the process that wrote it has ended, also when its pid is in use again', () => {
    const home = makeHome();
    onTestFinished(acquireHome(home).release);
    writeStack(home, REPORT);
    const text = readFileSync(home.state, 'utf8');
    writeFileSync(home.state, text.replace(/"identity": "\d+@\d+"/, `"identity": "${process.pid}@1"`));
    expect(readRunningStack(home)).toBeUndefined();
  });

  test('is none when the file is torn', () => {
    const home = makeHome();
    onTestFinished(acquireHome(home).release);
    writeStack(home, REPORT);
    writeFileSync(home.state, readFileSync(home.state, 'utf8').slice(0, 40));
    expect(readRunningStack(home)).toBeUndefined();
  });
});

function makeHome(): RegistrarHome {
  return registrarHome({ REGISTRAR_HOME: path.join(temporaryFolder(), 'home') });
}
