import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';

/** TLS as the SDK's reader of settings gives it; `true`: with nothing of its own. */
export type TlsOptions =
  | boolean
  | {
      readonly serverNameOverride?: string | undefined;
      readonly serverRootCACertificate?: Uint8Array | undefined;
      readonly clientCertPair?: { readonly crt: Uint8Array; readonly key: Uint8Array } | undefined;
    }
  | null
  | undefined;

const CERTIFICATE = 'TEMPORAL_TLS_CLIENT_CERT_PATH';
const KEY = 'TEMPORAL_TLS_CLIENT_KEY_PATH';
const AUTHORITY = 'TEMPORAL_TLS_SERVER_CA_CERT_PATH';

export interface TlsFiles {
  readonly options: TlsOptions;
  readonly hasCertificate: boolean;
  readonly hasKey: boolean;
}

/**
 * Throws an Error of one line, which names the variable to look at, for certificates and keys with which no connection can be made:
 * what the servers answer to them says less, and comes later.
 */
export function checkTlsFiles({ options, hasCertificate, hasKey }: TlsFiles): void {
  if (hasCertificate !== hasKey) {
    throw new Error(
      hasKey
        ? `${KEY} is set without ${CERTIFICATE}; name the certificate that belongs to the key`
        : `${CERTIFICATE} is set without ${KEY}; name the certificate's private key`,
    );
  }
  if (typeof options !== 'object' || options === null) return;
  const { serverRootCACertificate, clientCertPair } = options;
  if (serverRootCACertificate !== undefined) readCertificate(AUTHORITY, serverRootCACertificate);
  if (clientCertPair === undefined) return;
  const certificate = readCertificate(CERTIFICATE, clientCertPair.crt);
  const now = Date.now();
  if (Date.parse(certificate.validTo) < now) {
    throw new Error(`${CERTIFICATE}: the certificate expired on ${certificate.validTo}; renew it`);
  }
  if (Date.parse(certificate.validFrom) > now) {
    throw new Error(
      `${CERTIFICATE}: the certificate is valid from ${certificate.validFrom} only; check this machine's clock, or renew it`,
    );
  }
  if (!certificate.checkPrivateKey(readKey(clientCertPair.key))) {
    throw new Error(`${KEY}: the key does not belong to the certificate of ${CERTIFICATE}; name its own`);
  }
}

function readCertificate(variable: string, pem: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new Error(
      `${variable}: holds no certificate; name a file in PEM form (-----BEGIN CERTIFICATE-----)`,
      {
        cause,
      },
    );
  }
}

function readKey(pem: Uint8Array): KeyObject {
  try {
    return createPrivateKey(Buffer.from(pem));
  } catch (cause) {
    const isLocked = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MISSING_PASSPHRASE';
    throw new Error(
      isLocked
        ? `${KEY}: the key is protected by a passphrase, which nobody can be asked for; name a file without one`
        : `${KEY}: holds no private key; name a file in PEM form (-----BEGIN PRIVATE KEY-----)`,
      { cause },
    );
  }
}
