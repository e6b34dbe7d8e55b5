#!/usr/bin/env node
import { runCommandLine } from '../client/program.ts';
import { effectiveEnvironment, viewStack } from './environment.ts';

// A reader such as `head` that has seen enough is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const env = effectiveEnvironment(process.env);

let wasWorker = false;
process.exitCode = await runCommandLine(process.argv.slice(2), {
  env,
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal: process.stdout.isTTY && process.stderr.isTTY,
  processes: {
    // `up` brings its own servers: it reads what was really set.
    up: async (options) => (await import('./up.ts')).up({ env: process.env, ...options }),
    worker: async (options) => {
      wasWorker = true;
      await (await import('../worker/main.ts')).runWorker({ env, ...options });
    },
    stack: () => viewStack(env),
  },
});
// A stage that was given up may hold a connection open for long, and Temporal's runtime holds the process for ever.
if (wasWorker) process.exit();
