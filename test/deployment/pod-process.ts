import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { root } from './compose-file.ts';
import type { Manifest, Pod } from './chart.ts';

/** The content of a Secret or ConfigMap, by key. */
export type Contents = Readonly<Record<string, string>>;

export interface PodProcess {
  /** Everything that it has written so far. */
  said(): string;
  /** Where it serves its endpoints, once the log says so. */
  url(): string | undefined;
  signal(signal: NodeJS.Signals): void;
  /** Its exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

/**
 * Runs what the pod's container would run, as a process: with the pod's arguments and variables and nothing else of the surroundings, its
 * mounts as folders below `home`, and its endpoints at a free port of the loopback address. It ends with the test.
 */
export function startPod(pod: Pod, home: string, volumes: ReadonlyMap<string, Contents>): PodProcess {
  const [{ args, env, volumeMounts }] = pod.containers;
  for (const { name, mountPath } of volumeMounts) {
    const folder = path.join(home, mountPath);
    mkdirSync(folder, { recursive: true });
    for (const [file, content] of Object.entries(filesOf(pod, name, volumes))) {
      writeFileSync(path.join(folder, file), content);
    }
  }
  const mounts = volumeMounts.map(({ mountPath }) => mountPath);
  const inside = (value: string): string =>
    mounts.some((mount) => value.startsWith(`${mount}/`)) ? path.join(home, value) : value;
  const variables = env.map(({ name, value }) => [
    name,
    inside(value.replace(/^0\.0\.0\.0:\d+$/, '127.0.0.1:0')),
  ]);
  const loader = new URL('../support/typescript.mjs', import.meta.url).href;
  const program = fileURLToPath(new URL('bin/registrar.ts', `file://${root}`));
  const child = spawn(process.execPath, ['--import', loader, program, ...args], {
    cwd: home,
    env: { PATH: process.env['PATH'], ...(Object.fromEntries(variables) as Contents) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  }
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    said: () => said,
    url: () => /"url":"(http:[^"]+)"/.exec(said)?.[1],
    signal: (signal) => void child.kill(signal),
    ended,
  };
}

function filesOf(pod: Pod, volume: string, volumes: ReadonlyMap<string, Contents>): Contents {
  const { secret, configMap } = pod.volumes.find(({ name }) => name === volume) ?? {};
  const name = secret?.secretName ?? configMap?.name;
  if (name === undefined) return {};
  const contents = volumes.get(name);
  if (contents === undefined) throw new Error(`the pod mounts ${name}, which nobody made`);
  if (secret?.items === undefined) return contents;
  return Object.fromEntries(secret.items.map((item) => [item.path, contents[item.key] ?? '']));
}

/** What the ConfigMaps among the manifests hold, by their name. */
export function configMapsOf(manifests: readonly Manifest[]): ReadonlyMap<string, Contents> {
  const maps = manifests.filter(({ kind }) => kind === 'ConfigMap');
  return new Map(
    maps.map(({ metadata, data }) => [metadata.name, z.record(z.string(), z.string()).parse(data)]),
  );
}
