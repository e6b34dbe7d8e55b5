import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mapping, setPartnerStage, type PartnerStage } from '../../support/partner-report.ts';
import { createReportDeaths, type ReportDeath, type ReportDeathKind } from '../../support/report-deaths.ts';
import type { SandboxLearner } from '../../support/retirement.ts';

const ANY_REPORT_ROUTE = '/api/user/v1/accounts/retirement_partner_report';

const organisations = [['AcmeX'], ['AcmeX', 'CumulusX'], ['BorealisX'], ['BorealisX', 'AcmeX']] as const;

let stage: PartnerStage;
let learners: readonly SandboxLearner[];
let undisturbed: readonly string[];
let running: WorkflowHandle | undefined;
const deaths = createReportDeaths({
  dropNext: (drop) => stage.fault({ method: 'POST', path: ANY_REPORT_ROUTE, drop, times: 1 }),
  abandon: async () => void (await running?.terminate('abandoned')),
});

beforeAll(async () => {
  stage = await setPartnerStage(deaths);
  await stage.startWorker();
  learners = await stage.retire(
    organisations.map((orgs, index) => ({ username: `reported-${index}`, orgs })),
  );
  await reportWith([]);
  undisturbed = deaths.steps().map(({ name }) => name);
});
afterAll(() => stage.close());

/** Every learner waits in the LMS's queue; reports run, one after the other, until one is not abandoned. */
async function reportWith(planned: readonly ReportDeath[]): Promise<readonly string[]> {
  await stage.reset();
  await stage.queueAgain(learners);
  deaths.plan(planned);
  for (;;) {
    running = await stage.startReport();
    const ended = await running.result().then(
      () => true,
      () => false,
    );
    if (ended) break;
  }
  const where = planned
    .map(({ at, kind }) => `${kind} step ${at}, ${deaths.steps()[at]?.name ?? 'not reached'}`)
    .join(', then ');
  await expectReportedOnce(where);
  expect(deaths.left(), `${where}: every death happened`).toEqual([]);
  return deaths.steps().map(({ name }) => name);
}

/** The model: each learner is once in one file of each partner of theirs, and nobody holds a row any more. */
async function expectReportedOnce(where: string): Promise<void> {
  const expected = learners.flatMap(({ username }, index) => {
    const partners = (organisations[index] ?? []).flatMap((organisation) => mapping[organisation]);
    return [...new Set(partners)].map((partner) => `${partner}: ${username}`);
  });
  const delivered = Object.entries(stage.files()).flatMap(([name, lines]) => {
    const [, partner] = /^user_retirement_edge_([^_]+)_/.exec(name) ?? [];
    return lines.map((line) => `${partner}: ${line.split(',')[1]}`);
  });
  expect(delivered.toSorted(), where).toEqual(expected.toSorted());
  expect(await stage.held(), where).toEqual({});
  expect(await stage.keptRows(), where).toBe(0);
  const { rows } = await stage.database.query<{ learners: number; open: number }>(
    `select sum(learners)::bigint as learners, count(*) filter (where finished_at is null) as open
     from partner_report_batches`,
  );
  expect(rows, where).toEqual([{ learners: learners.length, open: 0 }]);
}

/** Positions of the steps of an undisturbed report. */
const positions = (only: (name: string) => boolean = () => true): readonly number[] =>
  undisturbed.flatMap((name, position) => (only(name) ? [position] : []));

describe('a partner report that dies and is tried again', { timeout: 300_000 }, () => {
  it('has steps enough to die at', () => {
    expect(undisturbed.filter((name) => ['take', 'cleanUp'].includes(name))).toEqual(['take', 'cleanUp']);
    expect(undisturbed.length).toBeGreaterThan(15);
  });

  it('loses and doubles nobody, for a death just before any step', async () => {
    for (const at of positions()) await reportWith([{ at, kind: 'before' }]);
  });

  it.each<ReportDeathKind>(['after', 'abandon'])(
    'loses and doubles nobody, for a death of the kind %s at any step that changes something',
    async (kind) => {
      // After a step that only reads it is the same as before the next one.
      for (const at of positions((name) => !name.startsWith('query select')))
        await reportWith([{ at, kind }]);
    },
  );

  it.each<ReportDeathKind>(['drop-before', 'drop-after'])(
    'loses and doubles nobody, for any answer of the LMS that is lost: %s',
    async (kind) => {
      for (const at of positions((name) => ['take', 'cleanUp'].includes(name)))
        await reportWith([{ at, kind }]);
    },
  );

  it('loses and doubles nobody when it dies again at any step of making up for a lost answer', async () => {
    const taken = undisturbed.indexOf('take');
    const lost = { at: taken, kind: 'drop-after' } as const;
    const steps = await reportWith([lost]);
    const asked = steps.indexOf('listProcessed');
    expect(asked).toBeGreaterThan(taken);
    for (let at = asked - 2; at <= asked + 3; at += 1) {
      await reportWith([lost, { at, kind: at % 2 === 0 ? 'after' : 'abandon' }]);
    }
    for (const kind of ['before', 'after', 'abandon'] as const) await reportWith([lost, { at: asked, kind }]);
    for (const kind of ['drop-before', 'drop-after'] as const) await reportWith([lost, { at: asked, kind }]);
  });
});
