import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CANARY } from '../../workflows/retirement/contract.ts';
import { waitFor } from '../support/wait.ts';
import { addCourseInSession, startBothJobs, type BothJobs } from '../worker/both-jobs.ts';
import { readSamples, valueOf, type Sample } from '../worker/scrape.ts';
import { readRootFile } from './compose-file.ts';
import { readDashboard, readExpression, readRules, type Selector } from './monitoring-files.ts';

/** What Prometheus adds to every sample that it scrapes. */
const ADDED = ['instance', 'job'];

let jobs: BothJobs;
let samples: readonly Sample[];
beforeAll(async () => {
  jobs = await startBothJobs();
  const { courses, worker } = jobs;
  await worker.ready();
  await retire();
  await failToCollect();
  await updateWithoutSlot(await addCourseInSession(courses, 'A student'));
  const text = await waitFor(
    async () => {
      const scraped = await worker.ask('/metrics');
      return valueOf(scraped.text, 'registrar_learners', { state: 'COMPLETE' }) === 1 && scraped.text;
    },
    { what: 'the database to be asked again' },
  );
  samples = readSamples(text);
}, 300_000);
afterAll(() => jobs.close());

/** One learner gets through, the forum refuses the other. */
async function retire(): Promise<void> {
  const [one, refused] = await jobs.retirement.ask([{ username: 'one' }, { username: 'refused' }]);
  if (!one || !refused) throw new Error('the sandbox created too few');
  await jobs.retirement.fault({ path: '/api/discussion', username: refused.username, status: 403 });
  await jobs.retirement.collect();
  await jobs.retirement.workflow(one.user_id).result();
  await jobs.retirement.reaches(refused.user_id, 'ERRORED');
}

async function failToCollect(): Promise<void> {
  await jobs.retirement.askMany(2);
  jobs.retirement.configure({
    ...jobs.settings,
    registrar: { user_count_error_threshold: 1 },
  });
  await expect(jobs.retirement.collect()).rejects.toThrow();
  jobs.retirement.configure(jobs.settings);
}

/** All slots of the wiki are taken until an attempt has found that out. */
async function updateWithoutSlot(courseId: number): Promise<void> {
  const { courses, worker } = jobs;
  await courses.database.connection(async (connection) => {
    const keys = `select hashtextextended('registrar: wiki ' || $1::bigint || ' slot ' || slot, 0) as key from generate_series(1, 3) slot`;
    const wiki = [courses.wikis[0].wikiId];
    await connection.query(`select pg_advisory_lock(key) from (${keys}) keys`, wiki);
    const updated = courses.update(courseId);
    await waitFor(
      async () => valueOf((await worker.ask('/metrics')).text, 'registrar_wiki_slot_waits_total'),
      { what: 'an attempt to find no slot' },
    );
    await connection.query(`select pg_advisory_unlock(key) from (${keys}) keys`, wiki);
    await updated;
  });
}

function samplesOf({ metric }: Selector): readonly Sample[] {
  return samples.filter(({ name }) => name === metric);
}

/** What an expression names that no scrape has. */
function missingFrom(expr: string): readonly string[] {
  const { selectors, grouping } = readExpression(expr);
  const unknown = selectors
    .filter((selector) => samplesOf(selector).length === 0)
    .map(({ metric }) => metric);
  const labels = new Set(
    selectors.flatMap((selector) => samplesOf(selector)).flatMap((sample) => Object.keys(sample.labels)),
  );
  const ungroupable = grouping.filter((label) => !labels.has(label) && !ADDED.includes(label));
  return [...unknown, ...ungroupable, ...selectors.flatMap(unmatched)];
}

/** Conditions that no sample of the metric meets. The canary's failure cannot be had here; its name can. */
function unmatched(selector: Selector): readonly string[] {
  const found = samplesOf(selector);
  return selector.matchers
    .filter(({ value }) => value !== CANARY)
    .filter(({ label, operator, value }) => {
      const test = operator.endsWith('~') ? new RegExp(`^(?:${value})$`) : undefined;
      return !found.some(({ labels }) => (test ? test.test(labels[label] ?? '') : labels[label] === value));
    })
    .map(({ label, value }) => `${selector.metric}{${label}="${value}"}`);
}

describe('deploy/prometheus/rules.yml', () => {
  it('names metrics, labels and values that a worker has', () => {
    expect(readRules().map(({ alert, expr }) => [alert, missingFrom(expr)])).toEqual(
      readRules().map(({ alert }) => [alert, []]),
    );
  });

  it('has every alert once, each explained in docs/monitoring.md', () => {
    const names = readRules().map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    const explained = [...readRootFile('docs/monitoring.md').matchAll(/^### (Registrar\w+)$/gm)].map(
      ([, name]) => name,
    );
    expect(explained.toSorted()).toEqual(names.toSorted());
  });

  it('watches the canary by the name of its workflow', () => {
    expect(readRules().some(({ expr }) => expr.includes(`workflow_type="${CANARY}"`))).toBe(true);
  });
});

describe('deploy/grafana/registrar.json', () => {
  it('names metrics and labels that a worker has', () => {
    const asked = readDashboard().panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ title, expr })),
    );
    expect(asked.length).toBeGreaterThan(20);
    expect(
      asked.map(({ title, expr }) => [title, missingFrom(expr)]).filter(([, missing]) => missing?.length),
    ).toEqual([]);
  });

  it('has panels with ids of their own, and asks the data source that its viewer chose', () => {
    const { panels, templating } = readDashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(templating.list).toMatchObject([{ name: 'datasource', type: 'datasource' }]);
    const sources = panels.flatMap(({ targets }) => targets.map(({ datasource }) => datasource.uid));
    expect(new Set(sources)).toEqual(new Set(['${datasource}']));
  });
});

describe('the check itself', () => {
  it.each([
    ['max(registrar_learner)', ['registrar_learner']],
    ['max by (stat) (registrar_learners)', ['stat']],
    ['registrar_learners{state="ERORRED"}', ['registrar_learners{state="ERORRED"}']],
    [
      'rate(registrar_stage_attempts_total{outcome=~"fail|retry"}[5m])',
      ['registrar_stage_attempts_total{outcome="fail|retry"}'],
    ],
  ])('finds what is wrong with %s', (expr, missing) => {
    expect(missingFrom(expr)).toEqual(missing);
  });
});
