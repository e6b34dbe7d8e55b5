import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type pg from 'pg';

export type ConnectionSettings = Pick<pg.ClientConfig, 'connectionString' | 'ssl'>;

/** Parameters of an address that are about TLS, as libpq names them, and `ssl`, which only this library knows. */
const tlsParameters = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'ssl', 'uselibpqcompat'] as const;

/** `no-verify` is what other programs in JavaScript write for `require`. */
const modes = ['disable', 'require', 'no-verify', 'verify-ca', 'verify-full'] as const;
type Mode = (typeof modes)[number];

/**
 * What the library needs to connect to `url`. The TLS parameters mean what they mean to PostgreSQL's own programs, which the
 * library reads otherwise: `require` encrypts, and checks the server only against an authority that `sslrootcert` names. Without
 * an authority, `verify-full` trusts those that Node brings. Throws an Error of one line, without any part of the password, for
 * an address that cannot be used and a file that cannot be read.
 */
export function connectionSettings(url: string): ConnectionSettings {
  const address = parsed(url);
  const given = new Map(
    tlsParameters.flatMap((name) => {
      const value = address.searchParams.get(name);
      return value === null || value === '' ? [] : [[name, value] as const];
    }),
  );
  if (given.size === 0) return { connectionString: url };
  for (const name of tlsParameters) address.searchParams.delete(name);
  const mode = modeOf(given.get('sslmode'), given.get('ssl'));
  return { connectionString: address.href, ssl: mode === 'disable' ? false : tlsOptions(mode, given) };
}

function parsed(url: string): URL {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new Error(
      'DATABASE_URL is no address of a database: write postgres://user:password@host:5432/database, with %23 for # in a password, %2F for /, %3F for ?, %40 for @',
    );
  }
  return new URL(url);
}

function modeOf(sslmode: string | undefined, ssl: string | undefined): Mode {
  const written = sslmode ?? sslOf(ssl);
  const mode = modes.find((known) => known === written);
  if (mode !== undefined) return mode;
  const wanted = 'sslmode=verify-full (or verify-ca, require, disable)';
  if (written === undefined) throw new Error(`DATABASE_URL has certificates but no sslmode: add ${wanted}`);
  if (written === 'prefer' || written === 'allow') {
    throw new Error(
      `DATABASE_URL has sslmode=${written}, which would go on in plain text where there is no TLS: write ${wanted}`,
    );
  }
  throw new Error(`DATABASE_URL has an sslmode that does not exist: write ${wanted}`);
}

function sslOf(ssl: string | undefined): string | undefined {
  if (ssl === 'true' || ssl === '1') return 'verify-full';
  return ssl === 'false' || ssl === '0' ? 'disable' : ssl;
}

function tlsOptions(
  mode: Exclude<Mode, 'disable'>,
  given: ReadonlyMap<(typeof tlsParameters)[number], string>,
): ConnectionOptions {
  const rootCertificate = given.get('sslrootcert');
  // `system` is libpq's word for the authorities of the machine; ours are Node's.
  const ca =
    rootCertificate === undefined || rootCertificate === 'system'
      ? undefined
      : contentOf('sslrootcert', rootCertificate);
  if (mode === 'verify-ca' && ca === undefined) {
    throw new Error('DATABASE_URL has sslmode=verify-ca without an authority: add sslrootcert=FILE');
  }
  const [cert, key] = [given.get('sslcert'), given.get('sslkey')];
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error(
      `DATABASE_URL has ${cert === undefined ? 'sslkey without sslcert' : 'sslcert without sslkey'}: name both files`,
    );
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert: contentOf('sslcert', cert) }),
    ...(key === undefined ? {} : { key: contentOf('sslkey', key) }),
    ...checksOf(mode, ca !== undefined),
  };
}

function checksOf(mode: Mode, hasAuthority: boolean): ConnectionOptions {
  if (mode === 'verify-full') return {};
  if (mode === 'no-verify' || !hasAuthority) return { rejectUnauthorized: false };
  // The authority is checked, the name in the certificate is not.
  return { checkServerIdentity: () => undefined };
}

function contentOf(parameter: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown trouble';
    throw new Error(
      `DATABASE_URL: the file ${file} of ${parameter} cannot be read (${code}): correct the path, or let this user read it`,
      { cause: error },
    );
  }
}
