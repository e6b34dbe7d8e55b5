import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadConfiguration, type LoadedConfiguration } from '../../config/load.ts';
import { describeProblem } from '../../config/problem.ts';
import type { Environment } from '../../config/substitution.ts';
import type { Configuration } from '../../config/configuration.ts';

/** A folder of its own with `registrar.yml` in it; gone when the test ends. */
export async function writtenFile(
  text: string | Uint8Array,
): Promise<{ readonly folder: string; readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'registrar-config-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'registrar.yml');
  await writeFile(path, text);
  return { folder, path };
}

export async function load(text: string | Uint8Array, env: Environment = {}): Promise<LoadedConfiguration> {
  const { path } = await writtenFile(text);
  return loadConfiguration({ path, env });
}

export function lines(loaded: LoadedConfiguration): readonly string[] {
  return loaded.kind === 'invalid' ? loaded.problems.map(describeProblem) : [];
}

export function warnings(loaded: LoadedConfiguration): readonly string[] {
  return loaded.warnings.map(describeProblem);
}

export function configurationOf(loaded: LoadedConfiguration): Configuration {
  if (loaded.kind === 'invalid') throw new Error(`invalid:\n${lines(loaded).join('\n')}`);
  return loaded.configuration;
}

export const LMS_ROW = '[RETIRING_LMS, LMS_COMPLETE, LMS, retirement_lms_retire]';

/** The least configuration that is valid, with more text after it. */
export function minimal(more = '', pipeline: string = `[${LMS_ROW}]`): string {
  return [
    'client_id: someone',
    'client_secret: top-secret-value',
    'base_urls: {lms: "https://lms.example"}',
    `retirement_pipeline: ${pipeline}`,
    more,
    '',
  ].join('\n');
}

/** A minimal configuration with `registrar:` and these lines in it. */
export function withRegistrar(...inside: readonly string[]): string {
  return minimal(['registrar:', ...inside.map((line) => `  ${line}`)].join('\n'));
}
