import { afterAll, beforeAll, expect, test } from 'vitest';
import { createConfigurationSource } from '../../config/watch.ts';
import { openDatabase, type Database } from '../../db/database.ts';
import { createDatabaseGauges } from '../../worker/observability/database-gauges.ts';
import { createMigratedDatabase, type TestDatabase } from '../support/database.ts';
import { valueOf } from './scrape.ts';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  database = openDatabase({ url: testDatabase.url });
  await database.query(
    `insert into user_retirement_status
       (user_id, retirement_id, original_username, original_email, retired_username, retired_email,
        current_state, requested_at, cool_off_until, due_at, modified_at)
     select id, id, 'u' || id, 'e' || id, 'r' || id, 'f' || id, state,
       now() - age, now() - age, now() - age + interval '30 days', now() - interval '2 hours'
     from (values (1, 'PENDING', interval '1 day'), (2, 'RETIRING_FORUMS', interval '28 days'),
                  (3, 'ERRORED', interval '40 days'), (4, 'COMPLETE', interval '90 days')) as given(id, state, age)`,
  );
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** No file there: the settings are the defaults. */
const configuration = createConfigurationSource({ path: '/nonexistent/registrar.yml', env: {} });
const DAY = 86_400;

test('counts learners by state, those whose due date is near or past, and how long the oldest waits', async () => {
  const text = await createDatabaseGauges(database, configuration).text();
  for (const state of ['PENDING', 'RETIRING_FORUMS', 'ERRORED', 'COMPLETE']) {
    expect(valueOf(text, 'registrar_learners', { state })).toBe(1);
  }
  // A rule about it has something to look at.
  expect(valueOf(text, 'registrar_learners', { state: 'ABORTED' })).toBe(0);
  expect(valueOf(text, 'registrar_overdue_retirements')).toBe(1);
  expect(valueOf(text, 'registrar_approaching_retirements')).toBe(1);
  expect(Math.round((valueOf(text, 'registrar_oldest_open_retirement_seconds') ?? 0) / DAY)).toBe(40);
  expect(Math.round((valueOf(text, 'registrar_longest_errored_seconds') ?? 0) / 3600)).toBe(2);
  // No archive is set up.
  expect(valueOf(text, 'registrar_learners_waiting_for_archive')).toBeUndefined();
});

test('asks the database once in fifteen seconds, however many scrape', async () => {
  let [asked, nowMs] = [0, 1_000_000];
  const counting: Database = {
    ...database,
    query: (...given) => {
      asked += 1;
      return database.query(...given);
    },
  };
  const gauges = createDatabaseGauges(counting, configuration, () => nowMs);
  await Promise.all([gauges.text(), gauges.text()]);
  nowMs += 14_999;
  await gauges.text();
  expect(asked).toBe(1);
  nowMs += 1;
  await gauges.text();
  expect(asked).toBe(2);
});

test('says nothing at all while the database does not answer', async () => {
  const gone: Database = { ...database, query: () => Promise.reject(new Error('gone')) };
  expect(await createDatabaseGauges(gone, configuration).text()).toBe('');
});
