import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accounts,
  json,
  startFixture,
  type Fixture,
  type HeldLearner,
  type LmsClient,
} from './lms-client.ts';

let fixture: Fixture;
let client: LmsClient;
beforeAll(async () => {
  fixture = await startFixture();
  client = fixture.client;
});
afterAll(() => fixture.end());

const isText = (text: string): boolean => typeof JSON.parse(text) === 'string';
const isMessage = (text: string): boolean => /^\{"message":".+"\}$/.test(text);
const isHtml = (text: string): boolean => text.startsWith('<!doctype html>');
const isEmpty = (text: string): boolean => text === '';

type Expected = readonly [status: number, body: (text: string) => boolean];

interface Case {
  readonly method: string;
  readonly path: string;
  readonly success: Expected;
  readonly withoutUsername: Expected;
  readonly withoutRow: Expected;
  readonly inWrongState: Expected;
  readonly erased: (held: HeldLearner) => boolean;
}

const unenrolCase = (path: string): Case => ({
  method: 'POST',
  path,
  success: [200, (text) => text === '["AcmeX","BorealisX"]'],
  withoutUsername: [404, isText],
  withoutRow: [404, isText],
  inWrongState: [500, isHtml],
  erased: (held) => held.enrolments.every((enrolment) => !enrolment.is_active),
});

const forumCase = (path: string): Case => ({
  method: 'POST',
  path,
  success: [204, isEmpty],
  withoutUsername: [500, isText],
  withoutRow: [404, isEmpty],
  inWrongState: [500, isText],
  erased: (held) => held.forum?.username === held.retired_username,
});

const cases: readonly Case[] = [
  {
    method: 'POST',
    path: `${accounts}retire_misc/`,
    success: [204, isEmpty],
    withoutUsername: [404, isMessage],
    withoutRow: [404, isEmpty],
    inWrongState: [400, isText],
    erased: (held) => held.misc.revision_ip === null,
  },
  {
    method: 'POST',
    path: `${accounts}retire/`,
    success: [204, isEmpty],
    withoutUsername: [404, isMessage],
    withoutRow: [404, isEmpty],
    inWrongState: [400, isText],
    erased: (held) => held.username === held.retired_username && !held.is_active && held.name === '',
  },
  {
    method: 'PUT',
    path: `${accounts}retirement_partner_report/`,
    success: [204, isEmpty],
    withoutUsername: [404, isMessage],
    withoutRow: [404, isEmpty],
    inWrongState: [500, isHtml],
    erased: (held) => held.partner_report?.is_being_processed === false,
  },
  forumCase('/api/discussion/v1/accounts/retire_forum/'),
  forumCase('/api/discussion/v1/accounts/retire_forum'),
  unenrolCase('/api/enrollment/v1/unenroll/'),
  unenrolCase('/api/enrollment/v2/enrollment/unenroll/'),
  {
    method: 'POST',
    path: '/api/edxnotes/v1/retire_user/',
    success: [204, isEmpty],
    withoutUsername: [500, isText],
    withoutRow: [404, isEmpty],
    inWrongState: [405, isText],
    erased: (held) => held.notes === 0,
  },
];

describe.each(cases)('$method $path', (row) => {
  const { method, path } = row;
  const name = `act.${method}${path}`;
  const call = (body: unknown) => client.call(method, path, body);
  const effect = `${method} ${path.endsWith('/') ? path : `${path}/`}`;

  it('erases in a working state only, once, and counts what it did', async () => {
    await client.learner(name, { orgs: ['BorealisX', 'AcmeX'] });
    for (const state of ['PENDING', 'ENROLLMENTS_COMPLETE', 'ERRORED', 'COMPLETE']) {
      await client.move(name, state, { force: true });
      const refused = await call({ username: name });
      const [status, body] = row.inWrongState;
      expect([state, refused.status, body(refused.text), refused.text]).toEqual([
        state,
        status,
        true,
        refused.text,
      ]);
      expect(row.erased(await client.held(name))).toBe(false);
    }
    await client.move(name, 'RETIRING_NOTES', { force: true });
    const done = await call({ username: name });
    expect([done.status, row.success[1](done.text), done.text]).toEqual([row.success[0], true, done.text]);
    expect(row.erased(await client.held(name))).toBe(true);
    const again = await call({ username: name });
    expect([again.status, again.text]).toEqual([204, '']);
    expect((await client.effects(name))[effect]).toEqual({ called: 6, effective: 1 });
  });

  it('says in its own way that nobody was named', async () => {
    for (const body of [undefined, {}, { username: '' }]) {
      const answer = await call(body);
      const [status, isRight] = row.withoutUsername;
      expect([answer.status, isRight(answer.text), answer.text]).toEqual([status, true, answer.text]);
    }
  });

  it('says in its own way that there is no row of exactly this name', async () => {
    await client.learner(`${name}.exact`);
    await client.move(`${name}.exact`, 'RETIRING_NOTES');
    for (const username of ['act.nobody', `${name}.EXACT`]) {
      const answer = await call({ username });
      const [status, isRight] = row.withoutRow;
      expect([answer.status, isRight(answer.text), answer.text]).toEqual([status, true, answer.text]);
    }
  });
});

describe('special answers', () => {
  it('of unenroll: 204 for somebody who is in no course', async () => {
    await client.learner('special.unenrolled', { orgs: [] });
    await client.move('special.unenrolled', 'RETIRING_ENROLLMENTS');
    const answer = await client.call('POST', '/api/enrollment/v1/unenroll/', {
      username: 'special.unenrolled',
    });
    expect([answer.status, answer.text]).toEqual([204, '']);
  });

  it('of the forum: 404 with an empty body for somebody whom it does not know', async () => {
    await client.learner('special.silent', { forum: false });
    await client.move('special.silent', 'RETIRING_FORUMS');
    const path = '/api/discussion/v1/accounts/retire_forum/';
    const answer = await client.call('POST', path, { username: 'special.silent' });
    expect([answer.status, answer.text]).toEqual([404, '']);
    expect((await client.effects('special.silent'))[`POST ${path}`]).toEqual({ called: 1, effective: 0 });
  });

  it('of the partner queue: nothing is queued for somebody without an organisation', async () => {
    await client.learner('special.alone', { orgs: ['', 'outdated_entry'] });
    await client.move('special.alone', 'ADDING_TO_PARTNER_QUEUE');
    const path = `${accounts}retirement_partner_report/`;
    expect((await client.call('PUT', path, { username: 'special.alone' })).status).toBe(204);
    expect((await client.held('special.alone')).partner_report).toBeNull();
  });

  it('of proctoring: by user id, in any state, with an empty JSON body', async () => {
    const { user_id: id } = await client.learner('special.proctored');
    const path = `/api/edx_proctoring/v1/retire_user/${id}/`;
    for (const status of [204, 204]) expect((await client.call('POST', path)).status).toBe(status);
    expect((await client.held('special.proctored')).proctoring[0]?.student_name).toBeNull();
    expect(await client.effects('special.proctored')).toEqual({
      [`POST ${path}`]: { called: 2, effective: 1 },
    });
    expect((await client.call('POST', '/api/edx_proctoring/v1/retire_user/999999999/')).status).toBe(204);
    expect((await client.call('POST', '/api/edx_proctoring/v1/retire_user/name/')).status).toBe(404);
  });

  it('of proctoring backends: one entry a backend, none for somebody without attempts', async () => {
    const { user_id: id } = await client.learner('special.backend');
    const answer = await client.call('POST', `/api/edx_proctoring/v1/retire_backend_user/${id}/`);
    expect([answer.status, json(answer)]).toEqual([200, { software_secure: true }]);
    const unknown = await client.call('POST', '/api/edx_proctoring/v1/retire_backend_user/999999999/');
    expect([unknown.status, json(unknown)]).toEqual([200, {}]);
  });

  it('of deactivate_logout: it acts on the caller, asks for a form and takes no password', async () => {
    await client.learner('special.logout');
    const path = `${accounts}deactivate_logout/`;
    expect((await client.call('POST', path, { username: 'special.logout' })).status).toBe(400);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await client.call('POST', path, 'password=guess', form)).status).toBe(403);
    expect((await client.held('special.logout')).current_state).toBe('PENDING');
  });

  it('of endpoints that belong to other workers: 403', async () => {
    for (const path of [
      `${accounts}somebody/deactivate/`,
      `${accounts}replace_usernames/`,
      '/api/discussion/v1/accounts/replace_username/',
    ]) {
      expect((await client.call('POST', path, {})).status).toBe(403);
    }
  });

  it('of bulk retirement: who could be retired, and who not', async () => {
    await client.learner('bulk.b', { requested_at: null });
    await client.learner('bulk.a', { requested_at: null });
    await client.learner('bulk.asked');
    const usernames = 'bulk.b, bulk.a,bulk.asked,bulk.nobody';
    const answer = await client.call('POST', '/v1/accounts/bulk_retire_users', { usernames });
    expect([answer.status, json(answer)]).toEqual([
      200,
      {
        successful_user_retirements: ['bulk.a', 'bulk.b'],
        failed_user_retirements: ['bulk.asked', 'bulk.nobody'],
      },
    ]);
    const held = await client.held('bulk.a');
    expect([held.current_state, held.usable_password]).toEqual(['PENDING', false]);
    expect(held.email).toMatch(/^retired__user_[0-9a-f]{40}@retired\.invalid$/);
  });
});
