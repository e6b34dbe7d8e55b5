import { readFileSync } from 'node:fs';
import { loadClientConfigProfile, toClientOptions, type ClientConfigProfile } from '@temporalio/envconfig';
import { readVariable } from './secret-files.ts';
import type { Environment } from './substitution.ts';
import { checkTlsFiles } from './temporal-tls.ts';

export interface TemporalSettings {
  /** For `Connection.connect` and `NativeConnection.connect`. */
  readonly connectionOptions: ReturnType<typeof toClientOptions>['connectionOptions'] & {
    readonly address: string;
  };
  readonly namespace: string;
  /** False where neither the environment nor `temporal.toml` names a server. */
  readonly namesServer: boolean;
}

const DEFAULT_ADDRESS = 'localhost:7233';

/**
 * How to reach Temporal: the `TEMPORAL_…` variables over the profile in `temporal.toml`, as the Temporal CLI reads them, and
 * `TEMPORAL_API_KEY_FILE`. An empty variable is as unset. Throws an Error of one line, without any secret, for what the SDK would
 * ignore or take for its opposite, and for certificates and keys that cannot work.
 */
export function readTemporalSettings(env: Environment): TemporalSettings {
  const overrideEnvVars = temporalVariables(env);
  for (const name of ['TEMPORAL_TLS', 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION']) {
    checkSwitch(name, overrideEnvVars[name]);
  }
  checkFiles(overrideEnvVars);
  const profile = readProfile(overrideEnvVars);
  checkAddress(profile.address);
  checkApiKey(profile.apiKey);
  const { connectionOptions, namespace = 'default' } = toClientOptions(profile);
  checkTlsFiles({
    options: connectionOptions.tls,
    hasCertificate: profile.tls?.clientCert !== undefined,
    hasKey: profile.tls?.clientKey !== undefined,
  });
  return {
    connectionOptions: { ...connectionOptions, address: profile.address ?? DEFAULT_ADDRESS },
    namespace,
    namesServer: profile.address !== undefined,
  };
}

function temporalVariables(env: Environment): Record<string, string> {
  const set = Object.entries(env).filter((entry): entry is [string, string] => {
    const [name, value] = entry;
    // An empty one takes a header away that the file has.
    return value !== undefined && (value !== '' || name.startsWith('TEMPORAL_GRPC_META_'));
  });
  const apiKey = readVariable(env, 'TEMPORAL_API_KEY');
  return { ...Object.fromEntries(set), ...(apiKey === undefined ? {} : { TEMPORAL_API_KEY: apiKey }) };
}

/** The SDK takes every word but `1` and `true` for no: a `yes` would switch TLS off. */
function checkSwitch(name: string, value: string | undefined): void {
  if (value === undefined || ['0', 'false'].includes(value)) return;
  if (!['1', 'true'].includes(value)) throw new Error(`${name} must be true or false; correct it`);
  if (name === 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION') {
    throw new Error(
      `${name} is not supported, the server's certificate is always checked; unset it, and name the authority in TEMPORAL_TLS_SERVER_CA_CERT_PATH and the certificate's host in TEMPORAL_TLS_SERVER_NAME`,
    );
  }
}

/** Read here first, for a message that names the variable. */
function checkFiles(variables: Readonly<Record<string, string>>): void {
  for (const part of ['CLIENT_CERT', 'CLIENT_KEY', 'SERVER_CA_CERT']) {
    const name = `TEMPORAL_TLS_${part}_PATH`;
    const path = variables[name];
    if (path === undefined) continue;
    if (variables[`TEMPORAL_TLS_${part}_DATA`] !== undefined) {
      throw new Error(`${name} and TEMPORAL_TLS_${part}_DATA are both set; unset one of them`);
    }
    try {
      readFileSync(path);
    } catch (cause) {
      throw new Error(
        `${name} names ${path}, which cannot be read (${codeOf(cause)}); correct the path, or let this user read it`,
        { cause },
      );
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown trouble';
}

function readProfile(overrideEnvVars: Record<string, string>): ClientConfigProfile {
  try {
    return loadClientConfigProfile({ overrideEnvVars });
  } catch (cause) {
    // A parser of TOML quotes the lines around a mistake, and one of them may hold a key.
    const [why = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new Error(
      `the settings for Temporal cannot be read: ${why}; correct temporal.toml (TEMPORAL_CONFIG_FILE), or the TEMPORAL_… variables`,
      { cause },
    );
  }
}

function checkAddress(address: string | undefined): void {
  if (address === undefined) return;
  const [, port] = /^[^\s/@]+:(\d{1,5})$/.exec(address) ?? [];
  if (port !== undefined && Number(port) <= 65_535) return;
  throw new Error('TEMPORAL_ADDRESS is no address of a Temporal server; write host:port, without http://');
}

function checkApiKey(apiKey: string | undefined): void {
  if (apiKey === undefined || /^[\x21-\x7e]+$/.test(apiKey)) return;
  throw new Error(
    'TEMPORAL_API_KEY holds a character that no header can carry (a space, a line break?); correct it',
  );
}
