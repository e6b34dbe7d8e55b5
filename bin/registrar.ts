#!/usr/bin/env node
import { runCommandLine } from '../client/program.ts';
import { effectiveEnvironment, viewStack } from './environment.ts';

// A reader such as `head` that has seen enough is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const env = effectiveEnvironment(process.env);

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env,
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal: process.stdout.isTTY && process.stderr.isTTY,
  processes: {
    // `up` brings its own servers: it reads what was really set.
    up: async (options) => (await import('./up.ts')).up({ env: process.env, ...options }),
    worker: async (options) => {
      await (await import('../worker/main.ts')).runWorker({ env, ...options });
      // A stage that was given up may hold a connection open for long.
      process.exit(0);
    },
    stack: () => viewStack(env),
  },
});
