import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readRootFile, root } from './compose-file.ts';

const dockerfile = readRootFile('Dockerfile');
const letThrough = [...readRootFile('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, name = '']) => name);

/** Compiled like the rest, but of no use to a deployment. */
const LEFT_OUT = ['bench', 'test'];

test('the build of the image gets every folder of sources, and nothing that is not there', () => {
  const folders = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^(\.|node_modules$|dist$|coverage$)/.test(entry.name))
    .map(({ name }) => name)
    .filter((name) =>
      readdirSync(path.join(root, name), { recursive: true, encoding: 'utf8' }).some((file) =>
        /\.ts$/.test(file),
      ),
    );
  const given = letThrough.map((name) => name.replace(/\/\*\.ts$/, ''));
  expect(given).toEqual(expect.arrayContaining(folders.filter((name) => !LEFT_OUT.includes(name))));
  for (const name of given) expect(existsSync(path.join(root, name)), name).toBe(true);
  expect(readRootFile('.dockerignore')).toMatch(/^\*$/m);
});

test('the image stands on a pinned glibc system, like the machine that built its packages', () => {
  const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  expect(bases.length).toBeGreaterThan(1);
  expect(new Set(bases)).toEqual(new Set(['node:20-bookworm-slim']));
});

test('the image runs as another user than root and names programs that the build makes', () => {
  expect(dockerfile).toMatch(/^USER node$/m);
  const programs = [...dockerfile.matchAll(/"(dist\/[^"]+)\.js"/g)].map(([, name = '']) => name);
  expect(programs).toHaveLength(2);
  for (const program of programs) {
    expect(existsSync(path.join(root, `${program.replace(/^dist\//, '')}.ts`)), program).toBe(true);
  }
});
