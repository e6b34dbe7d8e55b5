import { defineConfig } from 'vitest/config';

// The recorders of test/replay/histories need the tests' servers, and are none of the tests.
export default defineConfig({
  test: {
    include: ['test/replay/record-*-histories.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // Some recordings wait for time-outs: two stages at once would only stretch them.
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
