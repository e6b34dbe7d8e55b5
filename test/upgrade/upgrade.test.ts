import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listPendingMigrations } from '../../db/pending-migrations.ts';
import { COLLECT_SCHEDULE_ID, RESUME, retirementWorkflowId } from '../../workflows/retirement/contract.ts';
import { waitFor } from '../support/wait.ts';
import { listFailedTasks } from './failed-tasks.ts';
import { listReleases, type Part, type RecordedLearner } from './release-manifest.ts';
import { restoreRelease, type RestoredRelease } from './restored-release.ts';

const PATIENCE_MS = 300_000;
const versioned = { TEMPORAL_DEPLOYMENT_NAME: 'registrar', TEMPORAL_WORKER_BUILD_ID: 'today' } as const;

// docs/upgrading.md, step by step, from the state that each release left behind.
describe.each(listReleases())('an upgrade from %s', (version) => {
  let release: RestoredRelease;
  beforeAll(async () => {
    release = await restoreRelease(version);
  }, PATIENCE_MS);
  afterAll(() => release.close(), PATIENCE_MS);

  const learners = (part: Part): readonly RecordedLearner[] =>
    release.manifest.learners.filter((learner) => learner.part === part);
  const learner = (part: Part): RecordedLearner => {
    const [one] = learners(part);
    if (one === undefined) throw new Error(`nobody is ${part}`);
    return one;
  };
  const stateOf = async (userId: number): Promise<string | undefined> => {
    const { rows } = await release.database.query<{ state: string }>(
      'select current_state as state from user_retirement_status where user_id = $1::bigint',
      [userId],
    );
    return rows[0]?.state;
  };
  const reaches = async ({ userId, part }: RecordedLearner, state: string): Promise<void> => {
    await waitFor(async () => (await stateOf(userId)) === state, {
      what: `who is ${part} to be ${state}`,
      timeoutMs: PATIENCE_MS,
    });
  };
  const succeeds = async (...argv: readonly string[]): Promise<unknown> => {
    const ran = await release.registrar([...argv, '--json'], versioned);
    expect(ran, ran.stderr).toMatchObject({ status: 0 });
    return ran.json();
  };

  it('finds everybody where the release left them', async () => {
    const states = await Promise.all(
      release.manifest.learners.map(async ({ part, userId }) => [part, await stateOf(userId)]),
    );
    expect(states).toEqual([
      ['archived', 'COMPLETE'],
      ['archived', 'COMPLETE'],
      ['complete', 'COMPLETE'],
      ['errored', 'ERRORED'],
      ['cancelled', 'ABORTED'],
      ['cooling-for-years', 'PENDING'],
      ['retrying', 'RETIRING_NOTES'],
      ['cooling', 'PENDING'],
      ['uncollected', undefined],
    ]);
  });

  it(
    'follows the procedure: setup, workers, promote, doctor',
    async () => {
      await succeeds('setup');
      expect(await listPendingMigrations(release.database)).toEqual([]);
      await release.startWorker(versioned);
      expect(await succeeds('deployment', 'promote')).toMatchObject({ before: null, current: 'today' });
      const doctor = await release.registrar(['doctor']);
      expect(doctor.stdout.split('\n').filter((line) => line.startsWith('FAILED'))).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'finishes whose cooling-off ended while everything was down',
    () => reaches(learner('cooling'), 'COMPLETE'),
    PATIENCE_MS,
  );

  it(
    'finishes whose stage waited for its next attempt',
    () => reaches(learner('retrying'), 'COMPLETE'),
    PATIENCE_MS,
  );

  it(
    'resumes who failed, by a plain signal',
    async () => {
      const errored = learner('errored');
      await release.client.workflow
        .getHandle(retirementWorkflowId(errored.userId))
        .signal(RESUME, 'ENROLLMENTS_COMPLETE');
      await reaches(errored, 'COMPLETE');
    },
    PATIENCE_MS,
  );

  it(
    'cancels who still cools off',
    async () => {
      const cooling = learner('cooling-for-years');
      await succeeds('retirement', 'cancel', cooling.email);
      await reaches(cooling, 'ABORTED');
    },
    PATIENCE_MS,
  );

  it(
    'finds who asked last, by the schedule',
    async () => {
      await release.client.schedule.getHandle(COLLECT_SCHEDULE_ID).trigger();
      await reaches(learner('uncollected'), 'COMPLETE');
    },
    PATIENCE_MS,
  );

  it(
    'looks once more at the erasure that was done before',
    async () => {
      const { userId } = learner('complete');
      const kinds = await waitFor(
        async () => {
          const { rows } = await release.database.query<{ kind: string }>(
            'select kind from erasure_receipts where user_id = $1::bigint order by sequence',
            [userId],
          );
          return rows.length > 1 ? rows.map(({ kind }) => kind) : false;
        },
        { what: 'the receipt of the later look', timeoutMs: PATIENCE_MS },
      );
      expect(kinds).toEqual(['erasure', 'probe']);
    },
    PATIENCE_MS,
  );

  it(
    'delivers the report that could not be delivered',
    async () => {
      expect(await succeeds('retirement', 'report')).toMatchObject({
        learners: expect.any(Number) as number,
      });
      const { rows } = await release.database.query('select from partner_report_rows');
      expect(rows).toHaveLength(0);
    },
    PATIENCE_MS,
  );

  it(
    'cleans up whom the archive had written down',
    async () => {
      const archive = (await succeeds('retirement', 'archive')) as { readonly forgotten: number };
      expect(archive.forgotten).toBeGreaterThanOrEqual(learners('archived').length);
      for (const { userId, email } of learners('archived')) {
        expect(await stateOf(userId)).toBeUndefined();
        await succeeds('retirement', 'verify', email);
      }
    },
    PATIENCE_MS,
  );

  it(
    'brings every course to numbers that equal a rebuild',
    async () => {
      for (const { slug, part, shown, excluded = '' } of release.manifest.courses) {
        await succeeds('course', 'update', slug, '--wait');
        await succeeds('course', 'verify', slug);
        if (part !== 'marked') continue;
        const without = await succeeds('course', 'show', slug);
        expect(without).not.toMatchObject(shown ?? {});
        await succeeds('course', 'include', slug, excluded);
        await succeeds('course', 'update', slug, '--wait');
        expect(await succeeds('course', 'show', slug)).toMatchObject(shown ?? {});
        await succeeds('course', 'verify', slug);
      }
    },
    PATIENCE_MS,
  );

  it('keeps every receipt', async () => {
    await succeeds('retirement', 'verify', '--all');
  });

  it(
    'never meets a workflow that does something else than before',
    async () => {
      expect(await listFailedTasks(release.client)).toEqual([]);
    },
    PATIENCE_MS,
  );
});
