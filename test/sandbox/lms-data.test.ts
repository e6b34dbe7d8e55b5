import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LmsClient, startFixture, type Fixture } from './lms-client.ts';

let fixture: Fixture;
let client: LmsClient;
beforeAll(async () => {
  fixture = await startFixture();
  client = fixture.client;
});
afterAll(() => fixture.end());

const notes = '/api/edxnotes/v1/retire_user/';

async function inNotes(username: string): Promise<string> {
  await client.learner(username);
  await client.move(username, 'RETIRING_NOTES');
  return username;
}

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
