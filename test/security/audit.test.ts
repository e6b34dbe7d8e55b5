import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { listenOnLoopback } from '../support/loopback.ts';

const script = fileURLToPath(new URL('../../scripts/audit.mjs', import.meta.url));
const HASH = `sha512-${'A'.repeat(86)}==`;

/** What the registry says of holes; a number is a status without anything. */
let advisories: unknown;
let registry: { readonly url: string; readonly close: () => Promise<void> };
beforeAll(async () => {
  registry = await listenOnLoopback(
    createServer((request, response) => {
      request.resume();
      if (request.url !== '/-/npm/v1/security/advisories/bulk') {
        const name = decodeURIComponent(request.url?.slice(1) ?? '');
        const versions = { '1.2.3': { name, version: '1.2.3' } };
        return void response.end(JSON.stringify({ name, versions, 'dist-tags': { latest: '1.2.3' } }));
      }
      if (typeof advisories === 'number')
        return void response.writeHead(advisories, { allow: 'GET,HEAD' }).end();
      if (typeof advisories === 'string') return void response.end(advisories);
      response.end(JSON.stringify(advisories));
    }),
  );
});
afterAll(() => registry.close());

interface Project {
  readonly manifest?: object;
  readonly lock?: object;
  /** Of the package `left`, beside what is right. */
  readonly entry?: object;
  readonly exceptions?: object;
}

interface Verdict {
  readonly status: number;
  readonly said: string;
  readonly complaints: readonly string[];
}

/** Audits a project that needs the package `left` and nothing else. */
function audit(project: Project, ...words: readonly string[]): Promise<Verdict> {
  const root = temporaryFolder();
  const manifest = {
    name: 'project',
    version: '1.0.0',
    dependencies: { left: '1.2.3' },
    ...project.manifest,
  };
  const left = { version: '1.2.3', license: 'MIT', integrity: HASH, ...project.entry };
  const lock = {
    name: 'project',
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: { '': manifest, 'node_modules/left': left },
    ...project.lock,
  };
  mkdirSync(path.join(root, 'scripts'));
  writeFileSync(path.join(root, 'package.json'), JSON.stringify(manifest));
  writeFileSync(path.join(root, 'package-lock.json'), JSON.stringify(lock));
  writeFileSync(path.join(root, 'scripts/audit-exceptions.json'), JSON.stringify(project.exceptions ?? {}));
  const env = { PATH: process.env['PATH'], HOME: root, npm_config_cache: path.join(root, 'cache') };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, '--root', root, ...words], { env }, (error, said, complained) => {
      const complaints = complained.split('\n').filter((line) => line !== '');
      resolve({ status: error === null ? 0 : Number(error.code), said, complaints });
    });
  });
}

const asking = (project: Project = {}): Promise<Verdict> => audit(project, '--registry', registry.url);

const hole = (severity: string, id = 'GHSA-aaaa-bbbb-cccc'): unknown => ({
  left: [
    {
      id: 1_091_234,
      url: `https://github.com/advisories/${id}`,
      title: 'Anybody may read\neverything',
      severity,
      vulnerable_versions: '<2.0.0',
      cwe: ['CWE-22'],
      cvss: { score: 7.5, vectorString: null },
    },
  ],
});

describe('the audit of dependencies, where the registry knows of holes,', { timeout: 120_000 }, () => {
  it('is content when there are none', async () => {
    advisories = {};
    const { status, said, complaints } = await asking();
    expect([status, complaints]).toEqual([0, []]);
    expect(said).toContain('the registry knows 0 holes in what runs');
  });

  it.each(['high', 'critical'])('fails on one that is %s, in one line', async (severity) => {
    advisories = hole(severity);
    const { status, complaints } = await asking();
    expect(status).toBe(1);
    expect(complaints).toEqual([
      `audit: left <2.0.0 has a hole, ${severity}: Anybody may read everything (GHSA-aaaa-bbbb-cccc): take a version without it, or add GHSA-aaaa-bbbb-cccc to scripts/audit-exceptions.json (advisories) with why and until`,
    ]);
  });

  it('names a lesser one and lets it pass', async () => {
    advisories = hole('moderate');
    const { status, said } = await asking();
    expect(status).toBe(0);
    expect(said).toContain('knows 1 holes in what runs; not counted: left (moderate, GHSA-aaaa-bbbb-cccc)');
  });

  it('lets one pass that was looked at, for as long as was said', async () => {
    advisories = hole('critical');
    const why = 'only its command line is concerned, which nobody runs';
    const reviewed = (until: string): Project => ({
      exceptions: { advisories: { 'GHSA-aaaa-bbbb-cccc': { why, until } } },
    });
    expect(await asking(reviewed('2999-01-01'))).toMatchObject({ status: 0, complaints: [] });
    expect(await asking(reviewed('2026-01-01'))).toMatchObject({
      status: 1,
      complaints: [expect.stringContaining('the time of GHSA-aaaa-bbbb-cccc was over on 2026-01-01')],
    });
  });

  it.each([
    ['forbids to ask', 405],
    ['knows no such question', 404],
    ['is out of order', 500],
    ['lets a proxy answer', '<!doctype html><title>Sign in</title>'],
  ])('does not pretend when it %s', async (_, said) => {
    advisories = said;
    const verdict = await asking();
    expect(verdict).toMatchObject({ status: 0, complaints: [] });
    expect(verdict.said).toMatch(
      /the registry could not be asked for known holes \(.+\): nothing is known about them/,
    );
    expect(verdict.said).not.toContain('the registry knows');
  });
});

describe('the audit of dependencies, without a registry,', () => {
  const offline = (project: Project): Promise<Verdict> => audit(project, '--offline');

  it('is content with packages by their hash', async () => {
    const verdict = await offline({});
    expect(verdict).toMatchObject({ status: 0, complaints: [] });
    expect(verdict.said).toContain('licences at run time: MIT 1');
    expect(verdict.said).toContain('the registry was not asked');
  });

  it.each<[string, Project, RegExp]>([
    ['has no hash', { entry: { integrity: undefined } }, /left has no sha512/],
    ['has a weak hash', { entry: { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' } }, /left has no sha512/],
    [
      'names a host',
      { entry: { resolved: 'https://evil.example/left-1.2.3.tgz' } },
      /left names the address https:\/\/evil\.example/,
    ],
    [
      'comes from a repository',
      { manifest: { dependencies: { left: 'git+https://evil.example/left.git' } } },
      /package\.json wants left as git\+https/,
    ],
    ['comes from a folder', { manifest: { dependencies: { left: 'file:../left' } } }, /wants left as file:/],
    [
      'is a link',
      { entry: { link: true, resolved: '../left' } },
      /left lies in this repository or a linked folder/,
    ],
    [
      'wants to run a script',
      { entry: { hasInstallScript: true } },
      /left wants to run a script at its installation/,
    ],
    ['is under copyleft', { entry: { license: 'AGPL-3.0-only' } }, /left has the licence AGPL-3\.0-only/],
    [
      'is partly under copyleft',
      { entry: { license: '(MIT AND GPL-3.0)' } },
      /left has the licence \(MIT AND GPL/,
    ],
    ['names no licence', { entry: { license: undefined } }, /left has the licence none named/],
    [
      'is excused without a reason',
      { exceptions: { advisories: { 'GHSA-x': { until: '2999-01-01' } } } },
      /GHSA-x needs "why" and "until"/,
    ],
  ])('fails on one that %s', async (_, project, complaint) => {
    const { status, complaints } = await offline(project);
    expect(status).toBe(1);
    expect(complaints).toEqual([expect.stringMatching(complaint)]);
  });

  it.each<[string, Project]>([
    ['leaves the choice of a free licence', { entry: { license: '(MIT OR GPL-3.0-or-later)' } }],
    ['is for developers only, whatever its licence', { entry: { license: 'GPL-3.0-only', dev: true } }],
    [
      'may run its script by name',
      { entry: { hasInstallScript: true }, manifest: { allowScripts: { left: true } } },
    ],
    [
      'need not run its script, for a reason',
      { entry: { hasInstallScript: true }, exceptions: { installScripts: { left: 'of another system' } } },
    ],
    [
      'was looked at',
      {
        entry: { license: 'Artistic-2.0' },
        exceptions: { licences: { left: { licence: 'Artistic-2.0', why: 'asks for nothing here' } } },
      },
    ],
  ])('is content with one that %s', async (_, project) => {
    expect(await offline(project)).toMatchObject({ status: 0, complaints: [] });
  });

  it('is content with the product itself', async () => {
    const verdict = await new Promise<{ readonly status: number; readonly complained: string }>((resolve) => {
      execFile(process.execPath, [script, '--offline'], (error, _said, complained) =>
        resolve({ status: error === null ? 0 : Number(error.code), complained }),
      );
    });
    expect(verdict).toEqual({ status: 0, complained: '' });
  });
});
