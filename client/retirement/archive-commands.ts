import type { Command } from 'commander';
import type {
  ArchivedBatch,
  ArchivedResult,
  ArchiveResult,
  HeldLearners,
} from '../../domain/retirement/archive.ts';
import type { Column, Output } from '../output.ts';
import type { Session } from '../session.ts';
import { examples, type Run } from '../tools.ts';
import { archiveNow } from './archive.ts';
import type { RetirementContext } from './context.ts';

/** `archive`: the file first, then the clean-up of the LMS, then our own rows. */
export function addArchiveCommand(retirement: Command, run: Run): void {
  retirement
    .command('archive')
    .option('--dry-run', 'only count; write nothing anywhere')
    .description(
      'archive COMPLETE learners whose waiting time is over, and remove them from the LMS and from here',
    )
    .addHelpText(
      'after',
      examples('registrar retirement archive --dry-run', 'registrar retirement archive --json'),
    )
    .action(({ dryRun = false }: { readonly dryRun?: boolean }, command: Command) =>
      run(command, async ({ session, output, progress }) => {
        const result = await progress.waiting(dryRun ? 'counting' : 'archiving', () =>
          archiveNow(contextOf(session), { dryRun }),
        );
        output.document(result);
        print(output, result);
      }),
    );
}

function contextOf(session: Session): RetirementContext {
  return {
    database: session.database(),
    temporal: () => session.temporal(),
    configuration: () => session.configuration(),
  };
}

function print(output: Output, result: ArchiveResult): void {
  if (result.kind === 'counted') {
    const { learners, batches, unfinished, held } = result;
    output.line(
      `${learners} would be archived, in ${batches} files; ${unfinished} of earlier files are not forgotten yet`,
    );
    printHeld(output, held);
    return;
  }
  if (result.batches.length > 0) output.table(result.batches, columns);
  output.line(
    `${result.learners} archived, ${result.cleaned} cleaned up in the LMS, ${result.forgotten} forgotten here`,
  );
  printRest(output, result);
}

function printRest(output: Output, { refused, refusedCount, held, left }: ArchivedResult): void {
  for (const { userId, because } of refused) {
    output.line(
      output.paint('yellow', `not cleaned up: LMS user ${userId}, ${because}; the next run tries again`),
    );
  }
  if (refusedCount > refused.length)
    output.line(output.paint('yellow', `not cleaned up: ${refusedCount - refused.length} others`));
  printHeld(output, held);
  if (left) output.line('there is more to archive: the next run goes on, or run this again');
}

function printHeld(output: Output, held: readonly HeldLearners[]): void {
  for (const { because, learners } of held)
    output.line(output.paint('yellow', `held back: ${learners}, ${because}; the next run tries again`));
}

const columns: readonly Column<ArchivedBatch>[] = [
  { head: 'BATCH', cell: ({ batchId }) => String(batchId), align: 'right' },
  { head: 'LEARNERS', cell: ({ learners }) => String(learners), align: 'right' },
  { head: 'CLEANED', cell: ({ cleaned }) => String(cleaned), align: 'right' },
  { head: 'FORGOTTEN', cell: ({ forgotten }) => String(forgotten), align: 'right' },
  { head: 'FILE', cell: ({ destination, fileKey }) => `${destination}/${fileKey}` },
];
