import net from 'node:net';
import tls from 'node:tls';
import type { TlsOptions } from './temporal-tls.ts';

export interface TemporalEndpoint {
  /** `host:port` */
  readonly address: string;
  readonly tls?: TlsOptions;
  readonly apiKey?: unknown;
}

const ANSWER_WITHIN_MS = 3_000;
const CLIENT_FILES = 'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH';

/** What an HTTP/2 client says first: the preface and empty settings. A server answers with its own. */
const GREETING = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/**
 * Why there is no connection to Temporal, and what to do, in one line without any secret. What the SDK says of it is seldom the
 * reason, so the server is asked once more, without the SDK: how far does a greeting get?
 */
export async function explainTemporalTrouble(endpoint: TemporalEndpoint, error: unknown): Promise<string> {
  const { address } = endpoint;
  if (isRefusal(error)) return refusal(endpoint);
  const options = typeof endpoint.tls === 'object' ? endpoint.tls : undefined;
  if (!endpoint.tls) return explainPlain(endpoint);
  const met = await greetByTls(address, {
    ca: options?.serverRootCACertificate && Buffer.from(options.serverRootCACertificate),
    cert: options?.clientCertPair && Buffer.from(options.clientCertPair.crt),
    key: options?.clientCertPair && Buffer.from(options.clientCertPair.key),
    servername: options?.serverNameOverride ?? hostOf(address),
  });
  return explainTls(endpoint, met);
}

async function explainPlain({ address }: TemporalEndpoint): Promise<string> {
  const met = await greetPlainly(address);
  if (met.kind === 'unreachable') return unreachable(address, met.code);
  if (met.kind === 'answered') return notTemporal(address);
  const encrypted = await greetByTls(address, { rejectUnauthorized: false, servername: hostOf(address) });
  return encrypted.kind === 'answered' || isAlert(encrypted)
    ? `Temporal at ${address} speaks TLS, and this client plain text: set TEMPORAL_TLS=true (and what the server wants: TEMPORAL_API_KEY, or ${CLIENT_FILES})`
    : notTemporal(address);
}

function explainTls({ address, tls: options, apiKey }: TemporalEndpoint, met: Met): string {
  if (met.kind === 'unreachable') return unreachable(address, met.code);
  if (met.kind === 'answered' || met.kind === 'silent') return notTemporal(address);
  if (met.kind === 'closed') {
    return `Temporal at ${address} closes the connection after the TLS handshake, which means most often that it refuses the client certificate: check ${CLIENT_FILES}`;
  }
  const theirs = `the certificate of Temporal at ${address}`;
  const { code } = met;
  if (code === 'CERT_HAS_EXPIRED') return `${theirs} has expired: renew it there`;
  if (code === 'CERT_NOT_YET_VALID') {
    return `${theirs} is not valid yet: check the clocks of both machines, or renew it there`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `${theirs} is for another host: set TEMPORAL_TLS_SERVER_NAME to a name that it has, or correct TEMPORAL_ADDRESS`;
  }
  if (isAlert(met)) {
    return hasClientCertificate(options)
      ? `Temporal at ${address} refuses the client certificate (${code}): check ${CLIENT_FILES}`
      : `Temporal at ${address} wants a client certificate (${code}): set ${CLIENT_FILES}`;
  }
  if (code.startsWith('ERR_SSL_')) {
    const because = apiKey === undefined ? '' : ', which TEMPORAL_API_KEY switches on';
    return `Temporal at ${address} speaks plain text, and this client TLS${because}: unset the TEMPORAL_TLS variables, or set TEMPORAL_TLS=false`;
  }
  return `${theirs} is not signed by an authority known here (${code}): name that authority's file in TEMPORAL_TLS_SERVER_CA_CERT_PATH`;
}

function hasClientCertificate(options: TlsOptions): boolean {
  return typeof options === 'object' && options?.clientCertPair !== undefined;
}

function unreachable(address: string, code: string): string {
  return `cannot reach Temporal at ${address} (${code}): start the server or \`registrar up\`, or correct TEMPORAL_ADDRESS`;
}

function notTemporal(address: string): string {
  return `cannot reach Temporal at ${address}: something answers there, but not as Temporal does; check TEMPORAL_ADDRESS, the server's log, and a proxy between`;
}

function refusal({ address, apiKey }: TemporalEndpoint): string {
  return apiKey === undefined
    ? `Temporal at ${address} does not let this client in: set TEMPORAL_API_KEY (or TEMPORAL_API_KEY_FILE), or the client certificate that it wants`
    : `Temporal at ${address} does not accept the API key: check TEMPORAL_API_KEY (or TEMPORAL_API_KEY_FILE), and TEMPORAL_NAMESPACE`;
}

const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;

/** The client's error has gRPC's number, the worker's only its name, in the text. Any error around it may be asked. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code: unknown = Object.getOwnPropertyDescriptor(error, 'code')?.value;
  if (code === PERMISSION_DENIED || code === UNAUTHENTICATED) return true;
  return (
    /Unauthenticated|PermissionDenied|valid authentication/.test(error.message) || isRefusal(error.cause)
  );
}

type Met =
  /** Bytes came back. */
  | { readonly kind: 'answered' }
  /** It closed the connection. */
  | { readonly kind: 'closed' }
  /** It said nothing. */
  | { readonly kind: 'silent' }
  /** No connection at all. */
  | { readonly kind: 'unreachable'; readonly code: string }
  /** TLS failed. */
  | { readonly kind: 'failed'; readonly code: string };

function isAlert(met: Met): boolean {
  return met.kind === 'failed' && /^ERR_SSL_.*ALERT/.test(met.code) && !met.code.endsWith('PROTOCOL_VERSION');
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

async function greetPlainly(address: string): Promise<Met> {
  const socket = net.connect({ host: hostOf(address), port: portOf(address) });
  return greet(socket, socket, 'connect');
}

async function greetByTls(address: string, options: tls.ConnectionOptions): Promise<Met> {
  const { servername = '', ...others } = options;
  const host = hostOf(address);
  const transport = net.connect({ host, port: portOf(address) });
  const secure = tls.connect({
    ...others,
    socket: transport,
    host: servername,
    ...(net.isIP(servername) === 0 ? { servername } : {}),
    ALPNProtocols: ['h2'],
  });
  return greet(transport, secure, 'secureConnect');
}

/** A refused client certificate is known only when the server answers to what comes after the handshake. */
async function greet(
  transport: net.Socket,
  spoken: net.Socket,
  ready: 'connect' | 'secureConnect',
): Promise<Met> {
  let isConnected = false;
  transport.once('connect', () => (isConnected = true));
  let timer: NodeJS.Timeout | undefined;
  const met = await new Promise<Met>((resolve) => {
    timer = setTimeout(
      () => resolve(isConnected ? { kind: 'silent' } : { kind: 'unreachable', code: 'ETIMEDOUT' }),
      ANSWER_WITHIN_MS,
    );
    const fail = (error: NodeJS.ErrnoException): void => {
      const code = error.code ?? error.name;
      if (!isConnected) resolve({ kind: 'unreachable', code });
      else if (['ECONNRESET', 'EPIPE'].includes(code)) resolve({ kind: 'closed' });
      else resolve({ kind: 'failed', code });
    };
    transport.on('error', fail);
    spoken.on('error', fail);
    spoken.once(ready, () => spoken.write(GREETING));
    spoken.once('data', (bytes: Buffer) =>
      // A server of TLS may answer plain text with an alert, which is no greeting.
      resolve(ready === 'connect' && bytes[0] === 0x15 ? { kind: 'closed' } : { kind: 'answered' }),
    );
    spoken.once('close', () => resolve({ kind: 'closed' }));
  });
  clearTimeout(timer);
  spoken.destroy();
  transport.destroy();
  return met;
}
