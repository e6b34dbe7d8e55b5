import { DefaultLogger, Runtime } from '@temporalio/worker';

// Once a process, whatever stages a test sets up: a worker's ordinary words would bury the tests' own.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
});
