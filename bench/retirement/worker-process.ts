import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { createPlatformSource } from '../../activities/retirement/platform.ts';
import { createConfigurationSource } from '../../config/watch.ts';
import { openDatabase } from '../../db/database.ts';
import { createRetirementWorker } from '../../worker/retirement.ts';
import { tuning } from '../../worker/tuning.ts';

/** One worker process for both sides of the benchmark, under the product's own settings; a queue for each side. */
const [address = '', databaseUrl = '', configurationPath = ''] = process.argv.slice(2);

Runtime.install({
  logger: new DefaultLogger('WARN'),
  telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' } } },
});
const connection = await NativeConnection.connect({ address });
const database = openDatabase({ url: databaseUrl, maxConnections: tuning.databaseConnections });
const platform = createPlatformSource(createConfigurationSource({ path: configurationPath, env: {} }));
const workflowCode = { workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)) };
const log = pino({ level: 'warn' });
const workers = [
  await createRetirementWorker({ connection, namespace: 'default', database, platform, log, workflowCode }),
  await Worker.create({
    connection,
    namespace: 'default',
    taskQueue: 'empty',
    activities: { nothing: async () => undefined },
    ...workflowCode,
    ...tuning.worker,
  }),
];
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
const running = Promise.all(workers.map((worker) => worker.run()));
process.send?.('ready');
await running;
await connection.close();
await platform.close();
await database.close();
