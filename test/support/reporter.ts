import type { TestModule, TestRunEndReason, Reporter } from 'vitest/node';

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Prints `N passed, N failed` (and `, N skipped` where there are any) as the run's last line, and above it what failed, by name. What
 * failed outside a test counts too: a file that does not load, a hook of a file or a suite, an error nobody caught, the global setup.
 */
export class SummaryReporter implements Reporter {
  private totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  private failed: readonly string[] = [];
  private ended = false;
  private started = false;

  onInit(): void {
    // Everything else that speaks at the end, the default reporter and the teardown, has spoken when the process exits.
    process.once('exit', (code) => {
      if (!this.started && code === 0) return; // `vitest --help`, `vitest list`
      if (!this.ended && this.totals.failed === 0) this.totals.failed = 1;
      if (code !== 0 && this.totals.failed === 0) this.totals.failed = 1;
      const { passed, failed, skipped } = this.totals;
      process.stdout.write(this.failed.map((name) => `failed: ${name}\n`).join(''));
      process.stdout.write(
        `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
      );
    });
  }

  onTestRunStart(): void {
    this.started = true;
    this.ended = false;
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: TestRunEndReason): void {
    this.ended = true;
    const totals = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) countModule(module, totals);
    if (reason === 'interrupted' && totals.failed === 0) totals.failed = 1;
    this.totals = totals;
    this.failed = modules.flatMap(failedIn);
  }
}

function countModule(module: TestModule, totals: Totals): void {
  totals.failed += outsideTests(module);
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    // A test still pending at the end never ran: its file or its worker broke off.
    if (state === 'pending') totals.failed += 1;
    else totals[state] += 1;
  }
}

/** Failures of the file itself and of its suites' hooks. */
function outsideTests(module: TestModule): number {
  const suites = [...module.children.allSuites()];
  return [module, ...suites].filter((part) => part.errors().length > 0).length;
}

/** Tests by file and full name; a file by its name where something beside its tests failed. */
function failedIn(module: TestModule): readonly string[] {
  const file = module.relativeModuleId;
  const tests = [...module.children.allTests()].filter((test) =>
    ['failed', 'pending'].includes(test.result().state),
  );
  return [
    ...(outsideTests(module) > 0 ? [`${file}, outside its tests`] : []),
    ...tests.map(({ fullName }) => `${file} > ${fullName}`),
  ];
}
