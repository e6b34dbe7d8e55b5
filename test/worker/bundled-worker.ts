// The worker as bin/worker-process.ts runs it, with the workflows that the test run bundled: bundling takes a process some seconds.
import { runWorker } from '../../worker/main.ts';

const taskQueues = process.env['TEST_TASK_QUEUES']?.split(',');

try {
  await runWorker({
    env: process.env,
    ...(taskQueues && { taskQueues }),
    workflowCode: { workflowBundle: { codePath: process.env['TEST_WORKFLOW_BUNDLE'] ?? '' } },
  });
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
