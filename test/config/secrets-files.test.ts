import { execFileSync } from 'node:child_process';
import { mkdir, rename, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createConfigurationSource } from '../../config/watch.ts';
import { temporaryFolder } from '../support/folder.ts';
import { configurationOf, lines, load, minimal, writtenFile } from './written-file.ts';

const longAgo = new Date('2020-01-01T00:00:00Z');
const text = minimal('hubspot_api_key: ${KEY}');

async function secretFile(content: string | Uint8Array): Promise<string> {
  const file = path.join(temporaryFolder(), 'key');
  await writeFile(file, content);
  return file;
}

async function keyWith(env: Readonly<Record<string, string>>): Promise<string | undefined> {
  return configurationOf(await load(text, env)).thirdParties.hubspot?.apiKey;
}

it('fills a variable in from the file that NAME_FILE names, without the line break at its end', async () => {
  expect(await keyWith({ KEY_FILE: await secretFile('key-1') })).toBe('key-1');
  expect(await keyWith({ KEY_FILE: await secretFile('key-1\n') })).toBe('key-1');
  expect(await keyWith({ KEY_FILE: await secretFile('key-1\r\n') })).toBe('key-1');
  expect(lines(await load(text, { KEY_FILE: await secretFile('key-1\n\n') }))).toEqual([
    'hubspot_api_key: has a line break or another control character; remove it',
  ]);
});

it('lets an empty variable give way to the file, and an empty file name to the variable', async () => {
  expect(await keyWith({ KEY: '', KEY_FILE: await secretFile('key-1') })).toBe('key-1');
  expect(await keyWith({ KEY: 'key-2', KEY_FILE: '' })).toBe('key-2');
});

it('refuses a variable that is set both ways, and shows neither', async () => {
  const env = { KEY: 'zq7-one', KEY_FILE: await secretFile('zq7-two') };
  expect(lines(await load(text, env))).toEqual([
    'hubspot_api_key: KEY and KEY_FILE are both set; unset one of them',
  ]);
});

it('says in one line why a file cannot be used', async () => {
  const folder = temporaryFolder();
  const pipe = path.join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const files: readonly (readonly [string, string])[] = [
    [path.join(folder, 'nowhere'), 'cannot be read (ENOENT); correct the path, or let this user read it'],
    [folder, 'is no file; name a file that holds nothing but the value'],
    [pipe, 'is no file; name a file that holds nothing but the value'],
    ['/dev/zero', 'is no file; name a file that holds nothing but the value'],
    [await secretFile('\n'), 'is empty; write the value into it'],
    [
      await secretFile('x'.repeat(300_000)),
      'is longer than 256 KiB; name a file that holds nothing but the value',
    ],
    [
      await secretFile(new Uint8Array([0xff, 0xfe])),
      'is not UTF-8 text; name a file that holds nothing but the value',
    ],
  ];
  for (const [file, why] of files) {
    expect(lines(await load(text, { KEY_FILE: file }))).toEqual([
      `hubspot_api_key: KEY_FILE names ${file}, which ${why}`,
    ]);
  }
});

it('shows the variable where the content of a file is wrong', async () => {
  const file = await secretFile('zq7-number');
  const wrong = minimal('registrar: {lms_concurrency: "${N}"}');
  expect(lines(await load(wrong, { N_FILE: file }))).toEqual([
    'registrar.lms_concurrency: must be a whole number from 1 to 64, found "${N}"; correct it',
  ]);
});

it('reads a file that was replaced afresh, and an unchanged one once', async () => {
  const { path: configuration } = await writtenFile(text);
  const file = await secretFile('key-1');
  for (const one of [configuration, file]) await utimes(one, longAgo, longAgo);
  const source = createConfigurationSource({ path: configuration, env: { KEY_FILE: file } });
  const first = configurationOf(await source.current());
  expect(configurationOf(await source.current())).toBe(first);

  const next = await secretFile('key-2');
  await utimes(next, longAgo, longAgo);
  await rename(next, file);
  const second = configurationOf(await source.current());
  expect(second.thirdParties.hubspot?.apiKey).toBe('key-2');
  expect(second.digest).not.toBe(first.digest);

  await unlink(file);
  expect(lines(await source.current())).toEqual([expect.stringContaining('cannot be read (ENOENT)')]);
  await writeFile(file, 'key-3');
  expect(configurationOf(await source.current()).thirdParties.hubspot?.apiKey).toBe('key-3');
});

it('sees a file that changes again within the grain of time stamps', async () => {
  const { path: configuration } = await writtenFile(text);
  await utimes(configuration, longAgo, longAgo);
  const file = await secretFile('key-0');
  const source = createConfigurationSource({ path: configuration, env: { KEY_FILE: file } });
  for (const key of ['key-1', 'key-2', 'key-3', 'key-4']) {
    await source.current();
    await writeFile(file, key);
    expect(configurationOf(await source.current()).thirdParties.hubspot?.apiKey).toBe(key);
  }
});

it('follows the link that Kubernetes turns to the new secret', async () => {
  const { path: configuration } = await writtenFile(text);
  const folder = temporaryFolder();
  for (const version of ['one', 'two']) {
    await mkdir(path.join(folder, version));
    await writeFile(path.join(folder, version, 'key'), `key-${version}`);
    await utimes(path.join(folder, version, 'key'), longAgo, longAgo);
  }
  await utimes(configuration, longAgo, longAgo);
  await symlink('one', path.join(folder, 'data'));
  await symlink('data/key', path.join(folder, 'key'));
  const source = createConfigurationSource({
    path: configuration,
    env: { KEY_FILE: path.join(folder, 'key') },
  });
  expect(configurationOf(await source.current()).thirdParties.hubspot?.apiKey).toBe('key-one');
  await symlink('two', path.join(folder, 'next'));
  await rename(path.join(folder, 'next'), path.join(folder, 'data'));
  expect(configurationOf(await source.current()).thirdParties.hubspot?.apiKey).toBe('key-two');
});
