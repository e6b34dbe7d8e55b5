// Starts a Temporal server in the folder given, prints its pid and address, and stays until it is killed.
import { startTemporal } from '../../stack/temporal-server.ts';

const [binary = '', directory = ''] = process.argv.slice(2);
const { pid, address } = await startTemporal({ binary, directory, headless: true, log: () => undefined });
process.stdout.write(`${JSON.stringify({ pid, address })}\n`);
setInterval(() => undefined, 60_000);
