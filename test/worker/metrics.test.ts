import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SandboxLearner } from '../support/retirement.ts';
import { waitFor } from '../support/wait.ts';
import { addCourseInSession, startBothJobs, type BothJobs } from './both-jobs.ts';
import { readSamples, valueOf } from './scrape.ts';
import { startSpanCollector, type SpanCollector } from './span-collector.ts';

const MARKER = 'Wombatfinch';

let collector: SpanCollector;
let jobs: BothJobs;
let complete: SandboxLearner;
let errored: SandboxLearner;
let scraped: string;
beforeAll(async () => {
  collector = await startSpanCollector();
  jobs = await startBothJobs({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  const { retirement, courses, worker } = jobs;
  await worker.ready();
  const [first, second] = await retirement.ask([
    { username: `${MARKER}-one`, email: `${MARKER}-one@example.org` },
    { username: `${MARKER}-two`, email: `${MARKER}-two@example.org` },
  ]);
  if (!first || !second) throw new Error('the sandbox created too few');
  [complete, errored] = [first, second];
  const forum = { path: '/api/discussion', username: errored.username };
  await retirement.fault({ ...forum, status: 503, body: `${MARKER} is busy`, times: 1 });
  await retirement.fault({ ...forum, status: 403, body: `${MARKER} is refused` });
  await retirement.collect();
  await retirement.workflow(complete.user_id).result();
  await retirement.reaches(errored.user_id, 'ERRORED');
  await courses.update(await addCourseInSession(courses, `${MARKER} student`));
  await courses.addCourse({ startsAt: '2020-01-01T00:00:00Z', endsAt: '2020-02-01T00:00:00Z', students: [] });
  // The answer of the database is kept for fifteen seconds, and the LMS may have been quicker.
  scraped = await waitFor(
    async () => {
      const { text } = await worker.ask('/metrics');
      return valueOf(text, 'registrar_courses') === 2 && text;
    },
    { what: 'the database to be asked again' },
  );
}, 300_000);
afterAll(async () => {
  await jobs.close();
  collector.close();
});

const forum = { service: 'LMS', method: 'retirement_retire_forum' };

describe('/metrics', () => {
  it('has every attempt of a stage by service, method and how it ended, and how long those took that ended well', () => {
    const attempts = (outcome: string): number | undefined =>
      valueOf(scraped, 'registrar_stage_attempts_total', { ...forum, outcome });
    expect([attempts('done'), attempts('retried'), attempts('failed')]).toEqual([1, 1, 1]);
    expect(valueOf(scraped, 'registrar_stage_duration_seconds_count', forum)).toBe(1);
    expect(valueOf(scraped, 'registrar_stage_attempts_total', { method: 'retirement_unenroll' })).toBe(2);
  });

  it('has what the database knows of both jobs', () => {
    expect(valueOf(scraped, 'registrar_learners', { state: 'COMPLETE' })).toBe(1);
    expect(valueOf(scraped, 'registrar_learners', { state: 'ERRORED' })).toBe(1);
    // They asked months ago.
    expect(valueOf(scraped, 'registrar_overdue_retirements')).toBe(1);
    expect(valueOf(scraped, 'registrar_oldest_open_retirement_seconds')).toBeGreaterThan(30 * 86_400);
    expect(valueOf(scraped, 'registrar_receipts')).toBe(1);
    expect(valueOf(scraped, 'registrar_receipt_chain_last_sequence')).toBe(1);
    expect(valueOf(scraped, 'registrar_marked_slices')).toBe(0);
    expect(valueOf(scraped, 'registrar_oldest_course_update_seconds')).toBeGreaterThan(0);
    expect(valueOf(scraped, 'registrar_courses_never_updated')).toBe(0);
  });

  it('has the requests to each wiki by result, and those to the reference counter', async () => {
    const { host } = new URL(jobs.courses.wikis[0].apiUrl);
    const { api, counter } = await jobs.courses.wikis[0].requests();
    expect(valueOf(scraped, 'registrar_wiki_requests_total', { wiki: host, result: 'ok' })).toBe(api);
    expect(valueOf(scraped, 'registrar_wiki_request_duration_seconds_count', { wiki: host })).toBe(api);
    expect(valueOf(scraped, 'registrar_reference_counter_requests_total', { result: 'ok' })).toBe(counter);
    expect([api, counter].every((count) => count > 0)).toBe(true);
  });

  it('has a wiki that fails, and the courses that left it', { timeout: 90_000 }, async () => {
    const { courses, worker } = jobs;
    const [wiki] = courses.wikis;
    const { host } = new URL(wiki.apiUrl);
    await wiki.fault({ path: '/w/api.php', status: 500 });
    await courses.update(await addCourseInSession(courses, `${MARKER} other student`));
    await wiki.clearFaults();
    const { text } = await worker.ask('/metrics');
    const failed = valueOf(text, 'registrar_wiki_requests_total', { wiki: host, result: 'failed' });
    expect(failed).toBeGreaterThan(0);
    await waitFor(
      async () => {
        const later = await worker.ask('/metrics');
        return valueOf(later.text, 'registrar_wiki_left_courses', { wiki: host }) === 1;
      },
      { what: 'the database to be asked again' },
    );
  });

  it('has what waits in the task queues, when the last collection was, and the metrics of Temporal’s own', () => {
    expect(
      valueOf(scraped, 'registrar_task_queue_backlog', { task_queue: 'retirement', kind: 'workflow' }),
    ).toBe(0);
    expect(valueOf(scraped, 'registrar_last_collection_timestamp_seconds')).toBeGreaterThan(
      Date.now() / 1000 - 600,
    );
    expect(valueOf(scraped, 'temporal_workflow_completed_total', { workflow_type: 'retireUser' })).toBe(1);
    expect(
      valueOf(scraped, 'temporal_worker_task_slots_available', {
        task_queue: 'wiki',
        worker_type: 'ActivityWorker',
      }),
    ).toBe(12);
  });

  it('is one answer in which no series is told twice', () => {
    const series = readSamples(scraped).map(({ name, labels }) => name + JSON.stringify(labels));
    expect(new Set(series).size).toBe(series.length);
    const described = scraped.split('\n').filter((line) => line.startsWith('# TYPE '));
    expect(new Set(described).size).toBe(described.length);
  });

  it('names nobody, neither by name nor by number', () => {
    expect(scraped).not.toContain(MARKER);
    const ours = readSamples(scraped).filter(({ name }) => /^(?:registrar|temporal)_/.test(name));
    const labels = ours
      .flatMap((sample) => Object.entries(sample.labels))
      .filter(([label]) => label !== 'le');
    const ids = [complete, errored].flatMap((learner) => [learner.user_id, learner.retirement_id]);
    expect(labels.filter(([, content]) => ids.map(String).includes(content))).toEqual([]);
  });
});

describe('/livez and /readyz', () => {
  it('say in text or JSON that all is well', async () => {
    for (const path of ['/livez', '/readyz']) {
      expect(await jobs.worker.ask(path)).toEqual({ status: 200, text: 'ok\n' });
      const { text } = await jobs.worker.ask(path, 'application/json');
      expect(JSON.parse(text)).toEqual({ status: 'ok', reasons: [] });
    }
  });

  it('are the only other addresses, for reading', async () => {
    expect((await jobs.worker.ask('/')).status).toBe(404);
    expect((await fetch(`${jobs.worker.url}/readyz`, { method: 'POST' })).status).toBe(405);
  });
});

describe('traces', () => {
  it('gather what a run did under the id of the run', async () => {
    const { runId } = await jobs.retirement.workflow(complete.user_id).describe();
    const ofRun = (): readonly string[] =>
      collector
        .spans()
        .filter(({ traceId }) => traceId === runId.replaceAll('-', ''))
        .map(({ name }) => name);
    await waitFor(() => ofRun().includes('RunActivity:completeRetirement'), { what: 'the spans to come' });
    expect(ofRun()).toEqual(
      expect.arrayContaining(['RunActivity:openRetirement', 'RunActivity:LMS.retirement_lms_retire']),
    );
    expect(collector.spans().map(({ name }) => name)).toContain('StartWorkflow:retireUser');
  });

  it('tell of failures without naming anybody', async () => {
    const failed = await waitFor(
      () =>
        collector
          .spans()
          .filter(
            ({ name, status }) => name === 'RunActivity:LMS.retirement_retire_forum' && status?.code === 2,
          )
          .map(({ status }) => status?.message ?? ''),
      { what: 'the failed stage to be told of' },
    );
    expect(failed.join()).toContain('403');
    expect(collector.text()).not.toContain(MARKER);
  });
});
