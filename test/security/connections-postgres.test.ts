import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../db/database.ts';
import { complaints, registrar } from '../client/command-line.ts';
import { createAuthority, type Issued } from './connections-certificates.ts';
import { startOwnPostgres, type OwnPostgres } from './connections-postgres.ts';

const PASSWORD = 'Vq7#pg/Secret@1';

const authority = createAuthority('Authority of the servers');
const clients = createAuthority('Authority of the clients');
const strangers = createAuthority('Nobody knows this one');
const yesterday = new Date(Date.now() - 86_400_000);

let folder: string;
let postgres: OwnPostgres;

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-connections-'));
  written('authority.pem', authority.cert);
  written('strangers.pem', strangers.cert);
  postgres = await startOwnPostgres(clients);
  await postgres.execute(
    `create role app login password '${PASSWORD}'`,
    `create database app owner app`,
    `create role by_certificate login`,
  );
});
afterAll(async () => {
  await postgres.close();
  rmSync(folder, { recursive: true, force: true });
});

function written(name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

const file = (name: string): string => path.join(folder, name);
const onlyByTls = ['hostssl all all 127.0.0.1/32 scram-sha-256'];
const issue = (...hosts: readonly string[]): Issued => authority.issue({ name: 'postgres', hosts });

interface Asked {
  readonly host?: string;
  readonly user?: string;
  readonly password?: string;
}

function urlOf(
  parameters: string,
  { host = '127.0.0.1', user = 'app', password = PASSWORD }: Asked = {},
): string {
  const credentials = `${user}:${encodeURIComponent(password)}`;
  return `postgres://${credentials}@${host}:${postgres.port}/app${parameters === '' ? '' : `?${parameters}`}`;
}

/** Whether the server sees TLS. */
async function isEncrypted(url: string): Promise<boolean | undefined> {
  const database = openDatabase({ url, maxConnections: 1 });
  try {
    const { rows } = await database.query<{ ssl: boolean }>(
      'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
    );
    return rows[0]?.ssl;
  } finally {
    await database.close();
  }
}

/** What a command says that cannot connect so. */
async function complaint(url: string): Promise<string> {
  const ran = await registrar(['course', 'list'], { env: { DATABASE_URL: url } });
  expect(ran).toMatchObject({ status: 1, stdout: '' });
  expect(complaints(ran)).toHaveLength(1);
  expect(ran.stderr).not.toMatch(/queryable|terminated|SECURITY WARNING|\n\s+at /);
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(ran.stderr).not.toContain(secret);
  return ran.stderr.trim();
}

describe('a PostgreSQL server that wants TLS', () => {
  beforeAll(() => postgres.serve(issue('localhost', '127.0.0.1'), onlyByTls));

  it.each(['verify-full', 'verify-ca', 'require'])(
    'is used with sslmode=%s and its authority',
    async (mode) => {
      expect(await isEncrypted(urlOf(`sslmode=${mode}&sslrootcert=${file('authority.pem')}`))).toBe(true);
    },
  );

  it('is used with sslmode=require and no authority, as by psql, without a word', async () => {
    const warnings: string[] = [];
    const note = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', note);
    expect(await isEncrypted(urlOf('sslmode=require'))).toBe(true);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('is not believed with another authority, nor by those that Node brings', async () => {
    for (const parameters of [
      `sslmode=verify-full&sslrootcert=${file('strangers.pem')}`,
      `sslmode=verify-ca&sslrootcert=${file('strangers.pem')}`,
      `sslmode=require&sslrootcert=${file('strangers.pem')}`,
      'sslmode=verify-full',
      'sslmode=verify-full&sslrootcert=system',
    ]) {
      expect(await complaint(urlOf(parameters))).toMatch(
        /not signed by an authority known here \([A-Z_]+\): name that authority's file as sslrootcert in DATABASE_URL$/,
      );
    }
  });

  it('is asked for by name when DATABASE_URL does not', async () => {
    expect(await complaint(urlOf('sslmode=disable'))).toMatch(/wants TLS: add sslmode=verify-full/);
    expect(await complaint(urlOf(''))).toMatch(/wants TLS: add sslmode=verify-full/);
  });
});

describe('the name in the certificate of a PostgreSQL server', () => {
  const trusting = (mode: string): string => `sslmode=${mode}&sslrootcert=${file('authority.pem')}`;

  it('counts for verify-full, and not for verify-ca', async () => {
    await postgres.serve(issue('db.example'), onlyByTls);
    for (const host of ['127.0.0.1', 'localhost']) {
      expect(await complaint(urlOf(trusting('verify-full'), { host }))).toMatch(
        /certificate of the database is for another host/,
      );
      expect(await isEncrypted(urlOf(trusting('verify-ca'), { host }))).toBe(true);
    }
  });

  it('is not taken for localhost where the address is a number', async () => {
    await postgres.serve(issue('localhost'), onlyByTls);
    expect(await isEncrypted(urlOf(trusting('verify-full'), { host: 'localhost' }))).toBe(true);
    expect(await complaint(urlOf(trusting('verify-full')))).toMatch(/is for another host/);
  });

  it('does not help when it has expired', async () => {
    await postgres.serve(
      authority.issue({ name: 'postgres', hosts: ['127.0.0.1'], expiresAt: yesterday }),
      onlyByTls,
    );
    expect(await complaint(urlOf(trusting('verify-full')))).toMatch(
      /certificate of the database has expired/,
    );
  });
});

describe('a PostgreSQL server that wants client certificates', () => {
  const rules = [
    'hostssl all by_certificate 127.0.0.1/32 cert',
    'hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full',
  ];
  let certificates = 0;
  const withCertificate = ({ cert, key }: Issued): string => {
    certificates += 1;
    const [sslcert, sslkey] = [written(`${certificates}.pem`, cert), written(`${certificates}.key`, key)];
    return `sslmode=verify-full&sslrootcert=${file('authority.pem')}&sslcert=${sslcert}&sslkey=${sslkey}`;
  };
  beforeAll(() => postgres.serve(issue('127.0.0.1'), rules));

  it('is used with the right one, also in place of a password', async () => {
    const parameters = withCertificate(clients.issue({ name: 'app' }));
    expect(await isEncrypted(urlOf(parameters))).toBe(true);
    const own = withCertificate(clients.issue({ name: 'by_certificate' }));
    expect(await isEncrypted(urlOf(own, { user: 'by_certificate', password: '' }))).toBe(true);
  });

  it('is said to want one', async () => {
    const url = urlOf(`sslmode=verify-full&sslrootcert=${file('authority.pem')}`);
    expect(await complaint(url)).toMatch(/wants a client certificate: name sslcert and sslkey/);
  });

  it('is said to refuse one of another authority, one that has expired, and one of another user', async () => {
    const stranger = withCertificate(strangers.issue({ name: 'app' }));
    expect(await complaint(urlOf(stranger))).toMatch(/sslcert and sslkey in DATABASE_URL/);
    const expired = withCertificate(clients.issue({ name: 'app', expiresAt: yesterday }));
    expect(await complaint(urlOf(expired))).toMatch(/sslcert and sslkey in DATABASE_URL/);
    const other = withCertificate(clients.issue({ name: 'somebody' }));
    expect(await complaint(urlOf(other, { user: 'by_certificate' }))).toMatch(/is for another user/);
  });

  it('is not asked with the key of another certificate, or with files that are none', async () => {
    const mixed = { cert: clients.issue({ name: 'app' }).cert, key: clients.issue({ name: 'app' }).key };
    expect(await complaint(urlOf(withCertificate(mixed)))).toMatch(/sslcert and sslkey in DATABASE_URL/);
    const garbage = { cert: 'no certificate', key: 'no key' };
    expect(await complaint(urlOf(withCertificate(garbage)))).toMatch(/sslcert and sslkey in DATABASE_URL/);
  });
});

describe('a PostgreSQL server without TLS', () => {
  beforeAll(() => postgres.serve(undefined, ['host all all 127.0.0.1/32 scram-sha-256']));

  it('is used without sslmode, and with sslmode=disable', async () => {
    expect(await isEncrypted(urlOf(''))).toBe(false);
    expect(await isEncrypted(urlOf('sslmode=disable'))).toBe(false);
  });

  it.each(['require', 'verify-full'])('is never spoken to in plain text with sslmode=%s', async (mode) => {
    expect(await complaint(urlOf(`sslmode=${mode}`))).toMatch(/the database speaks no TLS/);
  });

  it('says in words that a password is wrong, missing, or unreadable', async () => {
    expect(await complaint(urlOf('', { password: `${PASSWORD}x` }))).toMatch(
      /does not accept this user and password/,
    );
    expect(await complaint(`postgres://app@127.0.0.1:${postgres.port}/app`)).toMatch(
      /asks for a password and there is none/,
    );
    const raw = `postgres://app:${PASSWORD}@127.0.0.1:${postgres.port}/app`;
    expect(await complaint(raw)).toMatch(/DATABASE_URL is no address of a database: .*%23 for #/);
  });
});

describe('an address of a database', () => {
  it.each([
    ['sslmode=prefer', /has sslmode=prefer, which would go on in plain text/],
    ['sslmode=Require', /an sslmode that does not exist: write sslmode=verify-full/],
    ['sslmode=verify-ca', /sslmode=verify-ca without an authority: add sslrootcert=FILE/],
    ['sslrootcert=/some/file', /has certificates but no sslmode: add sslmode=verify-full/],
    ['sslmode=verify-full&sslcert=/some/file', /has sslcert without sslkey: name both files/],
    [
      'sslmode=verify-full&sslrootcert=/nonexistent/ca.pem',
      /the file \/nonexistent\/ca.pem of sslrootcert cannot be read \(ENOENT\)/,
    ],
  ])('with %s is refused', async (parameters, line) => {
    expect(await complaint(urlOf(parameters))).toMatch(line);
  });

  it('may stand in a file', async () => {
    const url = written('database-url', `${urlOf('')}\n`);
    const listed = await registrar(['course', 'list'], { env: { DATABASE_URL_FILE: url } });
    expect(listed.stderr).toContain('run `registrar setup`');
    const both = await registrar(['course', 'list'], {
      env: { DATABASE_URL_FILE: url, DATABASE_URL: urlOf('') },
    });
    expect(complaints(both)).toEqual([
      'registrar: DATABASE_URL and DATABASE_URL_FILE are both set; unset one of them',
    ]);
    for (const DATABASE_URL_FILE of ['/nonexistent/url', '/', written('empty', '\n')]) {
      const ran = await registrar(['course', 'list'], { env: { DATABASE_URL_FILE } });
      expect(complaints(ran)).toHaveLength(1);
      expect(ran.stderr).toContain(`registrar: DATABASE_URL_FILE names ${DATABASE_URL_FILE}, which `);
    }
  });
});
