import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
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

const DEFAULT_ADDRESS = 'localhost:7233';
const CONNECT_TIMEOUT_MS = 5_000;

/** Connects to Temporal. Throws when the server cannot be reached within five seconds. */
export async function connectTemporal(env: Environment): Promise<TemporalAccess> {
  const { connectionOptions, namespace = 'default' } = readConnectConfig(env);
  const address = connectionOptions.address ?? DEFAULT_ADDRESS;
  const connection = await Connection.connect({
    ...connectionOptions,
    address,
    connectTimeout: CONNECT_TIMEOUT_MS,
  }).catch((cause: unknown) => {
    throw failed(
      `cannot reach Temporal at ${address}: start the server or \`registrar up\`, or correct TEMPORAL_ADDRESS (and TEMPORAL_TLS or TEMPORAL_API_KEY where the server wants them)`,
      { cause },
    );
  });
  return {
    connection,
    client: new Client({ connection, namespace, identity: `registrar@${process.pid}` }),
    namespace,
    address,
    close: () => connection.close(),
  };
}

function readConnectConfig(env: Environment): ReturnType<typeof loadClientConnectConfig> {
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  try {
    return loadClientConnectConfig({ overrideEnvVars });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw failed(
      `the settings for Temporal cannot be read: ${why}: correct temporal.toml or the TEMPORAL_… variables`,
      { cause },
    );
  }
}

/** Where the Temporal UI shows a workflow. `uiUrl` defaults to the development server's. */
export function workflowUrl(uiUrl: string | undefined, namespace: string, workflowId: string): string {
  const root = (uiUrl || 'http://localhost:8233').replace(/\/+$/, '');
  return `${root}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}
