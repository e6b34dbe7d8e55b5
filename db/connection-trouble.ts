const CHECK = 'check DATABASE_URL';
const ROOT = 'sslrootcert in DATABASE_URL';
const CLIENT = 'sslcert and sslkey in DATABASE_URL';

/** By the codes of PostgreSQL, of connections and of TLS. */
const byCode: Readonly<Record<string, string>> = {
  '28P01': `the database does not accept this user and password: ${CHECK} and DATABASE_URL_FILE`,
  '28000': `the database does not let this user in: ${CHECK}, and pg_hba.conf of the server`,
  '3D000': `the server has no such database: create it, or ${CHECK}`,
  '53300': 'the database has no connection left: raise max_connections there, or run fewer workers',
  CERT_HAS_EXPIRED: 'the certificate of the database has expired: renew it there',
  CERT_NOT_YET_VALID:
    'the certificate of the database is not valid yet: check the clocks of both machines, or renew it there',
  ERR_TLS_CERT_ALTNAME_INVALID: `the certificate of the database is for another host: connect to a name that it has, ${CHECK}`,
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: `the key does not belong to the certificate: check ${CLIENT}`,
  ERR_OSSL_BAD_DECRYPT: `the key is protected by a passphrase: give one without, check ${CLIENT}`,
  ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED: `the key is protected by a passphrase: give one without, check ${CLIENT}`,
};

const unknownAuthorities: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
]);

const unreachable: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  '57P01',
  '57P02',
  '57P03',
]);

/** What the library says in words only. The second and third follow when a connection was lost before. */
const lost: ReadonlyMap<string, string> = new Map([
  ['Connection terminated unexpectedly', 'ECONNRESET'],
  ['Client has encountered a connection error and is not queryable', 'ECONNRESET'],
  ['Client was closed and is not queryable', 'ECONNRESET'],
  ['Connection terminated', 'ECONNRESET'],
  ['timeout exceeded when trying to connect', 'ETIMEDOUT'],
  ['Connection terminated due to connection timeout', 'ETIMEDOUT'],
]);

/** One line about why there is no connection to the database, and what to do; undefined for every other error. */
export function connectionTrouble(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  if (message === 'The server does not support SSL connections') {
    return `the database speaks no TLS: switch it on there (ssl = on), or correct sslmode in DATABASE_URL`;
  }
  if (message.startsWith('SASL: ') && message.includes('password must be')) {
    return `the database asks for a password and there is none: ${CHECK} and DATABASE_URL_FILE`;
  }
  const code = lost.get(message) ?? codeOf(error);
  if (code === undefined) return undefined;
  if (code === '28000') return refusal(message);
  if (unreachable.has(code)) {
    return `cannot reach the database (${code}): start it or \`registrar up\`, or ${CHECK}`;
  }
  if (unknownAuthorities.has(code)) {
    return `the certificate of the database is not signed by an authority known here (${code}): name that authority's file as ${ROOT}`;
  }
  if (Object.hasOwn(byCode, code)) return byCode[code];
  if (/^ERR_SSL_.*ALERT/.test(code)) {
    return `the database refused the client certificate, or misses one (${code}): check ${CLIENT}`;
  }
  if (/^ERR_(OSSL|SSL)_/.test(code)) return `TLS with the database fails (${code}): check ${ROOT}, ${CLIENT}`;
  return undefined;
}

/** PostgreSQL has one code for all that `pg_hba.conf` does not allow. */
function refusal(message: string): string | undefined {
  if (message.includes('no encryption')) {
    return 'the database wants TLS: add sslmode=verify-full to DATABASE_URL';
  }
  if (message.includes('client certificate')) {
    return `the database wants a client certificate: name ${CLIENT}`;
  }
  if (message.startsWith('certificate authentication failed')) {
    return `the client certificate is for another user: check ${CLIENT}, and the user there`;
  }
  return byCode['28000'];
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
