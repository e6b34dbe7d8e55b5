import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accounts, json, startFixture, type Fixture, type LmsClient } from './lms-client.ts';

let fixture: Fixture;
let client: LmsClient;
beforeAll(async () => {
  fixture = await startFixture();
  client = fixture.client;
});
afterAll(() => fixture.end());

const update = `${accounts}update_retirement_status/`;

interface StatusObject {
  readonly id: number;
  readonly original_username: string;
  readonly current_state: { readonly state_name: string };
}

describe('retirement_status', () => {
  it('answers the whole status object, by original and by current username', async () => {
    const learner = await client.learner('status.one', { requested_at: '2024-02-03T04:05:06.789Z' });
    const answer = await client.status('status.one');
    expect(answer.status).toBe(200);
    const pending = { id: 1, state_name: 'PENDING', state_execution_order: 1 };
    const held = await client.held('status.one');
    expect(json(answer)).toEqual({
      id: learner.retirement_id,
      user: {
        id: learner.user_id,
        username: 'status.one',
        email: held.email,
        profile: { id: expect.any(Number) as number, name: 'Name of status.one' },
      },
      current_state: pending,
      last_state: pending,
      original_username: 'status.one',
      original_email: 'status.one@example.com',
      original_name: 'Name of status.one',
      retired_username: held.retired_username,
      retired_email: held.email,
      created: '2024-02-03T04:05:06.789000Z',
      modified: '2024-02-03T04:05:06.789000Z',
    });
    await client.move('status.one', 'RETIRING_LMS');
    expect((await client.call('POST', `${accounts}retire/`, { username: 'status.one' })).status).toBe(204);
    const [byOriginal, byCurrent] = [
      await client.status('status.one'),
      await client.status(held.retired_username),
    ];
    expect(byOriginal.status).toBe(200);
    expect(json(byCurrent)).toEqual(json(byOriginal));
  });

  it('answers 404 with an empty body for somebody unknown and for somebody without a retirement', async () => {
    await client.learner('status.idle', { requested_at: null });
    for (const username of ['status.nobody', 'status.idle']) {
      const answer = await client.status(username);
      expect([answer.status, answer.text]).toEqual([404, '']);
    }
  });

  it('tells two learners apart whose names differ only by case, before and after they were renamed', async () => {
    const [lower, upper] = [await client.learner('status.case'), await client.learner('Status.Case')];
    const ids = async () => [
      (json(await client.status('status.case')) as StatusObject).id,
      (json(await client.status('Status.Case')) as StatusObject).id,
    ];
    expect(await ids()).toEqual([lower.retirement_id, upper.retirement_id]);
    for (const { username } of [lower, upper]) {
      await client.move(username, 'RETIRING_LMS');
      expect((await client.call('POST', `${accounts}retire/`, { username })).status).toBe(204);
      expect(await ids()).toEqual([lower.retirement_id, upper.retirement_id]);
    }
    const [a, b] = [await client.held('status.case'), await client.held('Status.Case')];
    expect(a.username).toBe(b.username);
  });

  it('finds a single learner whatever the case, and gives up on three', async () => {
    const learner = await client.learner('Status.Single');
    expect(json(await client.status('status.single'))).toMatchObject({ id: learner.retirement_id });
    for (const username of ['status.three', 'Status.three', 'STATUS.three']) await client.learner(username);
    expect((await client.status('status.three')).status).toBe(500);
  });

  it.each([
    'with space',
    'per%cent',
    'per%2Fcent',
    'slash/inside',
    'plus+and&amp=?#',
    'çağla-Ünal',
    '学习者',
    "o'neil;drop",
    'retirement_queue',
    'x'.repeat(150),
  ])('works for the username %s', async (username) => {
    const learner = await client.learner(username);
    expect(json(await client.status(username))).toMatchObject({
      id: learner.retirement_id,
      original_username: username,
    });
    expect((await client.move(username, 'RETIRING_ENROLLMENTS')).status).toBe(204);
    expect((await client.held(username)).current_state).toBe('RETIRING_ENROLLMENTS');
    expect(await client.effects(username)).toEqual({ [`PATCH ${update}`]: { called: 1, effective: 1 } });
  });
});

describe('update_retirement_status', () => {
  it('moves forward, also past states in between, and logs both states and the response', async () => {
    await client.learner('move.forward');
    expect((await client.move('move.forward', 'LOCKING_ACCOUNT', { response: 'first' })).status).toBe(204);
    expect((await client.move('move.forward', 'COMPLETE', { response: 'all\ndone' })).status).toBe(204);
    const held = await client.held('move.forward');
    expect([held.current_state, held.last_state]).toEqual(['COMPLETE', 'LOCKING_ACCOUNT']);
    const [created = '', ...log] = held.responses.split('\n Moved');
    expect(created).toContain('PENDING (step 1)');
    expect(log).toEqual([
      ' from PENDING (step 1) to LOCKING_ACCOUNT (step 11):\nfirst\n',
      expect.stringMatching(
        /^ from LOCKING_ACCOUNT \(step 11\) to COMPLETE \(step \d+1\):\nall\ndone\n$/,
      ) as string,
    ]);
  });

  it('refuses the same state, an earlier one and an unknown one', async () => {
    await client.learner('move.back');
    await client.move('move.back', 'RETIRING_FORUMS');
    for (const state of ['RETIRING_FORUMS', 'PENDING', 'RETIRING_ENROLLMENTS', 'RETIRING_NOTHING']) {
      const answer = await client.move('move.back', state);
      expect([state, answer.status, typeof json(answer)]).toEqual([state, 400, 'string']);
    }
    expect((await client.held('move.back')).current_state).toBe('RETIRING_FORUMS');
    expect(await client.effects('move.back')).toEqual({
      [`PATCH ${update}`]: { called: 3 + 1, effective: 1 },
    });
  });

  it('lets a dead end go to a later dead end only', async () => {
    await client.learner('move.dead');
    await client.move('move.dead', 'ERRORED');
    expect((await client.move('move.dead', 'LMS_COMPLETE')).status).toBe(400);
    expect((await client.move('move.dead', 'ABORTED')).status).toBe(204);
    expect((await client.move('move.dead', 'COMPLETE')).status).toBe(204);
    expect((await client.move('move.dead', 'ERRORED')).status).toBe(400);
  });

  it('goes anywhere with force, and answers 500 when there is no such place', async () => {
    await client.learner('move.force');
    await client.move('move.force', 'ERRORED');
    expect((await client.move('move.force', 'ENROLLMENTS_COMPLETE', { force: true })).status).toBe(204);
    expect((await client.move('move.force', 'ENROLLMENTS_COMPLETE', { force: true })).status).toBe(204);
    expect((await client.move('move.force', 'PENDING', { force: true })).status).toBe(204);
    expect((await client.move('move.force', 'PENDING', { force: false })).status).toBe(400);
    expect((await client.move('move.force', 'RETIRING_NOTHING', { force: true })).status).toBe(500);
    expect((await client.held('move.force')).last_state).toBe('ENROLLMENTS_COMPLETE');
  });

  it('refuses a body with a key missing or a key too many', async () => {
    await client.learner('move.keys');
    const body = { username: 'move.keys', new_state: 'RETIRING_FORUMS', response: '' };
    for (const wrong of [
      { username: 'move.keys', new_state: 'RETIRING_FORUMS' },
      { username: 'move.keys', response: '' },
      { ...body, reason: 'because' },
    ]) {
      expect((await client.call('PATCH', update, wrong)).status).toBe(400);
    }
    expect((await client.call('PATCH', update, body)).status).toBe(204);
  });

  it('answers 404 with a message without a username, and with nothing for a name that is not exactly a row', async () => {
    await client.learner('move.exact');
    for (const username of [undefined, '']) {
      const answer = await client.call('PATCH', update, {
        username,
        new_state: 'RETIRING_FORUMS',
        response: '',
      });
      expect([answer.status, json(answer)]).toEqual([404, { message: expect.any(String) as string }]);
    }
    expect((await client.call('PATCH', update)).status).toBe(404);
    for (const username of ['Move.Exact', 'move.nobody']) {
      const answer = await client.move(username, 'RETIRING_FORUMS');
      expect([answer.status, answer.text]).toEqual([404, '']);
    }
  });

  it('takes JSON only', async () => {
    await client.learner('move.type');
    const body = JSON.stringify({ username: 'move.type', new_state: 'RETIRING_FORUMS', response: '' });
    for (const type of ['application/merge-patch+json', 'text/plain', 'application/x-www-form-urlencoded']) {
      expect((await client.call('PATCH', update, body, { 'content-type': type })).status).toBe(415);
    }
    expect((await client.call('PATCH', update, '{"username"')).status).toBe(400);
    expect((await client.held('move.type')).current_state).toBe('PENDING');
  });

  it('lets one of two drivers win that move a learner to the same state at once', async () => {
    await client.learner('move.race');
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => client.move('move.race', 'RETIRING_NOTES')),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([204, 400, 400, 400, 400, 400]);
  });
});

describe('retirement_queue', () => {
  const queue = (query: string) => client.call('GET', `${accounts}retirement_queue/?${query}`);
  const names = async (query: string) => {
    const answer = await queue(query);
    expect(answer.status).toBe(200);
    return (json(answer) as readonly StatusObject[])
      .map((status) => status.original_username)
      .filter((name) => name.startsWith('queue.'));
  };

  it('lists everybody in the asked states whose request is old enough, oldest row first', async () => {
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    await client.learner('queue.new');
    await client.learner('queue.old', { requested_at: daysAgo(10) });
    await client.learner('queue.moved', { requested_at: daysAgo(8) });
    await client.move('queue.moved', 'FORUMS_COMPLETE');
    const both = 'states=PENDING&states=FORUMS_COMPLETE';
    expect(await names(`cool_off_days=0&${both}`)).toEqual(['queue.new', 'queue.old', 'queue.moved']);
    expect(await names(`cool_off_days=7&${both}`)).toEqual(['queue.old', 'queue.moved']);
    expect(await names(`cool_off_days=9&${both}`)).toEqual(['queue.old']);
    expect(await names('cool_off_days=0&states=FORUMS_COMPLETE')).toEqual(['queue.moved']);
    expect(await names('cool_off_days=7&states=ABORTED')).toEqual([]);
    expect(await names(`cool_off_days=7&limit=1&${both}`)).toEqual(['queue.old']);
    expect(json(await queue(`cool_off_days=7&limit=0&${both}`))).toEqual([]);
  });

  it.each([
    'states=PENDING',
    'cool_off_days=&states=PENDING',
    'cool_off_days=soon&states=PENDING',
    'cool_off_days=1.5&states=PENDING',
    'cool_off_days=-1&states=PENDING',
    'cool_off_days=0',
    'cool_off_days=0&states=PENDING&states=RETIRING_NOTHING',
    'cool_off_days=0&states=PENDING&states=PENDING',
    'cool_off_days=0&states=PENDING&limit=ten',
  ])('answers 400 with a text to %s', async (query) => {
    const answer = await queue(query);
    expect([answer.status, typeof json(answer)]).toEqual([400, 'string']);
  });
});

describe('retirements_by_status_and_date', () => {
  const list = (query: string) => client.call('GET', `${accounts}retirements_by_status_and_date/?${query}`);

  it('lists the state between two days, both whole, in UTC', async () => {
    await client.learner('date.before', { requested_at: '2023-05-09T23:59:59Z' });
    await client.learner('date.first', { requested_at: '2023-05-10T00:00:00Z' });
    await client.learner('date.last', { requested_at: '2023-05-11T23:59:59Z' });
    await client.learner('date.after', { requested_at: '2023-05-12T00:00:00Z' });
    await client.learner('date.other', { requested_at: '2023-05-10T12:00:00Z' });
    await client.move('date.other', 'COMPLETE');
    const names = async (query: string) =>
      (json(await list(query)) as readonly StatusObject[]).map((status) => status.original_username);
    const days = 'start_date=2023-05-10&end_date=2023-05-11';
    expect(await names(`${days}&state=PENDING`)).toEqual(['date.first', 'date.last']);
    expect(await names(`${days}&state=COMPLETE`)).toEqual(['date.other']);
    expect(await names('start_date=2023-05-10&end_date=2023-05-10&state=PENDING')).toEqual(['date.first']);
  });

  it.each([
    'end_date=2023-05-11&state=PENDING',
    'start_date=2023-05-10&state=PENDING',
    'start_date=2023-05-10&end_date=2023-05-11',
    'start_date=10.5.2023&end_date=2023-05-11&state=PENDING',
    'start_date=2023-02-30&end_date=2023-05-11&state=PENDING',
    'start_date=2023-05-10&end_date=2999-01-01&state=PENDING',
    'start_date=2023-05-12&end_date=2023-05-11&state=PENDING',
    'start_date=2023-05-10&end_date=2023-05-11&state=RETIRING_NOTHING',
  ])('answers 400 with a text to %s', async (query) => {
    const answer = await list(query);
    expect([answer.status, typeof json(answer)]).toEqual([400, 'string']);
  });
});
