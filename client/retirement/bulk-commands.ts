import type { Command } from 'commander';
import type { BulkTarget } from '../../domain/retirement/bulk.ts';
import { wrongUsage } from '../operation-error.ts';
import type { Output } from '../output.ts';
import { examples, type Run, type Tools } from '../tools.ts';
import { periodOf } from './bulk-period.ts';
import type { BulkOutcome } from './bulk-status.ts';
import { retirementsOf } from './session-client.ts';

interface BulkOptions {
  readonly initialState: string;
  readonly newState?: string;
  readonly rewindState?: boolean;
  readonly startDate?: string;
  readonly endDate?: string;
  readonly dryRun?: boolean;
}

/** `bulk-status`: moves everybody who is in a state. Options as those of Open edX's own script. */
export function addBulkCommand(retirement: Command, run: Run): void {
  retirement
    .command('bulk-status')
    .requiredOption(
      '--initial-state <STATE>',
      'the state that the learners are in: ERRORED, COMPLETE or PENDING',
    )
    .option(
      '--new-state <STATE>',
      'ERRORED: where to resume from; COMPLETE: PENDING, to run everything again; PENDING: ABORTED, to cancel',
    )
    .option(
      '--rewind-state',
      'ERRORED: each goes back to the state before the stage that failed, and retries it',
    )
    .option('--start-date <DAY>', 'only who asked for deletion on this day (YYYY-MM-DD, UTC) or later')
    .option('--end-date <DAY>', 'only who asked for deletion on this day or earlier')
    .option('--dry-run', 'only say what would happen')
    .description('move everybody who is in one state to another')
    .addHelpText(
      'after',
      examples(
        'registrar retirement bulk-status --initial-state ERRORED --rewind-state --dry-run',
        'registrar retirement bulk-status --initial-state COMPLETE --new-state PENDING --start-date 2026-11-01 --end-date 2026-11-07',
      ),
    )
    .action((options: BulkOptions, command: Command) => run(command, (tools) => bulkStatus(tools, options)));
}

async function bulkStatus({ session, output, progress }: Tools, options: BulkOptions): Promise<number> {
  const { initialState, dryRun = false } = options;
  const target = targetOf(options);
  const period = periodOf(options, new Date());
  const outcomes = await progress.counting(`moving ${initialState}`, (watch) =>
    retirementsOf(session).bulkStatus({ initialState, target, period, dryRun }, watch),
  );
  const moved = outcomes.filter(({ outcome }) => outcome === 'moved' || outcome === 'would-move').length;
  const notMoved = outcomes.length - moved;
  const newState = target.kind === 'state' ? target.state : null;
  output.document({ initialState, newState, dryRun, moved, notMoved, outcomes });
  printOutcomes(output, outcomes, initialState);
  if (notMoved === 0 || dryRun) return 0;
  output.notice(`registrar: ${notMoved} of ${outcomes.length} were not moved: the table says why`);
  return 1;
}

function targetOf({ newState, rewindState }: BulkOptions): BulkTarget {
  if (newState !== undefined && rewindState) {
    throw wrongUsage('--new-state and --rewind-state contradict each other: say one of them');
  }
  if (rewindState) return { kind: 'rewind' };
  if (newState === undefined || newState === '') {
    throw wrongUsage('move them where? Say --new-state STATE, or --rewind-state to retry what failed');
  }
  return { kind: 'state', state: newState };
}

function printOutcomes(output: Output, outcomes: readonly BulkOutcome[], initialState: string): void {
  if (outcomes.length === 0) return output.line(`nobody in these dates is ${initialState}`);
  output.table(outcomes, [
    { head: 'USER', cell: ({ userId }) => String(userId), align: 'right' },
    { head: 'USERNAME', cell: ({ username }) => username },
    { head: 'OUTCOME', cell: ({ outcome }) => outcome },
    { head: '', cell: ({ message }) => message.split('\n').join('; ') },
  ]);
}
