import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

/** The root of the checkout, to which the files of a deployment belong. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

const condition = z.enum(['service_started', 'service_healthy', 'service_completed_successfully']);

const service = z.object({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()).default([]),
  profiles: z.array(z.string()).default([]),
  restart: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  env_file: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition })).default({}),
  healthcheck: z.object({ test: z.array(z.string()).optional(), disable: z.boolean().optional() }).optional(),
  stop_grace_period: z.string().optional(),
  mem_limit: z.string().optional(),
  logging: z.object({ options: z.record(z.string(), z.string()) }).optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).default([]),
});

export type ComposeService = z.infer<typeof service>;

const composeFile = z.object({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.unknown()).default({}),
});

/** docker-compose.yml, read as YAML: nothing is filled in yet. */
export function readComposeFile(): z.infer<typeof composeFile> {
  return composeFile.parse(parse(readRootFile('docker-compose.yml'), { merge: true }));
}

/** A size as Compose and Kubernetes write it (`768m`, `1g`, `512Mi`), in MiB. */
export function mebibytes(size: string | undefined): number {
  const [, number = '', unit = ''] = /^(\d+)(m|g|Mi|Gi)$/.exec(size ?? '') ?? [];
  return Number(number) * (/^g/i.test(unit) ? 1024 : 1);
}

/** The limit of V8's heap that an environment sets for Node, in MiB. */
export function heapMiB(environment: Readonly<Record<string, string>>): number {
  return Number(/--max-old-space-size=(\d+)/.exec(environment['NODE_OPTIONS'] ?? '')?.[1]);
}

/** The words after each `--task-queue` of a command. */
export function taskQueuesOf(command: readonly string[]): readonly string[] {
  return command.flatMap((word, index) => (command[index - 1] === '--task-queue' ? [word] : []));
}

export function packageVersion(): string {
  return z.object({ version: z.string() }).parse(parse(readRootFile('package.json'))).version;
}

export function readRootFile(name: string): string {
  return readFileSync(path.join(root, name), 'utf8');
}

/** The names that a file of `NAME=value` lines sets, also those that are commented out as `# NAME=value`, sorted. */
export function namesIn(environmentFile: string): readonly string[] {
  return [...environmentFile.matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gm)].map(([, name = '']) => name).sort();
}

/** The names that a text refers to as `${NAME}`, `${NAME:-default}` or `${NAME:?message}`, each once, sorted. */
export function placeholdersIn(text: string): readonly string[] {
  const names = [...text.matchAll(/(?<!\$)\$\{([A-Z][A-Z0-9_]*)/g)].map(([, name = '']) => name);
  return [...new Set(names)].sort();
}
