import { ServiceFailure } from '../failure.ts';

/** The parts of a key. Throws a `ServiceFailure` for one that could lead out of the folder, or that no store could list again. */
export function partsOf(store: string, verb: string, key: string): readonly string[] {
  const parts = key.split('/');
  const isSound = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
  if (isSound) return parts;
  throw storeFailure(store, { verb, key, what: 'is not possible: the key is no relative path' });
}

/** What went wrong with a folder or a bucket. Keys name files, never people, so they may be shown. */
export function storeFailure(
  store: string,
  trouble: {
    readonly verb: string;
    readonly key: string;
    readonly what: string;
    readonly status?: number | undefined;
    /** Default false. */
    readonly transient?: boolean;
  },
): ServiceFailure {
  const { verb, key, what, status, transient = false } = trouble;
  const route = key === '' ? 'everything' : key;
  return new ServiceFailure({ service: store, verb, path: route, route, what, status, transient });
}
