import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { issueErasureReceipt, issueProbeReceipt } from '../../activities/retirement/receipts/issuing.ts';
import { createReceiptKeys } from '../../activities/retirement/receipts/keys.ts';
import { changeState, findRetirement, insertRetirement } from '../../activities/retirement/store.ts';
import type { ReceiptSettings } from '../../config/configuration.ts';
import { openDatabase, type Database } from '../../db/database.ts';
import type { ReceiptProbe } from '../../receipts/receipt.ts';
import { sandboxConfigurationYaml } from '../../sandbox/lms/pipeline.ts';
import { createMigratedDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { registrar, type Ran } from './command-line.ts';

/** A database with receipts, and the command line on it: no Temporal and no LMS, which receipts do not need. */
export interface ReceiptsDesk {
  readonly database: Database;
  /** Goes at the end of the test. */
  readonly folder: string;
  /** Writes the configuration, with these keys. */
  configure(settings: ReceiptSettings): void;
  run(...argv: readonly string[]): Promise<Ran>;
  /** Id of the key that signs now. */
  keyId(): Promise<string>;
  /** Everybody is erased, in this order; one receipt each. LMS user ids count from 1 on. */
  erase(...usernames: readonly string[]): Promise<void>;
  /** Looks at an erasure again. */
  probe(of: number, userId: number, result: ReceiptProbe['result']): Promise<void>;
  close(): Promise<void>;
}

const stage = {
  startState: 'RETIRING_FORUMS',
  endState: 'FORUMS_COMPLETE',
  service: 'LMS',
  method: 'retirement_retire_forum',
} as const;
const ASKED_AT = new Date('2026-01-05T10:00:00Z');
const COMPLETED_AT = new Date('2026-01-13T10:00:00Z');

export async function setReceiptsDesk(): Promise<ReceiptsDesk> {
  const folder = temporaryFolder();
  const testDatabase = await createMigratedDatabase();
  const database = openDatabase({ url: testDatabase.url });
  const configurationPath = path.join(folder, 'registrar.yml');
  let settings: ReceiptSettings = {};
  let users = 0;
  const env = {
    DATABASE_URL: testDatabase.url,
    REGISTRAR_CONFIG: configurationPath,
    // Nobody's: somebody may run a server at the default one.
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  };

  const desk: ReceiptsDesk = {
    database,
    folder,
    configure: (changed) => {
      settings = changed;
      const receipts = {
        ...keyLine('signing_key', settings.signingKey),
        ...keyLine('token_key', settings.tokenKey),
        ...(settings.earlierKeys === undefined ? {} : { earlier_keys: settings.earlierKeys }),
        ...(settings.earlierTokenKeys === undefined
          ? {}
          : { earlier_token_keys: settings.earlierTokenKeys.map(inBase64) }),
      };
      writeFileSync(
        configurationPath,
        sandboxConfigurationYaml({
          lmsUrl: 'http://127.0.0.1:1',
          clientId: 'id',
          clientSecret: 'secret-7731',
          registrar: { receipts },
        }),
      );
    },
    run: (...argv) => registrar(argv, { env }),
    keyId: async () => (await createReceiptKeys(database).current(settings)).signing.keyId,
    erase: async (...usernames) => {
      const keys = await createReceiptKeys(database).current(settings);
      for (const username of usernames) {
        users += 1;
        const userId = users;
        await insertPerson(database, userId, username);
        const learner = await findRetirement(database, userId);
        if (learner === undefined) throw new Error('the row is not there');
        await database.transaction(async (tx) => {
          await changeState(tx, { userId, state: 'COMPLETE', line: 'COMPLETE' });
          await issueErasureReceipt(tx, keys, {
            learner,
            pipeline: [stage],
            completedAt: COMPLETED_AT,
            probes: [{ stage: stage.startState, result: 'gone', at: COMPLETED_AT.toISOString() }],
          });
        });
      }
    },
    probe: async (of, userId, result) => {
      const keys = await createReceiptKeys(database).current(settings);
      const at = new Date('2026-02-13T10:00:00Z');
      const probes = [{ stage: stage.startState, result, at: at.toISOString() }];
      await database.transaction((tx) => issueProbeReceipt(tx, keys, { of, userId, probes, at }));
    },
    close: async () => {
      await database.close();
      await testDatabase.drop();
    },
  };
  desk.configure({});
  return desk;
}

async function insertPerson(database: Database, userId: number, username: string): Promise<void> {
  const pending = { name: 'PENDING', order: 1 };
  await insertRetirement(
    database,
    {
      userId,
      retirementId: userId + 1000,
      originalUsername: username,
      originalEmail: `${username}@example.com`,
      originalName: `Name of ${username}`,
      retiredUsername: `retired-${userId}`,
      retiredEmail: `retired-${userId}@example.com`,
      currentState: pending,
      lastState: pending,
      requestedAt: ASKED_AT,
    },
    { coolOffUntil: ASKED_AT, dueAt: COMPLETED_AT },
  );
}

function keyLine(name: string, key: Uint8Array | undefined): Readonly<Record<string, string>> {
  return key === undefined ? {} : { [name]: inBase64(key) };
}

function inBase64(key: Uint8Array): string {
  return Buffer.from(key).toString('base64');
}
