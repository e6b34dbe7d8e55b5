import { configurationPath } from '../config/environment.ts';
import { describeProblem } from '../config/problem.ts';
import { loadConfiguration, type LoadedConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Database } from '../db/database.ts';
import { openCommandDatabase, type Environment } from './database.ts';
import { failed } from './operation-error.ts';
import { connectTemporal, type TemporalAccess } from './temporal.ts';

/** What a command may need, each opened at its first use, so that a command which needs less works with less. */
export interface Session {
  readonly env: Environment;
  database(): Database;
  temporal(): Promise<TemporalAccess>;
  /** Read afresh. Throws, a line a mistake, when it is not valid. */
  configuration(): Promise<Configuration>;
  /** Read afresh, whatever is in it. */
  loadConfiguration(): Promise<LoadedConfiguration>;
  close(): Promise<void>;
}

export function openSession(env: Environment): Session {
  let database: Database | undefined;
  let temporal: Promise<TemporalAccess> | undefined;
  const load = (): Promise<LoadedConfiguration> => loadConfiguration({ path: configurationPath(env), env });
  return {
    env,
    database: () => (database ??= openCommandDatabase(env)),
    temporal: () => (temporal ??= connectTemporal(env)),
    loadConfiguration: load,
    configuration: async () => validOrThrow(await load()),
    close: async () => {
      const connected = await temporal?.catch(() => undefined);
      await connected?.close();
      await database?.close();
    },
  };
}

function validOrThrow(loaded: LoadedConfiguration): Configuration {
  if (loaded.kind === 'valid') return loaded.configuration;
  throw failed(loaded.problems.map((problem) => `configuration: ${describeProblem(problem)}`).join('\n'));
}
