import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { readTemporalSettings, type TemporalSettings } from '../config/temporal-settings.ts';
import { explainTemporalTrouble } from '../config/temporal-trouble.ts';
import type { Environment } from './database.ts';
import { failed } from './operation-error.ts';

/** A connection to Temporal as the environment and `temporal.toml` describe it. */
export interface TemporalAccess {
  readonly client: Client;
  readonly connection: Connection;
  readonly namespace: string;
  /** `host:port` */
  readonly address: string;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Connects to Temporal. Throws, with the reason and the variable to look at, when that does not succeed within five seconds. */
export async function connectTemporal(env: Environment): Promise<TemporalAccess> {
  const { connectionOptions, namespace } = settingsOf(env);
  const { address } = connectionOptions;
  const connection = await connectQuietly({
    ...connectionOptions,
    connectTimeout: CONNECT_TIMEOUT_MS,
  }).catch(async (cause: unknown) => {
    throw failed(await explainTemporalTrouble(connectionOptions, cause), { cause });
  });
  return {
    connection,
    client: new Client({ connection, namespace, identity: `registrar@${process.pid}` }),
    namespace,
    address,
    close: () => connection.close(),
  };
}

const hidesDeprecations = process.noDeprecation ?? false;

/**
 * Over TLS the client greets a server by its IP address where it has no name, of which Node warns once, on standard error. The
 * certificate must be for that address all the same.
 */
async function connectQuietly(options: ConnectionOptions): Promise<Connection> {
  process.noDeprecation = true;
  try {
    return await Connection.connect(options);
  } finally {
    process.noDeprecation = hidesDeprecations;
  }
}

function settingsOf(env: Environment): TemporalSettings {
  try {
    return readTemporalSettings(env);
  } catch (cause) {
    throw failed(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Where the Temporal UI shows a workflow. `uiUrl` defaults to the development server's. */
export function workflowUrl(uiUrl: string | undefined, namespace: string, workflowId: string): string {
  const root = (uiUrl || 'http://localhost:8233').replace(/\/+$/, '');
  return `${root}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}
