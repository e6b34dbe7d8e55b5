import type { Environment } from './substitution.ts';

/** The configuration's path: `REGISTRAR_CONFIG`, or `registrar.yml` in the working directory. */
export function configurationPath(env: Environment): string {
  const path = env['REGISTRAR_CONFIG'];
  return path === undefined || path === '' ? 'registrar.yml' : path;
}

export interface KnownVariable {
  readonly name: string;
  readonly meaning: string;
}

/** Every environment variable that the product reads, beside those that a configuration names as `${NAME}`, and their `NAME_FILE`. */
export const knownVariables = [
  { name: 'REGISTRAR_CONFIG', meaning: 'path of the configuration; default registrar.yml' },
  {
    name: 'REGISTRAR_HOME',
    meaning: 'folder of embedded data and of the cached Temporal binary; default .registrar',
  },
  { name: 'REGISTRAR_LOG_LEVEL', meaning: 'trace, debug, info, warn, error or fatal; default info' },
  { name: 'DATABASE_URL', meaning: 'address of PostgreSQL; unset: the embedded one' },
  {
    name: 'DATABASE_URL_FILE',
    meaning: 'file that holds the address of PostgreSQL, in place of DATABASE_URL',
  },
  {
    name: 'REGISTRAR_WORKER_ROLE',
    meaning: 'role of PostgreSQL to which `setup` grants what workers and commands need',
  },
  {
    name: 'TEMPORAL_ADDRESS',
    meaning: 'host:port of the Temporal server; unset here and in temporal.toml: the embedded one',
  },
  { name: 'TEMPORAL_NAMESPACE', meaning: 'Temporal namespace; default default' },
  { name: 'TEMPORAL_API_KEY', meaning: 'API key for the Temporal server; switches TLS on' },
  { name: 'TEMPORAL_API_KEY_FILE', meaning: 'file that holds the API key, in place of TEMPORAL_API_KEY' },
  {
    name: 'TEMPORAL_TLS',
    meaning: '1 or true: speak TLS with the Temporal server; 0 or false: plain text, also with an API key',
  },
  { name: 'TEMPORAL_TLS_CLIENT_CERT_PATH', meaning: 'file with the client certificate (PEM)' },
  { name: 'TEMPORAL_TLS_CLIENT_CERT_DATA', meaning: 'the client certificate itself (PEM)' },
  { name: 'TEMPORAL_TLS_CLIENT_KEY_PATH', meaning: "file with the client certificate's private key (PEM)" },
  { name: 'TEMPORAL_TLS_CLIENT_KEY_DATA', meaning: "the client certificate's private key itself (PEM)" },
  {
    name: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    meaning: "file with the authority that signed the server's certificate (PEM)",
  },
  { name: 'TEMPORAL_TLS_SERVER_CA_CERT_DATA', meaning: 'that authority itself (PEM)' },
  { name: 'TEMPORAL_TLS_SERVER_NAME', meaning: "name to expect in the server's certificate" },
  {
    name: 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION',
    meaning: 'refused when true: the certificate of the server is always checked',
  },
  {
    name: 'TEMPORAL_DEPLOYMENT_NAME',
    meaning: 'switches worker versioning on: the deployment that this worker belongs to',
  },
  { name: 'TEMPORAL_WORKER_BUILD_ID', meaning: 'the version of it that this worker is' },
  { name: 'TEMPORAL_PROFILE', meaning: 'profile in temporal.toml; default default' },
  { name: 'TEMPORAL_CONFIG_FILE', meaning: "path of temporal.toml; default the Temporal CLI's" },
  {
    name: 'REGISTRAR_HTTP_ADDRESS',
    meaning: 'host:port at which a worker serves /metrics, /livez and /readyz; unset: nowhere',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    meaning: 'address of the collector of traces; unset: none are made',
  },
  { name: 'OTEL_RESOURCE_ATTRIBUTES', meaning: 'more attributes of every trace' },
  { name: 'TEMPORAL_UI_URL', meaning: 'address of the Temporal UI, for links' },
] as const satisfies readonly KnownVariable[];
