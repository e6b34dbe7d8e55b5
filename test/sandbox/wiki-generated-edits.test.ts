import { expect, test } from 'vitest';
import { generateEdits } from '../../sandbox/wiki/generated-edits.ts';
import { startWikiOfATest } from './wiki-client.ts';

const options = {
  seed: 7,
  users: ['Ada', 'Bob', 'Cyd'],
  startAt: new Date('2024-01-01T00:00:00Z'),
  endAt: new Date('2024-02-12T00:00:00Z'),
};

test('generates the same edits for the same seed, and others for another', () => {
  expect(generateEdits(options)).toEqual(generateEdits(options));
  expect(generateEdits(options)).not.toEqual(generateEdits({ ...options, seed: 8 }));
});

test('generates as many as asked, in time order, within the period, in several namespaces', () => {
  const edits = generateEdits({ ...options, editsPerUserAndWeek: 20 });
  expect(edits).toHaveLength(3 * 6 * 20);
  const times = edits.map(({ timestamp }) => timestamp);
  expect(times).toEqual([...times].sort());
  expect(times.every((time) => time >= '2024-01-01T00:00:00Z' && time < '2024-02-12T00:00:00Z')).toBe(true);
  expect(new Set(edits.map(({ ns }) => ns))).toEqual(new Set([0, 2, 118]));
  expect(new Set(edits.map(({ user }) => user))).toEqual(new Set(options.users));
  expect(edits.some(({ sizediff }) => sizediff < 0)).toBe(true);
});

test('generates nothing for nobody and for no time', () => {
  expect(generateEdits({ ...options, users: [] })).toEqual([]);
  expect(generateEdits({ ...options, endAt: options.startAt })).toEqual([]);
});

test('creates a page once, and the wiki tells of each edit what was generated', async () => {
  const edits = generateEdits({ ...options, editsPerUserAndWeek: 20 });
  const wiki = await startWikiOfATest();
  try {
    const made = await wiki.client.edit(...edits);
    const found = await wiki.client.contributions('Ada|Bob|Cyd', { ucdir: 'newer' });
    const byId = new Map(found.map((edit) => [edit.revid, edit]));
    expect(made.map(({ revid }) => byId.get(revid))).toMatchObject(
      edits.map((edit) => ({
        user: edit.user,
        timestamp: edit.timestamp,
        sizediff: edit.sizediff,
        new: edit.new ?? false,
        tags: edit.tags ?? [],
      })),
    );
    const created = found.filter((edit) => edit.new).map(({ pageid }) => pageid);
    expect(created.length).toBeGreaterThan(5);
    expect(new Set(created).size).toBe(created.length);
  } finally {
    await wiki.close();
  }
});
