import { rename, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createConfigurationSource } from '../../config/watch.ts';
import { configurationOf, lines, minimal, withRegistrar, writtenFile } from './written-file.ts';

const longAgo = new Date('2020-01-01T00:00:00Z');

it('reads an unchanged file once', async () => {
  const { path } = await writtenFile(minimal());
  await utimes(path, longAgo, longAgo);
  const source = createConfigurationSource({ path, env: {} });
  const first = await source.current();
  expect(await source.current()).toBe(first);
});

it('sees a change at once, also one of the same length right after a reading', async () => {
  const { path } = await writtenFile(withRegistrar('cool_off_days: 1'));
  const source = createConfigurationSource({ path, env: {} });
  for (const days of [2, 3, 4, 5, 6]) {
    await source.current();
    await writeFile(path, withRegistrar(`cool_off_days: ${days}`));
    expect(configurationOf(await source.current()).registrar.coolOffDays).toBe(days);
  }
});

it('sees a file that was moved into place with an old time stamp', async () => {
  const { folder, path } = await writtenFile(withRegistrar('cool_off_days: 1'));
  await utimes(path, longAgo, longAgo);
  const source = createConfigurationSource({ path, env: {} });
  expect(configurationOf(await source.current()).registrar.coolOffDays).toBe(1);
  const next = join(folder, 'next.yml');
  await writeFile(next, withRegistrar('cool_off_days: 2'));
  await utimes(next, longAgo, longAgo);
  await rename(next, path);
  expect(configurationOf(await source.current()).registrar.coolOffDays).toBe(2);
});

it('says that the file is gone, and takes it up again when it is back', async () => {
  const { path } = await writtenFile(minimal());
  const source = createConfigurationSource({ path, env: {} });
  await source.current();
  await unlink(path);
  expect(lines(await source.current())).toEqual([
    `cannot read ${path}: no such file; set REGISTRAR_CONFIG or create it`,
  ]);
  await writeFile(path, minimal());
  expect((await source.current()).kind).toBe('valid');
});

it('keeps no mistake: what mends it may lie outside of the file', async () => {
  const { path } = await writtenFile(minimal('hubspot_api_key: ${KEY}'));
  await utimes(path, longAgo, longAgo);
  const env: Record<string, string> = {};
  const source = createConfigurationSource({ path, env });
  expect((await source.current()).kind).toBe('invalid');
  env['KEY'] = 'hub-key';
  expect((await source.current()).kind).toBe('valid');
});

it('answers everybody who asks at once about a file with mistakes', async () => {
  const { path } = await writtenFile(minimal('hubspot_api_key: ${KEY}'));
  await utimes(path, longAgo, longAgo);
  const source = createConfigurationSource({ path, env: {} });
  const found = await Promise.all(Array.from({ length: 8 }, () => source.current()));
  expect(found.map(({ kind }) => kind)).toEqual(Array.from({ length: 8 }, () => 'invalid'));
});
