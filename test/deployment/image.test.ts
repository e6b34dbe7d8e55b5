import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { validate } from 'dockerfile-utils';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readHttpAddress } from '../../worker/observability/http-address.ts';
import { packageVersion, readRootFile, root } from './compose-file.ts';

const dockerfile = readRootFile('Dockerfile');
const letThrough = [...readRootFile('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, name = '']) => name);
const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

/** Compiled like the rest, but of no use to a deployment. */
const LEFT_OUT = ['bench', 'test'];

describe('the Dockerfile', () => {
  test('is one that Docker understands', () => {
    expect(mistakesIn(dockerfile)).toEqual([]);
  });

  test.each([
    ['HEALTHCHECK --interval', 'HEALTHCHECK --intervall', 'Unknown flag: intervall'],
    ['COPY --from', 'COPY --form', 'Unknown flag: form'],
    ['USER 1000:1000', 'USERS 1000:1000', 'Unknown instruction: USERS'],
  ])('is not understood with %s written as %s', (right, wrong, mistake) => {
    expect(dockerfile).toContain(right);
    expect(mistakesIn(dockerfile.replace(right, wrong))).toContain(mistake);
  });

  test('stands on one pinned release of a glibc system, as new as the package asks for', () => {
    const bases = [
      ...dockerfile.matchAll(/^FROM node:(\d+)\.(\d+)\.\d+-bookworm(?:-slim)?(?: AS build)?$/gm),
    ];
    expect(bases).toHaveLength([...dockerfile.matchAll(/^FROM /gm)].length);
    expect(new Set(bases.map(([line]) => /\d+\.\d+\.\d+/.exec(line)?.[0])).size).toBe(1);
    const { engines } = z.object({ engines: z.object({ node: z.string() }) }).parse(packageFile());
    const [, major = '', minor = ''] = /^>=(\d+)\.(\d+)$/.exec(engines.node) ?? [];
    expect(bases[0]?.[1]).toBe(major);
    expect(Number(bases[0]?.[2])).toBeGreaterThanOrEqual(Number(minor));
  });

  test('says which version it makes, and on what', () => {
    const label = (name: string): string | undefined =>
      new RegExp(`org\\.opencontainers\\.image\\.${name}="([^"]*)"`).exec(last)?.[1];
    expect(label('version')).toBe(packageVersion());
    expect(label('licenses')).toBe(z.object({ license: z.string() }).parse(packageFile()).license);
    expect(`docker.io/library/${/FROM (\S+)/.exec(last)?.[1]}`).toBe(label('base.name'));
  });

  test('runs as a number that is not root, and names programs that the build makes', () => {
    expect(last).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    const programs = [...dockerfile.matchAll(/"(dist\/[^"]+)\.js"/g)].map(([, name = '']) => name);
    expect(programs).toHaveLength(2);
    for (const program of programs) {
      expect(existsSync(path.join(root, `${program.replace(/^dist\//, '')}.ts`)), program).toBe(true);
    }
  });

  test('serves the readiness that its health check asks for, to nobody else', () => {
    const [, address] = /REGISTRAR_HTTP_ADDRESS=(\S+)/.exec(last) ?? [];
    expect(readHttpAddress(address)).toMatchObject({ host: '127.0.0.1' });
    expect(last).toContain('dist/deploy/worker-health.js');
  });

  test('takes no secret in, and gives none a place', () => {
    const instructions = dockerfile.replace(/^\s*#.*$/gm, '');
    expect(instructions).not.toMatch(/^(?:ARG|ADD) /m);
    expect(instructions).not.toMatch(/SECRET|PASSWORD|TOKEN|_KEY/i);
    expect(letThrough.filter((name) => /env|secret|\.pem|\.key/i.test(name))).toEqual([]);
  });
});

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

function mistakesIn(text: string): readonly string[] {
  return validate(text).map(({ message }) => (typeof message === 'string' ? message : message.value));
}

function packageFile(): unknown {
  return parse(readRootFile('package.json'));
}
