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
  restart: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  env_file: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition })).default({}),
  healthcheck: z.object({ test: z.array(z.string()).optional(), disable: z.boolean().optional() }).optional(),
  stop_grace_period: z.string().optional(),
});

const composeFile = z.object({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.unknown()).default({}),
});

/** docker-compose.yml, read as YAML: nothing is filled in yet. */
export function readComposeFile(): z.infer<typeof composeFile> {
  return composeFile.parse(parse(readRootFile('docker-compose.yml'), { merge: true }));
}

export function readRootFile(name: string): string {
  return readFileSync(path.join(root, name), 'utf8');
}

/** The names that a file of `NAME=value` lines sets, also those that are commented out as `# NAME=value`. */
export function namesIn(environmentFile: string): readonly string[] {
  return [...environmentFile.matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gm)].map(([, name = '']) => name);
}

/** The names that a text refers to as `${NAME}`, `${NAME:-default}` or `${NAME:?message}`, each once, sorted. */
export function placeholdersIn(text: string): readonly string[] {
  const names = [...text.matchAll(/(?<!\$)\$\{([A-Z][A-Z0-9_]*)/g)].map(([, name = '']) => name);
  return [...new Set(names)].sort();
}
