import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { databaseAccount } from '../../stack/account.ts';
import { anyFreePort } from '../../stack/ports.ts';
import { startPostgres } from '../../stack/postgres.ts';
import { waitFor } from '../support/wait.ts';
import type { Authority, Issued } from './connections-certificates.ts';

/** A PostgreSQL server of one test. */
export interface OwnPostgres {
  readonly port: number;
  /** As the superuser. */
  readonly url: string;
  /** Switches TLS on with this certificate, or off, and replaces `pg_hba.conf`. Answers when it applies. */
  serve(server: Issued | undefined, rules: readonly string[]): Promise<void>;
  execute(...statements: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Starts the server; `clients` is the authority whose client certificates it believes. */
export async function startOwnPostgres(clients?: Authority): Promise<OwnPostgres> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'registrar-postgres-'));
  chmodSync(directory, 0o711);
  const server = await startPostgres({
    directory: path.join(directory, 'postgres'),
    port: await anyFreePort(),
    fast: true,
    log: () => undefined,
  });
  const url = server.url('registrar');
  const data = path.join(directory, 'postgres', 'data');
  const account = databaseAccount();
  const write = (name: string, content: string): void => {
    const file = path.join(data, name);
    writeFileSync(file, content, { mode: 0o600 });
    if (account.uid !== undefined && account.gid !== undefined) chownSync(file, account.uid, account.gid);
  };
  const asAdmin = async <Result>(work: (admin: pg.Client) => Promise<Result>): Promise<Result> => {
    const admin = new pg.Client({ connectionString: url });
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.end();
    }
  };

  return {
    port: server.port,
    url,
    serve: async (issued, rules) => {
      const mark = randomBytes(6).toString('hex');
      if (issued !== undefined) {
        write('server.crt', issued.cert);
        write('server.key', issued.key);
        write('clients.crt', clients?.cert ?? issued.cert);
      }
      write('pg_hba.conf', ['host all registrar 127.0.0.1/32 scram-sha-256', ...rules, ''].join('\n'));
      const settings = [
        ...(issued === undefined ? ['ssl = off'] : ['ssl = on', `ssl_ca_file = 'clients.crt'`]),
        `registrar.mark = '${mark}'`,
      ];
      write('postgresql.auto.conf', `${settings.join('\n')}\n`);
      process.kill(server.pid, 'SIGHUP');
      // A connection that sees the mark was taken by a server that has read all of its files anew.
      await waitFor(
        () =>
          asAdmin(async (admin) => {
            const { rows } = await admin.query<{ mark: string | null }>(
              `select current_setting('registrar.mark', true) as mark`,
            );
            return rows[0]?.mark === mark;
          }),
        { what: 'PostgreSQL to read its settings' },
      );
    },
    execute: (...statements) =>
      asAdmin(async (admin) => {
        for (const statement of statements) await admin.query(statement);
      }),
    close: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
