import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accounts, json, startFixture, type Fixture, type LmsClient } from './lms-client.ts';

let fixture: Fixture;
let client: LmsClient;
beforeAll(async () => {
  fixture = await startFixture();
  client = fixture.client;
});
afterAll(() => fixture.end());

describe('the partner report', () => {
  const report = () => client.call('POST', `${accounts}retirement_partner_report/`);
  const cleanUp = (body: unknown) =>
    client.call('POST', `${accounts}retirement_partner_report_cleanup/`, body);
  const isProcessed = async (username: string) =>
    (await client.held(username)).partner_report?.is_being_processed;

  it('gives each row out once, marks it, and deletes it when asked to clean up', async () => {
    for (const [username, orgs] of [
      ['partner.one', ['BorealisX', 'AcmeX', 'AcmeX', '', 'outdated_entry']],
      ['partner.two', ['AcmeX']],
    ] as const) {
      await client.learner(username, { orgs });
      await client.move(username, 'RETIRING_ENROLLMENTS');
      await client.call('POST', '/api/enrollment/v1/unenroll/', { username });
      await client.move(username, 'ADDING_TO_PARTNER_QUEUE');
      await client.call('PUT', `${accounts}retirement_partner_report/`, { username });
    }
    const first = await report();
    expect([first.status, json(first)]).toEqual([
      200,
      [
        {
          user_id: expect.any(Number) as number,
          original_username: 'partner.one',
          original_email: 'partner.one@example.com',
          original_name: 'Name of partner.one',
          orgs: ['AcmeX', 'BorealisX'],
          created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
        },
        expect.objectContaining({ original_username: 'partner.two', orgs: ['AcmeX'] }),
      ],
    ]);
    expect(await isProcessed('partner.one')).toBe(true);
    expect(json(await report())).toEqual([]);

    const [one, two] = [{ original_username: 'partner.one' }, { original_username: 'partner.two' }];
    for (const wrong of [
      [one, { original_username: 'Partner.Two' }],
      [one, one],
      [one, { original_username: 'x' }],
    ]) {
      const refused = await cleanUp(wrong);
      expect(refused.status).toBe(400);
      expect(json(refused)).toContain('Given: partner.one');
      expect(json(refused)).toContain('Found: partner.one');
    }
    expect(await isProcessed('partner.one')).toBe(true);
    expect((await cleanUp([one, two])).status).toBe(204);
    expect((await client.held('partner.one')).partner_report).toBeNull();
    expect((await cleanUp([one])).status).toBe(400);
  });

  it('refuses to clean up rows that nobody processes, an empty list, and what is no list', async () => {
    await client.learner('partner.waiting');
    await client.move('partner.waiting', 'ADDING_TO_PARTNER_QUEUE');
    await client.call('PUT', `${accounts}retirement_partner_report/`, { username: 'partner.waiting' });
    expect((await cleanUp([{ original_username: 'partner.waiting' }])).status).toBe(400);
    expect((await cleanUp([])).status).toBe(400);
    expect((await cleanUp({ original_username: 'partner.waiting' })).status).toBe(500);
    expect((await cleanUp([{ username: 'partner.waiting' }])).status).toBe(500);
    expect(await isProcessed('partner.waiting')).toBe(false);
  });
});

describe('retirement_cleanup', () => {
  const cleanUp = (body: unknown) => client.call('POST', `${accounts}retirement_cleanup/`, body);

  it('deletes the rows of all, if all are COMPLETE, and of nobody otherwise', async () => {
    for (const username of ['clean.one', 'clean.two', 'clean.open']) await client.learner(username);
    for (const username of ['clean.one', 'clean.two']) await client.move(username, 'COMPLETE');
    for (const usernames of [
      ['clean.one', 'clean.open'],
      ['clean.one', 'clean.nobody'],
      ['clean.one', 'clean.one'],
    ]) {
      const answer = await cleanUp({ usernames });
      expect([answer.status, typeof json(answer)]).toEqual([400, 'string']);
      expect((await client.held('clean.one')).current_state).toBe('COMPLETE');
    }
    const usernames = ['clean.one', 'clean.two'];
    expect((await cleanUp({ usernames, redacted_username: 'redacted' })).status).toBe(204);
    expect((await client.status('clean.one')).status).toBe(404);
    const held = await client.held('clean.one');
    expect([held.current_state, held.deletion_requested_once]).toEqual([null, true]);
    expect((await cleanUp({ usernames })).status).toBe(400);
  });

  it('answers 204 to an empty list, 400 to what is no list and 500 to a missing key', async () => {
    expect((await cleanUp({ usernames: [] })).status).toBe(204);
    expect((await cleanUp({ usernames: 'clean.open' })).status).toBe(400);
    expect((await cleanUp({})).status).toBe(500);
  });
});

describe('cancel_retirement', () => {
  const cancel = (body: unknown) => client.call('POST', `${accounts}cancel_retirement/`, body);

  it('gives back the e-mail address and a usable password, and forgets that deletion was asked for', async () => {
    const learner = await client.learner('cancel.ok');
    const before = await client.held('cancel.ok');
    expect(before.usable_password).toBe(false);
    expect(before.email).toMatch(/@retired\.invalid$/);
    const answer = await cancel({ retirement_id: learner.retirement_id });
    expect([answer.status, json(answer)]).toEqual([200, { success: true }]);
    const after = await client.held('cancel.ok');
    expect([after.email, after.usable_password]).toEqual(['cancel.ok@example.com', true]);
    expect([after.current_state, after.deletion_requested_once]).toEqual([null, false]);
    expect((await client.status('cancel.ok')).status).toBe(404);
    expect((await client.effects('cancel.ok'))[`POST ${accounts}cancel_retirement/`]).toEqual({
      called: 1,
      effective: 1,
    });
    const again = await cancel({ retirement_id: learner.retirement_id });
    expect(again.status).toBe(400);
  });

  it('lets the learner ask again later, in a new row', async () => {
    const first = await client.learner('cancel.again');
    await cancel({ retirement_id: first.retirement_id });
    const second = await client.learner('cancel.again');
    expect(second.user_id).toBe(first.user_id);
    expect(second.retirement_id).toBeGreaterThan(first.retirement_id);
    expect((await client.held('cancel.again')).current_state).toBe('PENDING');
  });

  it('refuses with a message an id that is missing, unknown or no longer PENDING', async () => {
    const moved = await client.learner('cancel.moved');
    await client.move('cancel.moved', 'RETIRING_ENROLLMENTS');
    for (const body of [
      undefined,
      {},
      { retirement_id: 'x' },
      { retirement_id: 999_999 },
      { retirement_id: moved.retirement_id },
    ]) {
      const answer = await cancel(body);
      expect([answer.status, json(answer)]).toEqual([400, { message: expect.any(String) as string }]);
    }
    expect((await client.held('cancel.moved')).current_state).toBe('RETIRING_ENROLLMENTS');
  });

  it('and a first stage at the same moment: one of them wins', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { username, retirement_id } = await client.learner(`cancel.race${round}`);
      const [cancelled, moved] = await Promise.all([
        cancel({ retirement_id }),
        client.move(username, 'RETIRING_ENROLLMENTS'),
      ]);
      const state = (await client.held(username)).current_state;
      if (cancelled.status === 200) expect([moved.status, state]).toEqual([404, null]);
      else expect([cancelled.status, moved.status, state]).toEqual([400, 204, 'RETIRING_ENROLLMENTS']);
    }
  });
});
