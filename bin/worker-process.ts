import { runWorker } from '../worker/main.ts';

// The worker of `registrar up`: says when it polls, and ends with the process that started it, however that one ended.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));

try {
  await runWorker({ env: process.env, onReady: () => process.send?.('ready') });
  process.exit(0);
} catch (error) {
  process.stderr.write(`registrar worker: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
