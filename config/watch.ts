import { stat } from 'node:fs/promises';
import { fileVersion, type FileVersion } from './file-version.ts';
import { loadConfiguration, type ConfigurationPlace, type LoadedConfiguration } from './load.ts';

export interface ConfigurationSource {
  /** The configuration as the file has it now. */
  current(): Promise<LoadedConfiguration>;
}

/**
 * Keeps a configuration and reads the file again only when it changed, or a file that a variable of it was read from: one `stat` a
 * file and call. A configuration with mistakes is never kept, because what mends it (a variable, a module file) may lie
 * outside of the file.
 */
export function createConfigurationSource(place: ConfigurationPlace): ConfigurationSource {
  let kept: { readonly version: string; readonly loaded: Promise<LoadedConfiguration> } | undefined;

  return {
    async current() {
      const found = await versionOf(place.path);
      // Another call may replace or forget `kept` while this one looks at the secrets.
      const held = kept;
      if (held !== undefined && found?.version === held.version && (await hasItsSecrets(held.loaded))) {
        return held.loaded;
      }
      const loading = loadConfiguration(place);
      const candidate = found?.isSettled ? { version: found.version, loaded: loading } : undefined;
      kept = candidate;
      const loaded = await loading;
      if (kept === candidate && !mayBeKept(loaded)) kept = undefined;
      return loaded;
    },
  };
}

function mayBeKept(loaded: LoadedConfiguration): boolean {
  return loaded.kind === 'valid' && [...loaded.secretFiles.values()].every(({ isSettled }) => isSettled);
}

/** Whether the files of its variables are as they were. */
async function hasItsSecrets(kept: Promise<LoadedConfiguration>): Promise<boolean> {
  const loaded = await kept;
  if (loaded.kind === 'invalid') return true;
  const looked = [...loaded.secretFiles].map(
    async ([path, { version }]) => (await versionOf(path))?.version === version,
  );
  return (await Promise.all(looked)).every(Boolean);
}

async function versionOf(path: string): Promise<FileVersion | undefined> {
  try {
    return fileVersion(await stat(path, { bigint: true }));
  } catch {
    // Whatever is wrong with the file, reading it says so in words.
    return undefined;
  }
}
