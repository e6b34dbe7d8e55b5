import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../db/database.ts';
import { wikiUsername } from '../../domain/timeslices/usernames.ts';
import { createMigratedDatabase, type TestDatabase } from '../support/database.ts';

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createMigratedDatabase();
  database = openDatabase({ url: testDatabase.url });
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const spellings = [
  ['ada Lovelace', 'Ada Lovelace'],
  ['Ada_Lovelace', 'Ada Lovelace'],
  ['  Ada__ _Lovelace ', 'Ada Lovelace'],
  ['User:Ada Lovelace', 'Ada Lovelace'],
  ['user: ada Lovelace', 'Ada Lovelace'],
  ['\u200eAda Lovelace\u200f', 'Ada Lovelace'],
  ['Ada\u00a0Lovelace', 'Ada Lovelace'],
  ['Ada\u3000Lovelace', 'Ada Lovelace'],
  ['Re\u0301mi', 'R\u00e9mi'],
  ['e\u0301lan', '\u00c9lan'],
  ['\u017eofie', '\u017dofie'],
  ['\u0438\u0432\u0430\u043d', '\u0418\u0432\u0430\u043d'],
  ['Userland', 'Userland'],
] as const;

test.each(spellings)(
  '%j is the name %j to a wiki, in the database as in the program',
  async (typed, name) => {
    expect(wikiUsername(typed)).toBe(name);
    const { rows } = await database.query<{ name: string }>('select wiki_username($1) as name', [typed]);
    expect(rows[0]?.name).toBe(name);
  },
);

test('nobody is stored under two spellings of one name', async () => {
  await database.query(`insert into users (username) values ('R\u00e9mi')`);
  await expect(database.query(`insert into users (username) values ('User:re\u0301mi')`)).rejects.toThrow(
    /users_wiki_username/,
  );
});
