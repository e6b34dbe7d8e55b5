// Starts PostgreSQL in the folder given, prints its pid and port, and stays until it is killed.
import { anyFreePort } from '../../stack/ports.ts';
import { startPostgres } from '../../stack/postgres.ts';

const [directory = ''] = process.argv.slice(2);
const { pid, port } = await startPostgres({
  directory,
  port: await anyFreePort(),
  fast: true,
  log: () => undefined,
});
process.stdout.write(`${JSON.stringify({ pid, port })}\n`);
setInterval(() => undefined, 60_000);
