import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../support/folder.ts';
import { tuning } from '../../worker/tuning.ts';
import { CHART, findHelm } from './chart.ts';
import { mebibytes, readComposeFile, readRootFile, root } from './compose-file.ts';

const guide = readRootFile('docs/deployment.md');
const helm = findHelm() ?? '';
const { services } = readComposeFile();

/** Connections that each worker has for its readiness and its metrics. */
const FOR_HEALTH = 2;

describe('docs/deployment.md', () => {
  it('names services and profiles that docker-compose.yml has', () => {
    const lines = [...guide.matchAll(/docker compose ([^\n`#]+)/g)].map(([, line = '']) => line.trim());
    const named = lines.flatMap((line) => [
      ...[...line.matchAll(/run --rm (\S+)/g)].map(([, name = '']) => name),
      ...[...line.matchAll(/--scale ([\w-]+)=/g)].map(([, name = '']) => name),
      ...(/^up --detach (\w[\w -]*)$/.exec(line)?.[1]?.split(' ') ?? []),
    ]);
    expect(new Set(named).size).toBeGreaterThan(3);
    for (const name of named) expect(Object.keys(services)).toContain(name);
    const profiles = [...guide.matchAll(/--profile (\w+)/g)].map(([, profile = '']) => profile);
    const known = Object.values(services).flatMap((service) => service.profiles);
    for (const profile of profiles) expect(known).toContain(profile);
  });

  it('counts connections as the workers open them', () => {
    const [, retirement, courses] =
      /at most (\d+) connections, one for courses at most (\d+)/.exec(guide) ?? [];
    expect(Number(retirement)).toBe(tuning.databaseConnections + FOR_HEALTH);
    expect(Number(courses)).toBe(tuning.timeslicesConnections + FOR_HEALTH);
  });

  it('adds up the limits of memory as they are', () => {
    const total = (profile: string): number =>
      Object.values(services)
        .filter(({ profiles, restart }) => restart === 'unless-stopped' && profiles.join('') === profile)
        .reduce((sum, { mem_limit }) => sum + mebibytes(mem_limit), 0) / 1024;
    expect(guide).toContain(`${total('')} GiB, with the monitoring ${total('monitoring')} GiB more`);
  });

  it.skipIf(helm === '')('gives values that the chart takes', () => {
    const [, text = ''] = /```yaml\n(# values\.yaml\n[\s\S]*?)```/.exec(guide) ?? [];
    expect(text).not.toBe('');
    const file = path.join(temporaryFolder(), 'values.yaml');
    writeFileSync(file, text);
    const set = [...guide.matchAll(/--set ((?!-)[\w.]+=[\w.]+)/g)].flatMap(([, value = '']) => [
      '--set',
      value,
    ]);
    expect(set.length).toBeGreaterThan(2);
    const { status, stdout, stderr } = spawnSync(
      helm,
      [
        ...['template', 'registrar', CHART, '--kube-version', '1.33.0', '--values', file, ...set],
        ...['--set-file', `configuration.file=${path.join(root, 'registrar.example.yml')}`],
      ],
      { encoding: 'utf8' },
    );
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('registry.example.org/registrar:');
  });

  it('names the values that choose the autoscaling, and an adapter rule for the metric that is asked for', () => {
    const chosen = [...guide.matchAll(/`autoscaling\.by: ([\w-]+)`/g)].map(([, by]) => by);
    const schema = JSON.parse(readRootFile('deploy/helm/registrar/values.schema.json')) as {
      readonly properties: {
        readonly autoscaling: { readonly properties: { readonly by: { readonly enum: string[] } } };
      };
    };
    expect(chosen.toSorted()).toEqual(schema.properties.autoscaling.properties.by.enum.toSorted());
    const [, rules = ''] = /```yaml\n\s*(rules:\n[\s\S]*?)```/.exec(guide) ?? [];
    expect(parse(rules.replace(/^ {2}/gm, ''))).toMatchObject({
      rules: { external: [{ seriesQuery: 'registrar_task_queue_backlog' }] },
    });
  });
});
