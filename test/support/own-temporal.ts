import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { registrarHome } from '../../stack/home.ts';
import { findTemporal } from '../../stack/temporal-binary.ts';
import { startTemporal } from '../../stack/temporal-server.ts';
import type { TestNamespace } from './temporal.ts';

export interface OwnTemporalOptions {
  /** Default: only in memory. */
  readonly onDisk?: boolean;
  readonly dynamicConfig?: Readonly<Record<string, unknown>>;
}

/** A Temporal server of one test, with its namespace `default`. */
export interface OwnTemporal {
  readonly namespace: TestNamespace;
  /** Holds everything that the server writes. */
  readonly directory: string;
  /** Ends the server gently, so that everything is written. May be called twice. */
  stop(): Promise<void>;
  /** Ends the server and removes the folder. */
  remove(): Promise<void>;
}

/** Path of the `temporal` command that the product would use here. */
export async function temporalBinary(): Promise<string> {
  const cacheDirectories = registrarHome(process.env).binaries;
  return (await findTemporal({ env: process.env, cacheDirectories, log: () => undefined })).path;
}

export async function startOwnTemporal(options: OwnTemporalOptions = {}): Promise<OwnTemporal> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'registrar-temporal-'));
  const server = await startTemporal({
    binary: await temporalBinary(),
    directory,
    inMemory: options.onDisk !== true,
    headless: true,
    ...(options.dynamicConfig === undefined ? {} : { dynamicConfig: options.dynamicConfig }),
    log: () => undefined,
  });
  const { address } = server;
  const connection = await Connection.connect({ address });
  const close = (): Promise<void> => connection.close();
  return {
    namespace: {
      address,
      namespace: 'default',
      client: new Client({ connection }),
      connection,
      close,
    },
    directory,
    stop: () => server.stop(),
    remove: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface StoredFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Every file of a folder and of those below it, whole. */
export function readFolder(folder: string): readonly StoredFile[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ name: path.relative(folder, file), bytes: readFileSync(file) }));
}
