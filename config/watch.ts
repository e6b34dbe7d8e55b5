import { stat } from 'node:fs/promises';
import { loadConfiguration, type ConfigurationPlace, type LoadedConfiguration } from './load.ts';

export interface ConfigurationSource {
  /** The configuration as the file has it now. */
  current(): Promise<LoadedConfiguration>;
}

/**
 * A file that changed this shortly before it was read may change again without a new time stamp: file systems count in
 * steps of up to two seconds. Until it is older, it is read at every call.
 */
const SETTLED_AFTER_MS = 2000;

/**
 * Keeps a configuration and reads the file again only when it changed: one `stat` a call. A configuration with mistakes
 * is never kept, because what mends it (a variable, a module file) may lie outside of the file.
 */
export function createConfigurationSource(place: ConfigurationPlace): ConfigurationSource {
  let kept: { readonly version: string; readonly loaded: Promise<LoadedConfiguration> } | undefined;

  return {
    async current() {
      const found = await versionOf(place.path);
      if (kept !== undefined && found?.version === kept.version) return kept.loaded;
      const loaded = loadConfiguration(place);
      const candidate = found?.isSettled ? { version: found.version, loaded } : undefined;
      kept = candidate;
      const { kind } = await loaded;
      if (kind === 'invalid' && kept === candidate) kept = undefined;
      return loaded;
    },
  };
}

async function versionOf(
  path: string,
): Promise<{ readonly version: string; readonly isSettled: boolean } | undefined> {
  try {
    const { mtimeNs, ctimeNs, size, ino, mtimeMs } = await stat(path, { bigint: true });
    return {
      version: [mtimeNs, ctimeNs, size, ino].join(' '),
      isSettled: Date.now() - Number(mtimeMs) > SETTLED_AFTER_MS,
    };
  } catch {
    // Whatever is wrong with the file, reading it says so in words.
    return undefined;
  }
}
