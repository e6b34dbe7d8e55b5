import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { root } from './compose-file.ts';

/** A file for each wall, with an import that climbs over it, and the rule that is to stop it. */
const climbers = [
  ['domain/a.ts', `import { readFileSync } from 'node:fs'; export const a = readFileSync;`, 'domain-imports'],
  ['domain/b.ts', `import type { A } from '../db/a.ts'; export type B = A;`, 'domain-imports-types'],
  [
    'db/a.ts',
    `import { rule } from '../domain/rule.ts'; export type A = 1; export const a = rule;`,
    'db-imports',
  ],
  [
    'workflows/a.ts',
    `import { act } from '../activities/act.ts'; export const a = act;`,
    'workflows-imports',
  ],
  ['workflows/b.ts', `import os from 'node:os'; export const a = os;`, 'workflows-imports'],
  ['workflows/c.ts', `import type { A } from '../db/a.ts'; export type B = A;`, 'workflows-imports-types'],
  [
    'activities/a.ts',
    `import { flow } from '../workflows/flow.ts'; export const a = flow;`,
    'activities-imports',
  ],
  ['client/a.ts', `import { start } from '../stack/start.ts'; export const a = start;`, 'client-imports'],
  ['client/b.ts', `import { flow } from '../workflows/flow.ts'; export const a = flow;`, 'client-imports'],
  ['worker/a.ts', `import { flow } from '../workflows/flow.ts'; export const a = flow;`, 'worker-imports'],
  ['stack/a.ts', `import { act } from '../activities/act.ts'; export const a = act;`, 'stack-imports'],
  ['sandbox/a.ts', `import { act } from '../activities/act.ts'; export const a = act;`, 'sandbox-imports'],
  ['deploy/a.ts', `import { run } from '../worker/run.ts'; export const a = run;`, 'nobody-imports-the-ends'],
  [
    'bin/a.ts',
    `import { wait } from '../test/wait.ts'; export const a = wait;`,
    'production-knows-no-bench-or-test',
  ],
  ['domain/x.ts', `import { y } from './y.ts'; export const x = y;`, 'no-cycles'],
  [
    'domain/retirement/a.ts',
    `import { cut } from '../timeslices/cut.ts'; export const a = cut;`,
    'domains-meet-in-contracts',
  ],
] as const;

const lawful = {
  'domain/rule.ts': `export const rule = 1;`,
  'domain/y.ts': `import { x } from './x.ts'; export const y = x;`,
  'domain/timeslices/cut.ts': `export const cut = 1;`,
  'workflows/flow.ts': `import type { Act } from '../activities/act.ts'; export const flow = (act: Act) => act;`,
  'activities/act.ts': `export type Act = 1; export const act = 1;`,
  'stack/start.ts': `export const start = 1;`,
  'worker/run.ts': `export const run = 1;`,
  'test/wait.ts': `export const wait = 1;`,
} as const;

test('every wall stops an import that climbs over it, and lets lawful ones through', () => {
  const folder = temporaryFolder();
  const files = [...climbers.map(([file, text]) => [file, text] as const), ...Object.entries(lawful)];
  for (const [file, text] of files) {
    mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
  copyFileSync(path.join(root, 'tsconfig.json'), path.join(folder, 'tsconfig.json'));
  const { stdout } = spawnSync(
    path.join(root, 'node_modules', '.bin', 'depcruise'),
    [
      ...['--config', path.join(root, '.dependency-cruiser.cjs'), '--output-type', 'json'],
      ...new Set(files.map(([file]) => file.split('/')[0] ?? '')),
    ],
    { cwd: folder, encoding: 'utf8' },
  );
  const { violations } = (JSON.parse(stdout) as Report).summary;
  const stopped = violations.map(({ from, rule }) => `${from}: ${rule.name}`);
  for (const [file, , rule] of climbers) expect(stopped).toContain(`${file}: ${rule}`);
  const climbing = new Set<string>(climbers.map(([file]) => file));
  expect(violations.map(({ from }) => from).filter((file) => !climbing.has(file))).toEqual([]);
});

interface Report {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}
