import { startSandboxLms } from '../../sandbox/lms/server.ts';
import { credentials } from './credentials.ts';

const [databaseUrl = ''] = process.argv.slice(2);
const lms = await startSandboxLms({ databaseUrl, port: 0, credentials });
process.send?.(lms.url);
process.once('disconnect', () => void lms.close().then(() => process.exit(0)));
