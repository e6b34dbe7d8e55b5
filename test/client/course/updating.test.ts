import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UpdateEnded } from '../../../client/course/update.ts';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { waitFor } from '../../support/wait.ts';
import { complaints, type Ran } from '../command-line.ts';
import { courseCommand, imported } from './course-commands.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
});
beforeEach(async () => {
  for (const wiki of stage.wikis) await wiki.clearFaults();
});
afterAll(() => stage.close());

const course = (...argv: readonly string[]): Promise<Ran> => courseCommand(stage, ...argv);

const scheduleOf = (courseId: number) =>
  stage.temporal.client.schedule.getHandle(`course-update-${courseId}`);

async function updated(slug: string, ...more: readonly string[]): Promise<UpdateEnded> {
  const ran = await course('update', slug, '--wait', '--json', ...more);
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  return ran.json() as UpdateEnded;
}

describe('update without a worker', () => {
  it.each([[[]], [['--wait']], [['--full']]])(
    'with %j names the queue, and asks for nothing',
    async (more) => {
      const slug = `nobody-${more.join('')}`;
      const courseId = await imported(stage, { slug });
      const ran = await course('update', slug, ...more);
      expect(ran).toMatchObject({ status: 1, stdout: '' });
      expect(complaints(ran)).toHaveLength(1);
      expect(ran.stderr).toContain('task queue timeslices');
      expect((await scheduleOf(courseId).describe()).info.numActionsTaken).toBe(0);
      const { rows } = await stage.database.query('select needs_update from courses where id = $1', [
        courseId,
      ]);
      expect(rows).toEqual([{ needs_update: false }]);
    },
  );
});

describe('update with a worker', () => {
  beforeAll(() => stage.startWorker());

  it('--wait returns when the numbers are there', async () => {
    const courseId = await imported(stage, { slug: 'numbers', students: ['Alice'] });
    await stage.wikis[0].edit(
      { user: 'Alice', title: 'Oak', timestamp: '2026-03-01T10:00:00Z', sizediff: 120, new: true },
      { user: 'Alice', title: 'Elm', timestamp: '2026-03-02T10:00:00Z', sizediff: 30 },
    );
    const ended = await updated('numbers');
    expect(ended).toMatchObject({ courseId, full: false, waits: false, result: { left: [] } });
    expect(ended.workflowId).toMatch(new RegExp(`^course-update-${courseId}-`));
    expect(ended.url).toContain(encodeURIComponent(ended.workflowId));
    expect((await course('show', 'numbers', '--json')).json()).toMatchObject({
      characterSum: 150,
      revisionCount: 2,
      articleCount: 2,
      slicesMarked: 0,
      lastUpdate: { workflowId: ended.workflowId, status: 'completed', progress: { phase: 'done' } },
    });
    expect(await course('verify', 'numbers')).toMatchObject({ status: 0 });
  });

  it('--wait sees a drop that was made before it, and none of the dropped edits is left', async () => {
    await imported(stage, { slug: 'dropping', students: ['Carol', 'Dan'] });
    await stage.wikis[0].edit(
      { user: 'Carol', title: 'Yew', timestamp: '2026-03-01T10:00:00Z', sizediff: 10 },
      { user: 'Dan', title: 'Yew', timestamp: '2026-03-01T11:00:00Z', sizediff: 5 },
    );
    await updated('dropping');
    expect(await course('drop', 'dropping', 'Dan')).toMatchObject({ status: 0 });
    const { result } = await updated('dropping');
    expect(result.preUpdate.studentsRemoved).toBe(1);
    expect((await course('show', 'dropping', '--json')).json()).toMatchObject({
      characterSum: 10,
      userCount: 1,
    });
  });

  it('waits for an update that begins after the request, not for the one that runs', async () => {
    const courseId = await imported(stage, { slug: 'following', students: ['Erin'] });
    await stage.wikis[0].fault({ path: '/w/api.php', delay_ms: 700, times: 1 });
    await scheduleOf(courseId).trigger(ScheduleOverlapPolicy.BUFFER_ONE);
    const running = await waitFor(
      async () => (await scheduleOf(courseId).describe()).info.runningActions[0],
      { what: 'the first update to run' },
    );
    const ended = await updated('following');
    expect(ended.waits).toBe(true);
    expect(ended.runId).not.toBe(running.workflow.firstExecutionRunId);
    const { recentActions } = (await scheduleOf(courseId).describe()).info;
    expect(recentActions.map(({ action }) => action.workflow.firstExecutionRunId)).toEqual([
      running.workflow.firstExecutionRunId,
      ended.runId,
    ]);
  });

  it('of three who ask at once all are answered, and two updates are enough', async () => {
    const courseId = await imported(stage, { slug: 'crowded', students: ['Frank'] });
    await stage.wikis[0].fault({ path: '/w/api.php', delay_ms: 1500, times: 1 });
    const ended = await Promise.all(['crowded', 'crowded', 'crowded'].map((slug) => updated(slug)));
    // One is enough where all of them asked before it began.
    expect([1, 2]).toContain(new Set(ended.map(({ runId }) => runId)).size);
    const { info } = await waitFor(
      async () => {
        const view = await scheduleOf(courseId).describe();
        return view.info.numActionsTaken > 1 && view.info.runningActions.length === 0 ? view : false;
      },
      { what: 'the second update to end' },
    );
    expect(info.numActionsTaken).toBe(2);
  });

  it('works while the schedule is paused, and keeps the pause', async () => {
    const courseId = await imported(stage, { slug: 'paused', students: [] });
    expect(await course('schedule', 'paused', '--pause')).toMatchObject({ status: 0 });
    await updated('paused');
    expect((await scheduleOf(courseId).describe()).state.paused).toBe(true);
  });

  it('--full fetches again what is there', async () => {
    await imported(stage, { slug: 'fully', students: ['Grace'] });
    await stage.wikis[0].edit({ user: 'Grace', title: 'Ash', timestamp: '2026-03-01T10:00:00Z' });
    await updated('fully');
    expect((await updated('fully')).result.reprocess.slicesFetched).toBe(0);
    const full = await updated('fully', '--full');
    expect(full.full).toBe(true);
    expect(full.result.reprocess.slicesFetched).toBeGreaterThan(0);
    expect((await course('update', 'fully', '--full', '--wait')).stdout).toMatch(
      /^fully updated: 0 new revisions looked at, 2 slices fetched again whole, 2 rebuilt, /,
    );
  });

  it('names a wiki that was left over, in a line and in show, with status 0', async () => {
    const [{ apiUrl }, other] = stage.wikis;
    const wikis = [
      { language: 'en', project: 'wikipedia', api_url: apiUrl },
      { language: 'fr', project: 'wikipedia', api_url: other.apiUrl },
    ];
    await imported(stage, { slug: 'leaving', students: ['Heidi'], wikis });
    await other.fault({ path: '/w/api.php', status: 503 });
    const ran = await course('update', 'leaving', '--wait');
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^fr\.wikipedia was left over: .+$/m);
    expect((await course('show', 'leaving')).stdout).toMatch(/^fr\.wikipedia was left over at .+: .+$/m);
    expect((await course('show', 'leaving', '--json')).json()).toMatchObject({
      wikis: [{ left: null }, { left: { because: expect.any(String) as string } }],
    });
  });

  it('exits 1 with the reason of an update that failed', async () => {
    const courseId = await imported(stage, { slug: 'failing', students: ['Ivan'] });
    // Long enough to be seen, however busy the machine is.
    await stage.wikis[0].fault({ path: '/w/api.php', delay_ms: 6_000, times: 1 });
    const waiting = course('update', 'failing', '--wait');
    const run = await waitFor(async () => (await scheduleOf(courseId).describe()).info.runningActions[0], {
      what: 'the update to run',
    });
    await stage.temporal.client.workflow.getHandle(run.workflow.workflowId).terminate('by the test');
    const ran = await waiting;
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(complaints(ran)).toHaveLength(1);
  });

  it('without --wait answers at once', async () => {
    const courseId = await imported(stage, { slug: 'hasty', students: [] });
    const ran = await course('update', 'hasty', '--json');
    expect(ran.json()).toEqual({ courseId, slug: 'hasty', full: false, waits: false });
    await waitFor(async () => (await scheduleOf(courseId).describe()).info.runningActions.length === 0, {
      what: 'the update to end',
    });
  });
});
