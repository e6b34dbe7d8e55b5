import { closeSync, constants, fstatSync, openSync, readFileSync, type BigIntStats } from 'node:fs';

type Environment = Readonly<Record<string, string | undefined>>;

/** More than any key or certificate chain has: a wrong path may lead to anything. */
const LONGEST_BYTES = 256 * 1024;

/** Where the value of a variable was found. */
export type FoundVariable =
  | { readonly kind: 'environment'; readonly value: string }
  | { readonly kind: 'file'; readonly value: string; readonly path: string; readonly stats: BigIntStats }
  | { readonly kind: 'unset' }
  /** The message is one line without the value. */
  | { readonly kind: 'wrong'; readonly message: string };

/**
 * The variable `name`, or the content of the file that `name` with `_FILE` names, as Docker and Kubernetes hand secrets over. One line
 * break at the end of the file is not part of the value. An empty variable counts where no file is named.
 */
export function findVariable(env: Environment, name: string): FoundVariable {
  const value = ownValue(env, name);
  const path = ownValue(env, `${name}_FILE`);
  if (path === undefined || path === '') {
    return value === undefined ? { kind: 'unset' } : { kind: 'environment', value };
  }
  if (value !== undefined && value !== '') {
    return { kind: 'wrong', message: `${name} and ${name}_FILE are both set; unset one of them` };
  }
  return readSecretFile(name, path);
}

/** The same, thrown as an Error of one line when it is wrong. Empty is as unset. */
export function readVariable(env: Environment, name: string): string | undefined {
  const found = findVariable(env, name);
  if (found.kind === 'wrong') throw new Error(found.message);
  return found.kind === 'unset' || found.value === '' ? undefined : found.value;
}

function ownValue(env: Environment, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

function readSecretFile(name: string, path: string): FoundVariable {
  const wrong = (why: string): FoundVariable => ({
    kind: 'wrong',
    message: `${name}_FILE names ${path}, which ${why}`,
  });
  let descriptor: number | undefined;
  try {
    // A pipe that nobody writes to would hold the process for ever.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile()) return wrong('is no file; name a file that holds nothing but the value');
    if (stats.size > LONGEST_BYTES) {
      return wrong(
        `is longer than ${LONGEST_BYTES / 1024} KiB; name a file that holds nothing but the value`,
      );
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(descriptor));
    const value = text.replace(/\r?\n$/, '');
    if (value === '') return wrong('is empty; write the value into it');
    return { kind: 'file', value, path, stats };
  } catch (error) {
    if (error instanceof TypeError)
      return wrong('is not UTF-8 text; name a file that holds nothing but the value');
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown trouble';
    return wrong(`cannot be read (${code}); correct the path, or let this user read it`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
