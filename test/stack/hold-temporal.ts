// Starts a Temporal server in the folder given, prints its pid and address, and stays until it is killed.
import { anyFreePort } from '../../stack/ports.ts';
import { startTemporal } from '../../stack/temporal-server.ts';

const [binary = '', directory = ''] = process.argv.slice(2);
const port = await anyFreePort();
const { pid, address } = await startTemporal({
  binary,
  directory,
  port,
  headless: true,
  log: () => undefined,
});
process.stdout.write(`${JSON.stringify({ pid, address })}\n`);
setInterval(() => undefined, 60_000);
