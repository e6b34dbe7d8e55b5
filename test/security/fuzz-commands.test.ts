import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { complaints, environmentOf, registrar, type Ran } from '../client/command-line.ts';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../support/retirement.ts';
import { beginErrored } from '../support/retirement-learner.ts';
import { fuzzing } from './fuzz.ts';
import { hostileText } from './hostile-text.ts';

let stage: RetirementStage;
let folder: string;
let learner: SandboxLearner;
let commands: readonly KnownCommand[];

beforeAll(async () => {
  stage = await setRetirementStage({ registrar: { retry_budget: 0 } });
  await stage.startWorker();
  folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-fuzz-'));
  writeFileSync(path.join(folder, 'course.yml'), 'slug: a\n');
  learner = await beginErrored(stage, 'fuzzed');
  commands = await listCommands();
});
afterAll(async () => {
  await stage.close();
  rmSync(folder, { recursive: true, force: true });
});

interface KnownCommand {
  readonly words: readonly string[];
  readonly options: readonly string[];
}

/** Of the help that the program prints, so that a new command is among them. */
async function listCommands(): Promise<readonly KnownCommand[]> {
  const found: KnownCommand[] = [];
  const visit = async (words: readonly string[]): Promise<void> => {
    const { stdout } = await registrar([...words, '--help']);
    const below = /^Commands:\n((?: {2}.*\n?)+)/m.exec(stdout)?.[1] ?? '';
    const names = [...below.matchAll(/^ {2}([a-z][\w-]*)/gm)].flatMap(([, name = '']) =>
      name === 'help' ? [] : [name],
    );
    const options = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z][\w-]*)/gm)].flatMap(([, name = '']) =>
      name === '--help' ? [] : [name],
    );
    if (names.length === 0) found.push({ words, options });
    for (const name of names) await visit([...words, name]);
  };
  await visit([]);
  return found;
}

const environment = (): Readonly<Record<string, string>> => ({
  ...environmentOf(stage),
  REGISTRAR_HOME: folder,
});

/** `up`, `worker` run for ever; they are not what is asked about here. */
const run = (argv: readonly string[]): Promise<Ran> =>
  registrar(argv, {
    env: environment(),
    processes: { up: () => Promise.resolve(0), worker: () => Promise.resolve() },
  });

const value: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: hostileText },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '-1',
      '0',
      '1e999',
      'NaN',
      'Infinity',
      '9223372036854775807',
      '9223372036854775808',
      '18446744073709551616',
      '1.5',
      '0x10',
      '-',
      '--',
      '--json',
      '-x',
      '2026-02-31',
      '2026-13-01T00:00:00Z',
      '0000-00-00',
      '275760-09-13',
      '+275760-09-13T00:00:00.001Z',
      '2026-01-01T00:00:00+99:99',
      'PENDING',
      'ERRORED',
      'COMPLETE',
      'NO_SUCH_STATE',
      '* * * * *',
      '99 99 99 99 99',
      'https://evil.example',
      'retirement-1',
      'retirement-99999999999999999999',
      'x'.repeat(100_000),
      '[]',
      '{"a": 1}',
      'null',
      'undefined',
      'true',
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('course.yml', '.', '/dev/null', 'nobody/here')
      .map((name) => path.resolve('/nonexistent', name)),
  },
);

/** So many that none of the commands stays out, each with words after it that nobody meant. */
const argumentsFor = (known: KnownCommand): fc.Arbitrary<readonly string[]> =>
  fc
    .tuple(
      fc.array(value, { maxLength: 3 }),
      fc.array(
        fc.tuple(
          known.options.length === 0 ? fc.constant('--nonsense') : fc.constantFrom(...known.options),
          fc.option(value),
        ),
        { maxLength: 3 },
      ),
      fc.boolean(),
    )
    .map(([positional, options, json]) => [
      ...known.words,
      ...positional,
      ...options.flatMap(([name, given]) => (given === null ? [name] : [name, given])),
      ...(json ? ['--json'] : []),
    ]);

/** What a terminal would obey, or take for a new line of somebody else. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

function expectSound(argv: readonly string[], ran: Ran): void {
  const isJson = argv.includes('--json');
  expect([0, 1, 2, 3, 4]).toContain(ran.status);
  const said = complaints(ran);
  if (ran.status !== 0 && ran.stdout === '') expect(said.length).toBeGreaterThan(0);
  for (const line of said) {
    expect(line).not.toMatch(CONTROL);
    expect(line).not.toMatch(/\[object |^\s+at .*:\d+/);
    expect(line.length).toBeLessThan(2_000);
  }
  if (ran.status === 2) expect(ran.stdout).toBe('');
  if (isJson && ran.stdout !== '' && ran.status !== 2) expect(() => ran.json()).not.toThrow();
  if (!isJson) expect(ran.stdout).not.toMatch(CONTROL);
}

async function rows(): Promise<unknown> {
  const { rows: tables } = await stage.database.query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`,
  );
  const contents: unknown[] = [];
  for (const { name } of tables)
    contents.push(
      (
        await stage.database.query(
          `select count(*), md5(string_agg(t::text, '|' order by t::text)) from ${name} t`,
        )
      ).rows,
    );
  return contents;
}

describe('every command, whatever it is given,', { timeout: 600_000 }, () => {
  it('is among those that are tried', () => {
    const names = commands.map(({ words }) => words.join(' '));
    expect(names).toEqual(
      expect.arrayContaining([
        'doctor',
        'retirement resume',
        'retirement bulk-status',
        'course import',
        'receipts check',
      ]),
    );
    expect(names.length).toBeGreaterThan(30);
  });

  it('ends with a status of its own and in clean words, and changes nothing when it was used wrongly', async () => {
    const { numRuns, seed } = fuzzing('commands', 6);
    for (const [index, known] of commands.entries()) {
      await fc.assert(
        fc.asyncProperty(argumentsFor(known), async (argv) => {
          const before = await rows();
          const ran = await run(argv);
          expectSound(argv, ran);
          if (ran.status === 2) expect(await rows()).toEqual(before);
        }),
        { numRuns, seed: seed + index, endOnFailure: true },
      );
    }
    expect(await stage.status(learner.user_id)).toMatchObject({ userId: learner.user_id });
  });
});
