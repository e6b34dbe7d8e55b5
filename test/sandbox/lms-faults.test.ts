import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait.ts';
import { accounts, json, LmsClient, startFixture, type Fixture } from './lms-client.ts';

let fixture: Fixture;
let client: LmsClient;
beforeAll(async () => {
  fixture = await startFixture();
  client = fixture.client;
});
beforeEach(async () => {
  await client.control('DELETE', 'faults');
});
afterAll(() => fixture.end());

const notes = '/api/edxnotes/v1/retire_user/';

async function inNotes(username: string): Promise<string> {
  await client.learner(username);
  await client.move(username, 'RETIRING_NOTES');
  return username;
}

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
