import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isLock, tryLock, type Lock } from './lock.ts';

/** Paths inside REGISTRAR_HOME. */
export interface RegistrarHome {
  readonly root: string;
  readonly postgres: string;
  readonly temporal: string;
  /** What the sandbox keeps. */
  readonly sandbox: string;
  readonly logs: string;
  /** The running stack, see `state.ts`. */
  readonly state: string;
  /** Held by the `up` that runs. */
  readonly lock: string;
  /** Where the `temporal` command may be; the last is shared by all homes of this user. */
  readonly binaries: readonly [string, string];
}

/** The home: REGISTRAR_HOME, else `.registrar` in `cwd`. Nothing is created. */
export function registrarHome(
  env: Readonly<Record<string, string | undefined>>,
  cwd = process.cwd(),
): RegistrarHome {
  const root = path.resolve(cwd, env['REGISTRAR_HOME'] || '.registrar');
  const userHome = env['HOME'] || os.homedir();
  return {
    root,
    postgres: path.join(root, 'postgres'),
    temporal: path.join(root, 'temporal'),
    sandbox: path.join(root, 'sandbox'),
    logs: path.join(root, 'logs'),
    state: path.join(root, 'stack.json'),
    lock: path.join(root, 'up.lock'),
    binaries: [path.join(root, 'bin'), path.join(userHome, '.cache', 'registrar', 'bin')],
  };
}

/** Creates the home and takes it for this process, until `release` or its end. Throws when a living process has it. */
export function acquireHome(home: RegistrarHome): Lock {
  // Others may pass through but not look: PostgreSQL runs as another account when we are root.
  mkdirSync(home.root, { recursive: true, mode: 0o711 });
  const lock = tryLock(home.lock);
  if (isLock(lock)) return lock;
  throw new Error(
    `${home.root} is in use by process ${lock.pid}: stop that one (Ctrl-C) or set REGISTRAR_HOME to another folder`,
  );
}
