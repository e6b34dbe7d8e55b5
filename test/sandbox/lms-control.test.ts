import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sandboxConfigurationYaml, sandboxPipeline } from '../../sandbox/lms/pipeline.ts';
import { retirementStates } from '../../sandbox/lms/states.ts';
import { waitFor } from '../support/wait.ts';
import {
  accounts,
  credentials,
  driverRequests,
  json,
  LmsClient,
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
beforeEach(async () => {
  await client.control('DELETE', 'faults');
  await client.control('DELETE', 'requests');
});
afterAll(() => fixture.end());

const notes = '/api/edxnotes/v1/retire_user/';

async function inNotes(username: string): Promise<string> {
  await client.learner(username);
  await client.move(username, 'RETIRING_NOTES');
  return username;
}

describe('learners', () => {
  it('can be invented by number: all distinct, with something to erase everywhere, never the same again', async () => {
    const made = [...(await client.learners({ count: 300 })), ...(await client.learners({ count: 300 }))];
    for (const key of ['id', 'retirement_id', 'username', 'email', 'name'] as const) {
      expect(new Set(made.map((learner) => learner[key])).size).toBe(600);
    }
    const [learner] = made;
    if (learner === undefined) throw new Error('no learner');
    expect(learner.id).toBe(learner.user_id);
    await retireAsTheDriver(client, learner);
    const effects = Object.values(await client.effects(learner.username));
    expect(effects.every((effect) => effect.called === effect.effective)).toBe(true);
  });

  it('can be named, with organisations and the time of the request, and are answered in the order given', async () => {
    const made = await client.learners([
      {
        username: 'named.b',
        email: 'b@example.com',
        name: 'B',
        orgs: ['X', 'Y'],
        requested_at: '2020-01-02T03:04:05+02:00',
      },
      { username: 'named.a', email: 'a@example.com', name: '' },
    ]);
    expect(made.map((learner) => learner.username)).toEqual(['named.b', 'named.a']);
    expect(json(await client.status('named.b'))).toMatchObject({ created: '2020-01-02T01:04:05.000000Z' });
    expect((await client.held('named.b')).enrolments.map((enrolment) => enrolment.org)).toEqual(['X', 'Y']);
  });

  it.each([
    ['no body', undefined],
    ['no count', {}],
    ['a count of nothing', { count: 0 }],
    ['an empty list', []],
    ['an unknown key', [{ username: 'x', email: 'x@example.com', name: 'X', role: 'y' }]],
    ['a bad time', [{ username: 'x', email: 'x@example.com', name: 'X', requested_at: 'yesterday' }]],
    ['a missing e-mail', [{ username: 'x', name: 'X' }]],
    [
      'one name twice',
      [
        { username: 'x', email: 'x@y', name: 'X' },
        { username: 'x', email: 'x@y', name: 'X' },
      ],
    ],
  ])('are refused in one line for %s', async (_case, body) => {
    const answer = await client.control('POST', 'learners', body);
    expect([answer.status, json(answer)]).toEqual([
      400,
      { error: expect.stringMatching(/^[^\n]+$/) as string },
    ]);
    expect((await client.control('GET', 'learners?username=x')).status).toBe(404);
  });

  it('keep their names: a second retirement of the same name is a conflict', async () => {
    const learner = await client.learner('named.once');
    await retireAsTheDriver(client, learner);
    const again = await client.control('POST', 'learners', [
      { username: 'named.once', email: 'n@example.com', name: '' },
    ]);
    expect(again.status).toBe(409);
    await client.call('POST', `${accounts}retirement_cleanup/`, { usernames: ['named.once'] });
    await expect(client.learner('named.once')).rejects.toThrow('named.once');
  });
});

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

describe('the request log', () => {
  it('counts requests by method and path as sent, lists them in order, and knows nothing of control requests', async () => {
    await client.status('log me');
    await client.status('log me');
    await client.call('POST', `${notes}?a=1`, {});
    await client.control('GET', 'effects?username=x');
    const path = `${accounts}log%20me/retirement_status/`;
    expect(json(await client.control('GET', 'requests'))).toEqual({
      [`GET ${path}`]: 2,
      [`POST ${notes}`]: 1,
    });
    const log = json(await client.control('GET', 'requests?log=1'));
    expect(log).toMatchObject([
      { request: `GET ${path}`, query: '' },
      { request: `GET ${path}` },
      { request: `POST ${notes}`, query: 'a=1' },
    ]);
    await client.control('DELETE', 'requests');
    expect(json(await client.control('GET', 'requests'))).toEqual({});
  });
});

describe('a fault', () => {
  it('answers its status with an empty body, a text or an object, for so many times, and nothing is done', async () => {
    const username = await inNotes('fault.status');
    await client.fault({ path: notes, status: 503, times: 1, retry_after: 7 });
    await client.fault({ path: notes, status: 500, times: 1, body: '<h1>Oops</h1>' });
    await client.fault({ path: notes, status: 400, times: 1, body: { detail: ['no'] } });
    const [first, second, third, fourth] = [
      await client.call('POST', notes, { username }),
      await client.call('POST', notes, { username }),
      await client.call('POST', notes, { username }),
      await client.call('POST', notes, { username }),
    ];
    expect([first.status, first.text, first.headers['retry-after']]).toEqual([503, '', '7']);
    expect([second.status, second.text]).toEqual([500, '<h1>Oops</h1>']);
    expect(second.headers['content-type']).toContain('text/html');
    expect([third.status, json(third)]).toEqual([400, { detail: ['no'] }]);
    expect(fourth.status).toBe(204);
    expect((await client.effects(username))[`POST ${notes}`]).toEqual({ called: 4, effective: 1 });
  });

  it('lasts until the faults are deleted when no number of times is given', async () => {
    const username = await inNotes('fault.lasting');
    await client.fault({ status: 500 });
    for (let call = 0; call < 3; call += 1)
      expect((await client.call('POST', notes, { username })).status).toBe(500);
    expect((await client.token()).status).toBe(500);
    await client.control('DELETE', 'faults');
    expect((await client.call('POST', notes, { username })).status).toBe(204);
  });

  it('can be aimed at a method and a path', async () => {
    const username = await inNotes('fault.aimed');
    await client.fault({ method: 'patch', path: accounts, status: 502 });
    expect((await client.status(username)).status).toBe(200);
    expect((await client.call('POST', notes, { username })).status).toBe(204);
    expect((await client.move(username, 'NOTES_COMPLETE')).status).toBe(502);
    expect((await client.held(username)).current_state).toBe('RETIRING_NOTES');
  });

  it('can stand in for a route that the LMS does not have', async () => {
    await client.fault({ path: '/user/retire/', status: 200, body: { retired: true } });
    const answer = await client.call('POST', '/user/retire/', { username: 'anybody' });
    expect([answer.status, json(answer)]).toEqual([200, { retired: true }]);
  });

  it('can be aimed at a learner, by name or id, in a body or a path', async () => {
    const [target, other] = [await client.learner('fault.tärget /x'), await client.learner('fault.tärget')];
    await client.fault({ username: target.username, status: 418 });
    const both = async (send: (learner: typeof target) => Promise<{ status: number }>) => [
      (await send(target)).status,
      (await send(other)).status,
    ];
    expect(await both((learner) => client.status(learner.username))).toEqual([418, 200]);
    expect(await both((learner) => client.move(learner.username, 'RETIRING_PROCTORING'))).toEqual([418, 204]);
    const proctoring = '/api/edx_proctoring/v1/retire_user/';
    expect(await both((learner) => client.call('POST', `${proctoring}${learner.user_id}/`))).toEqual([
      418, 204,
    ]);
    const cancel = `${accounts}cancel_retirement/`;
    expect(
      await both((learner) => client.call('POST', cancel, { retirement_id: learner.retirement_id })),
    ).toEqual([418, 400]);
    const cleanUp = `${accounts}retirement_partner_report_cleanup/`;
    expect(
      await both((learner) => client.call('POST', cleanUp, [{ original_username: learner.username }])),
    ).toEqual([418, 400]);
    expect(await client.effects(target.username)).toMatchObject({
      [`POST ${proctoring}${target.user_id}/`]: { called: 1, effective: 0 },
    });
  });

  it('may be set before its learner is made', async () => {
    await client.fault({ username: 'fault.early', path: '/api/edx_proctoring/', status: 500 });
    expect((await client.call('POST', '/api/edx_proctoring/v1/retire_user/999999/')).status).toBe(204);
    const { user_id: id } = await client.learner('fault.early');
    expect((await client.call('POST', `/api/edx_proctoring/v1/retire_user/${id}/`)).status).toBe(500);
  });

  it('can close the connection before the work is done', async () => {
    const username = await inNotes('fault.before');
    await client.fault({ path: notes, drop: 'before', times: 1 });
    await expect(client.call('POST', notes, { username })).rejects.toThrow();
    expect((await client.held(username)).notes).toBe(1);
    expect((await client.call('POST', notes, { username })).status).toBe(204);
  });

  it('can close the connection after the work was done, without an answer', async () => {
    const username = await inNotes('fault.after');
    await client.fault({ path: notes, drop: 'after', times: 1, delay_ms: 5 });
    await expect(client.call('POST', notes, { username })).rejects.toThrow();
    expect((await client.held(username)).notes).toBe(0);
    expect((await client.call('POST', notes, { username })).status).toBe(204);
    expect((await client.effects(username))[`POST ${notes}`]).toEqual({ called: 2, effective: 1 });
  });

  it('can only delay, and then the answer is the ordinary one', async () => {
    const username = await inNotes('fault.slow');
    await client.fault({ path: notes, delay_ms: 300, times: 1 });
    const order: string[] = [];
    const slow = client.call('POST', notes, { username }).then((answer) => {
      order.push('slow');
      return answer;
    });
    // Another learner's request, sent once the delayed one has arrived, overtakes it.
    await waitFor(async () => client.control('GET', 'requests').then((log) => log.text.includes(notes)), {
      what: 'the delayed request to arrive',
    });
    await client.status(username).then(() => order.push('quick'));
    expect((await slow).status).toBe(204);
    expect(order).toEqual(['quick', 'slow']);
  });

  it('that delays adds to one that fails', async () => {
    const username = await inNotes('fault.both');
    await client.fault({ path: notes, delay_ms: 5 });
    await client.fault({ path: notes, status: 504, times: 1 });
    expect((await client.call('POST', notes, { username })).status).toBe(504);
    expect((await client.call('POST', notes, { username })).status).toBe(204);
  });

  it('does not stop the sandbox from closing while a request is held up', async () => {
    const other = new LmsClient(await fixture.start());
    await other.fault({ delay_ms: 3_000_000 });
    const held = other.token().then(
      () => 'answered',
      () => 'closed',
    );
    await waitFor(async () => (await other.control('GET', 'requests')).text.includes('oauth2'), {
      what: 'the request',
    });
    await fixture.close(other);
    expect(await held).toBe('closed');
  });

  it.each([
    [{}, 'a fault needs status, body, delay_ms or drop'],
    [{ status: 99 }, 'status'],
    [{ status: 500, times: 0 }, 'times'],
    [{ status: 500, learner: 'x' }, 'learner'],
    [{ status: 500, path: 'api' }, 'path'],
    [{ drop: 'sometimes' }, 'drop'],
    [{ delay_ms: 5, retry_after: 3 }, 'retry_after'],
    [[], 'expected object'],
  ])('is refused in one line for %j', async (fault, reason) => {
    const answer = await client.control('POST', 'faults', fault);
    expect([answer.status, json(answer)]).toEqual([
      400,
      { error: expect.stringContaining(reason) as string },
    ]);
    expect((await client.status('nobody')).status).toBe(404);
  });
});

describe('the data', () => {
  it('survive a restart, on the same port', async () => {
    const learner = await inNotes('restart.learner');
    await client.call('POST', notes, { username: learner });
    await fixture.restart();
    expect(await client.held(learner)).toMatchObject({ current_state: 'RETIRING_NOTES', notes: 0 });
    expect((await client.effects(learner))[`POST ${notes}`]).toEqual({ called: 1, effective: 1 });
    const [next] = await client.learners({ count: 1 });
    expect((await client.status(next?.username ?? '')).status).toBe(200);
  });

  it('of an older sandbox are made anew, and those of a newer one or of somebody else are left alone', async () => {
    const database = new pg.Pool({ connectionString: fixture.databaseUrl });
    try {
      const schema = 'sandbox_other';
      const first = new LmsClient(await fixture.start({ schema }));
      await first.learner('other.learner');
      await fixture.close(first);
      await database.query('update sandbox_other.sandbox_version set version = 0');
      const second = new LmsClient(await fixture.start({ schema }));
      expect((await second.control('GET', 'learners?username=other.learner')).status).toBe(404);
      await second.learner('other.learner');
      await fixture.close(second);
      await database.query('update sandbox_other.sandbox_version set version = 1000');
      await expect(fixture.start({ schema })).rejects.toThrow('newer sandbox');
      await database.query('create schema mine');
      await database.query('create table mine.things (id integer)');
      await expect(fixture.start({ schema: 'mine' })).rejects.toThrow('no sandbox made');
      await expect(fixture.start({ schema: 'a; drop table x' })).rejects.toThrow('schema name');
    } finally {
      await database.end();
    }
  });

  it('can be looked at by people', async () => {
    await client.learner('<b>bold</b>');
    const page = await client.call('GET', '/');
    expect(page.status).toBe(200);
    expect(page.text).toContain('PENDING');
    expect(page.text).toContain('&#60;b&#62;bold');
  });
});

describe('the sandbox configuration', () => {
  const base = { lmsUrl: 'http://127.0.0.1:1', clientId: credentials.clientId, clientSecret: 'yes' };

  it('has the keys of the original driver, and nothing of ours unless it is given', () => {
    expect(parse(sandboxConfigurationYaml(base))).toEqual({
      client_id: credentials.clientId,
      client_secret: 'yes',
      base_urls: { lms: 'http://127.0.0.1:1' },
      retirement_pipeline: sandboxPipeline,
    });
    expect(sandboxConfigurationYaml(base)).toContain('client_secret: "yes"');
  });

  it('names the reference counter and the system tags when there is a wiki', () => {
    const yaml = sandboxConfigurationYaml({
      ...base,
      wikiUrl: 'http://wiki',
      coolOffDays: 0.01,
      registrar: { retry_budget: 5 },
    });
    expect(parse(yaml)).toMatchObject({
      registrar: {
        cool_off_days: 0.01,
        reference_counter_url: 'http://wiki',
        system_oauth_ids: [252],
        retry_budget: 5,
      },
    });
  });

  it('has its states in the order of the LMS, whose table begins and ends as it must', () => {
    const names = retirementStates.map((state) => state.name);
    const sample = ['EMAIL_LISTS_COMPLETE', 'ENROLLMENTS_COMPLETE', 'LMS_MISC_COMPLETE', 'LMS_COMPLETE'];
    for (const order of [sandboxPipeline.flatMap(([start, end]) => [start, end]), sample]) {
      const positions = order.map((name) => names.indexOf(name));
      expect(positions).not.toContain(-1);
      expect(positions).toEqual(positions.toSorted((left, right) => left - right));
    }
    expect(names[0]).toBe('PENDING');
    expect(names.slice(-3)).toEqual(['ERRORED', 'ABORTED', 'COMPLETE']);
    expect(names.every((name) => name.length <= 30)).toBe(true);
    expect(new Set(names).size).toBe(names.length);
  });
});
