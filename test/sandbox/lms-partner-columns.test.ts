import { afterAll, beforeAll, expect, it } from 'vitest';
import { accounts, json, startFixture, type Fixture, type LmsClient } from './lms-client.ts';

let fixture: Fixture;
let client: LmsClient;
beforeAll(async () => {
  fixture = await startFixture();
  client = fixture.client;
});
afterAll(() => fixture.end());

async function queue(username: string): Promise<void> {
  await client.learner(username, { orgs: ['AcmeX'] });
  await client.move(username, 'ADDING_TO_PARTNER_QUEUE');
  await client.call('PUT', `${accounts}retirement_partner_report/`, { username });
}

it('tells in the partner report which organisations want columns of their own, and of nobody else', async () => {
  await queue('columns.own');
  await queue('columns.default');
  const orgs_config = [{ org: 'coaching', field_headings: ['student_id', 'original_email'] }];
  await client.control('POST', 'partner-columns', {
    username: 'columns.own',
    orgs_config,
    student_id: 'S-17',
  });
  const [own, other] = json(await client.call('POST', `${accounts}retirement_partner_report/`)) as unknown[];
  expect(own).toMatchObject({
    original_username: 'columns.own',
    orgs: ['AcmeX'],
    orgs_config,
    student_id: 'S-17',
  });
  expect(other).toMatchObject({ original_username: 'columns.default' });
  expect(Object.keys(other ?? {})).not.toContain('orgs_config');
  expect(Object.keys(other ?? {})).not.toContain('student_id');
});

it('refuses columns for nobody, and what is none', async () => {
  const give = (body: unknown) => client.control('POST', 'partner-columns', body);
  expect(await give({ username: 'columns.nobody', orgs_config: [] })).toMatchObject({ status: 404 });
  const wrong = await give({ username: 'columns.nobody', orgs_config: [{ org: 'x' }] });
  expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('field_headings')]);
});
