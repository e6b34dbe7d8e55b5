import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxPipeline } from '../../sandbox/lms/pipeline.ts';
import {
  accounts,
  driverRequests,
  json,
  type LmsClient,
  retireAsTheDriver,
  startFixture,
  type Fixture,
} from './lms-client.ts';

let fixture: Fixture;
let client: LmsClient;
beforeAll(async () => {
  fixture = await startFixture();
  client = fixture.client;
});
afterAll(() => fixture.end());

describe('the original driver', () => {
  it('finds every request answered as it expects, and leaves nothing behind', async () => {
    const learner = await client.learner('driver.learner', { orgs: ['AcmeX'] });
    await client.signIn();
    await client.control('DELETE', 'requests');
    const states = ['PENDING', ...sandboxPipeline.map(([, end]) => end)]
      .map((state) => `states=${state}`)
      .join('&');
    const queue = await client.call(
      'GET',
      `${accounts}retirement_queue/?cool_off_days=0&${states}&limit=2000`,
    );
    expect(queue.text).toContain('driver.learner');
    expect((await client.status('driver.learner')).status).toBe(200);
    const statuses = await retireAsTheDriver(client, learner);
    expect(statuses).toEqual(
      driverRequests(learner).map((request) => (request.path.includes('unenroll') ? 200 : 204)),
    );
    expect(statuses).toHaveLength(3 * sandboxPipeline.length + 1);

    const held = await client.held('driver.learner');
    expect(held).toMatchObject({
      username: held.retired_username,
      is_active: false,
      name: '',
      current_state: 'COMPLETE',
      last_state: 'LMS_COMPLETE',
      notes: 0,
    });
    expect(held.responses.match(/Moved from/g)).toHaveLength(15);
    const effects = await client.effects('driver.learner');
    expect(effects[`PATCH ${accounts}update_retirement_status/`]).toEqual({ called: 15, effective: 15 });
    const actions = Object.entries(effects).filter(([action]) => !action.startsWith('PATCH'));
    expect(actions.map(([, effect]) => effect)).toEqual(
      sandboxPipeline.map(() => ({ called: 1, effective: 1 })),
    );
    expect(actions.map(([action]) => action)).toContain(
      `POST /api/edx_proctoring/v1/retire_user/${learner.user_id}/`,
    );

    const counts = json(await client.control('GET', 'requests')) as Readonly<Record<string, number>>;
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(
      1 + 1 + 3 * sandboxPipeline.length + 1,
    );
    expect(counts[`PATCH ${accounts}update_retirement_status/`]).toBe(15);
  });

  it('can go through the pipeline again without a further effect', async () => {
    const learner = await client.learner('driver.rerun');
    await retireAsTheDriver(client, learner);
    await client.move('driver.rerun', 'PENDING', { force: true });
    expect(new Set(await retireAsTheDriver(client, learner))).toEqual(new Set([204]));
    const actions = Object.entries(await client.effects('driver.rerun')).filter(
      ([action]) => !action.startsWith('PATCH'),
    );
    expect(actions.map(([, effect]) => effect)).toEqual(
      sandboxPipeline.map(() => ({ called: 2, effective: 1 })),
    );
  });
});
