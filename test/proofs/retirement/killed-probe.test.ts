import { rmSync } from 'node:fs';
import { activityInfo } from '@temporalio/activity';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Database } from '../../../db/database.ts';
import { archive, makeArchiveFolder } from '../../support/archive.ts';
import { setRetirementStage, type RetirementStage } from '../../support/retirement.ts';
import { begin, parked } from '../../support/retirement-learner.ts';
import {
  newsletterAt,
  pipelineWithNewsletter,
  startSubscriberService,
  type SubscriberService,
} from '../../support/subscriber-service.ts';
import { waitFor } from '../../support/wait.ts';

const SECOND = 1 / 86_400;
const folder = makeArchiveFolder();

let service: SubscriberService;
let stage: RetirementStage;
/** How the later look fares: it dies once behind its transaction, and is held until it may go on. */
let look: 'alive' | 'held' | 'free' = 'alive';

/** A worker that dies when the receipt of the later look is written, before anything else is done about it. */
function dyingOnce(database: Database): Database {
  const isLook = (): boolean => activityInfo().activityType === 'probeAgain';
  return {
    ...database,
    query: (statement, values) =>
      look === 'held' && isLook()
        ? Promise.reject(new Error('the worker is away'))
        : database.query(statement, values),
    transaction: async (work) => {
      const result = await database.transaction(work);
      if (look !== 'alive' || !isLook()) return result;
      look = 'held';
      throw new Error('the worker died');
    },
  };
}

beforeAll(async () => {
  service = await startSubscriberService();
  stage = await setRetirementStage({}, { wrapDatabase: dyingOnce });
  stage.configure({
    pipeline: pipelineWithNewsletter,
    registrar: {
      retry_budget: '20s',
      probe_after_days: 6 * SECOND,
      archive: { destination: folder.path, after_days: 1 },
      services: newsletterAt(service.url),
    },
  });
  await stage.startWorker();
});
afterAll(async () => {
  await stage.close();
  await service.close();
  rmSync(folder.path, { recursive: true, force: true });
});

it(
  'a learner who came back is opened again, although the worker died and the archive ran in between',
  { timeout: 120_000 },
  async () => {
    const learner = await begin(stage, 'came back');
    await stage.workflow(learner.user_id).result();
    service.bringBack(learner.user_id);
    await waitFor(() => Promise.resolve(look === 'held'), { what: 'the death' });
    expect((await stage.row(learner.user_id)).currentState).toBe('ERRORED');
    expect(await stage.lms(learner.username)).toMatchObject({ current_state: 'COMPLETE' });
    expect(await archive(stage)).toMatchObject({ learners: 0 });
    look = 'free';
    await parked(stage, learner);
    await stage.workflow(learner.user_id).executeUpdate('resume', { args: ['RETIRING_COURSE_STATS'] });
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    const { rows } = await stage.database.query('select kind from erasure_receipts order by sequence');
    expect(rows.slice(0, 3)).toEqual([{ kind: 'erasure' }, { kind: 'probe' }, { kind: 'erasure' }]);
  },
);
