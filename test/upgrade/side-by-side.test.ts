import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESUME, retirementWorkflowId } from '../../workflows/retirement/contract.ts';
import { waitFor } from '../support/wait.ts';
import type { ServedWorker } from '../worker/served-worker.ts';
import { listFailedTasks } from './failed-tasks.ts';
import { listReleases, type Part, type RecordedLearner } from './release-manifest.ts';
import { restoreRelease, type OldWorker, type RestoredRelease } from './restored-release.ts';

const PATIENCE_MS = 300_000;
/** More than today's workers write down at once. */
const FLOOD = 60;
const build = { TEMPORAL_DEPLOYMENT_NAME: 'registrar', TEMPORAL_WORKER_BUILD_ID: 'today' } as const;

// docs/upgrading.md, "Without a pause": workers of the release go on while the new ones come up beside them.
describe.each(listReleases())('workers of %s and of today side by side', (version) => {
  let release: RestoredRelease;
  let old: OldWorker;
  let today: ServedWorker;
  beforeAll(async () => {
    release = await restoreRelease(version);
    old = await release.startOldWorker();
  }, PATIENCE_MS);
  afterAll(() => release.close(), PATIENCE_MS);

  const workflowOf = (part: Part): WorkflowHandle => {
    const learner = release.manifest.learners.find((one) => one.part === part);
    if (learner === undefined) throw new Error(`nobody is ${part}`);
    return release.client.workflow.getHandle(retirementWorkflowId(learner.userId));
  };
  const succeeds = async (...argv: readonly string[]): Promise<unknown> => {
    const ran = await release.registrar([...argv, '--json'], build);
    expect(ran, ran.stderr).toMatchObject({ status: 0 });
    return ran.json();
  };
  /** Somebody who asks now, and for whom no collection has to be waited; the release's schedule may find them first all the same. */
  const begin = async (username: string): Promise<WorkflowHandle> => {
    const email = `${username}@example.com`;
    const asked = { username, email, name: `Name of ${username}`, requested_at: '2026-01-05T10:00:00Z' };
    const [made] = (await release.lms('POST', '/_sandbox/learners', [asked])) as readonly {
      readonly user_id: number;
    }[];
    const started = await release.registrar(['retirement', 'start', username, '--json'], build);
    if (!started.stderr.includes('runs already'))
      expect(started, started.stderr).toMatchObject({ status: 0 });
    return release.client.workflow.getHandle(retirementWorkflowId(made?.user_id ?? 0));
  };
  /** Builds whose workers made the workflow's steps since the servers came back; undefined: the release's own. */
  const buildsOf = async (workflow: WorkflowHandle): Promise<readonly (string | undefined)[]> => {
    const { events } = await workflow.fetchHistory();
    const steps = (events ?? []).flatMap((event) => event.workflowTaskCompletedEventAttributes ?? []);
    return steps.map(({ deploymentVersion }) => deploymentVersion?.buildId ?? undefined);
  };

  it(
    'the old ones go on while `setup` migrates, and after it',
    async () => {
      // In the middle of a stage while the tables change under it.
      const username = 'asked-before-setup';
      const fault = { path: '/api/edxnotes/', username, delay_ms: 8_000, times: 1 };
      await release.lms('POST', '/_sandbox/faults', fault);
      const slow = await begin(username);
      await waitFor(
        async () => {
          const { rowCount } = await release.database.query(
            `select from user_retirement_status
             where original_username = $1 and current_state = 'RETIRING_NOTES'`,
            [username],
          );
          return rowCount;
        },
        { what: 'the slow stage to be under way', timeoutMs: PATIENCE_MS },
      );
      await succeeds('setup');
      expect(await slow.result()).toMatchObject({ outcome: 'COMPLETE' });

      await workflowOf('errored').signal(RESUME, 'ENROLLMENTS_COMPLETE');
      expect(await workflowOf('errored').result()).toMatchObject({ outcome: 'COMPLETE' });
      expect(await (await begin('asked-after-setup')).result()).toMatchObject({ outcome: 'COMPLETE' });
      await succeeds('course', 'update', 'history-2026', '--wait');
      await succeeds('course', 'verify', 'history-2026');
      const errors = old
        .said()
        .split('\n')
        .filter((line) => line.includes('"level":50'));
      // On a busy machine a worker may look at its database or at Temporal for too long.
      expect(errors.filter((line) => !/does not (?:answer|poll)/.test(line))).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'the old ones meet a flood of messages',
    async () => {
      const flooded = workflowOf('cooling-for-years');
      const { userId } = release.manifest.learners.find(({ part }) => part === 'cooling-for-years') ?? {};
      await Promise.all(Array.from({ length: FLOOD }, () => flooded.signal(RESUME, 'ENROLLMENTS_COMPLETE')));
      await waitFor(
        async () => {
          const { rows } = await release.database.query<{ lines: number }>(
            `select regexp_count(responses, 'refused: resume') as lines
             from user_retirement_status where user_id = $1`,
            [userId],
          );
          return rows[0]?.lines === FLOOD;
        },
        { what: 'a line for every message', timeoutMs: PATIENCE_MS },
      );
    },
    PATIENCE_MS,
  );

  it(
    'the new ones get nothing before they are promoted',
    async () => {
      today = await release.startWorker(build);
      const before = await begin('asked-before-promotion');
      await before.result();
      expect(new Set(await buildsOf(before))).toEqual(new Set([undefined]));
      expect(await succeeds('deployment', 'show')).toMatchObject({ current: null });
    },
    PATIENCE_MS,
  );

  it(
    'a promotion gives the new ones what begins, and what waits',
    async () => {
      await succeeds('deployment', 'promote');
      const after = await begin('asked-after-promotion');
      expect(await after.result()).toMatchObject({ outcome: 'COMPLETE' });
      expect(new Set(await buildsOf(after))).toEqual(new Set(['today']));

      const waiting = release.manifest.learners.find(
        (learner): learner is RecordedLearner => learner.part === 'cooling-for-years',
      );
      await succeeds('retirement', 'cancel', waiting?.email ?? '');
      expect((await buildsOf(workflowOf('cooling-for-years'))).at(-1)).toBe('today');
    },
    PATIENCE_MS,
  );

  it(
    'the old ones can end then, and nobody notices',
    async () => {
      await old.stop();
      expect(await (await begin('asked-without-old-workers')).result()).toMatchObject({
        outcome: 'COMPLETE',
      });
      expect(today.isRunning()).toBe(true);
      expect(await listFailedTasks(release.client)).toEqual([]);
    },
    PATIENCE_MS,
  );
});
