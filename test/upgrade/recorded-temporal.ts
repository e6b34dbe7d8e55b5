import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { anyFreePort } from '../../stack/ports.ts';
import { temporalBinary } from '../support/own-temporal.ts';
import { waitFor } from '../support/wait.ts';

export interface RecordedTemporal {
  readonly address: string;
  /** Whole in itself once the server has been stopped. */
  readonly file: string;
  stop(): Promise<void>;
}

/** Temporal's development server, which keeps everything in one file and nothing in a log beside it. */
export async function startRecordedTemporal(folder: string): Promise<RecordedTemporal> {
  const port = await anyFreePort();
  const file = path.join(folder, 'temporal.db');
  const server = spawn(
    await temporalBinary(),
    [
      ...['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port)],
      ...['--db-filename', file, '--sqlite-pragma', 'journal_mode=delete', '--log-level', 'error'],
    ],
    { env: { HOME: folder, PATH: process.env['PATH'] }, stdio: 'ignore' },
  );
  process.once('exit', () => server.kill('SIGTERM'));
  const ended = once(server, 'exit');
  const address = `127.0.0.1:${port}`;
  await waitFor(
    async () => {
      const connection = await Connection.connect({ address });
      try {
        return await connection.workflowService.describeNamespace({ namespace: 'default' });
      } finally {
        await connection.close();
      }
    },
    { what: 'Temporal to start' },
  );
  return {
    address,
    file,
    stop: async () => {
      server.kill('SIGTERM');
      await ended;
    },
  };
}
