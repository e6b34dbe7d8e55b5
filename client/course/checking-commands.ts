import type { Command } from 'commander';
import type { Output } from '../output.ts';
import { examples, type Run } from '../tools.ts';
import { printExplanation } from './print-explanation.ts';
import { coursesOf } from './session-client.ts';
import type { NamedDifference, Verified } from './verify.ts';

/** `verify` and `explain`: whether the numbers are right, and where they come from. They change nothing. */
export function addCheckingCommands(course: Command, run: Run): void {
  course
    .command('verify')
    .argument('<SLUG>', 'the course')
    .description('rebuild a course from nothing in a scratch schema and compare every number')
    .addHelpText('after', examples('registrar course verify botany-2026'))
    .action((slug: string, _options: unknown, command: Command) =>
      run(command, async ({ session, output, progress }) => {
        const verified = await progress.waiting(`verifying ${slug}`, () => coursesOf(session).verify(slug));
        output.document(verified);
        printVerified(output, verified);
        const { length } = verified.differences;
        if (length === 0) return 0;
        // Marks say what the next update builds; a row that is wrong without one only a full rebuild looks at.
        const remedy = `registrar course update ${slug} --wait${verified.slicesMarked > 0 ? '' : ' --full'}`;
        output.notice(
          `registrar: ${length} ${length === 1 ? 'row differs' : 'rows differ'} from a rebuild: run \`${remedy}\` and verify again`,
        );
        return 1;
      }),
    );

  course
    .command('explain')
    .argument('<SLUG>', 'the course')
    .option('--user <U>', 'only what this user did')
    .option('--article <TITLE>', "only what was done to this page; without the namespace's name")
    .option('--slice <TIME>', 'only the slices that hold this moment, ISO 8601')
    .description(
      'where a number comes from: wikis, slices, students, articles, edits; and why an edit does not count',
    )
    .addHelpText(
      'after',
      examples(
        'registrar course explain botany-2026',
        'registrar course explain botany-2026 --user Alice --article "Oak tree"',
        'registrar course explain botany-2026 --slice 2026-03-14T12:00:00Z --json',
      ),
    )
    .action((slug: string, asked: ExplainOptions, command: Command) =>
      run(command, async ({ session, output, progress }) => {
        const isNarrowed = Object.values(asked).some((value) => value !== undefined && value !== false);
        const { user, article, slice } = asked;
        // Of a whole course people see sums: its edits may be a million.
        const facts = output.json || isNarrowed;
        const explanation = await progress.waiting(`reading ${slug}`, () =>
          coursesOf(session).explain(slug, { user, article, slice, facts }),
        );
        output.document(explanation);
        printExplanation(output, explanation);
      }),
    );
}

interface ExplainOptions {
  readonly user?: string;
  readonly article?: string;
  readonly slice?: string;
}

function printVerified(output: Output, { slug, differences, slicesMarked }: Verified): void {
  if (slicesMarked > 0) {
    output.line(
      `${slicesMarked} slices of ${slug} are marked: their numbers may be behind until the next update.`,
    );
  }
  if (differences.length === 0) output.line(`${slug}: every number equals a rebuild`);
  else {
    output.table(differences.flatMap(cellsOf), [
      { head: 'TABLE', cell: ({ table }) => table },
      { head: 'ROW', cell: ({ row }) => row },
      { head: 'COLUMN', cell: ({ column }) => column },
      { head: 'STORED', cell: ({ stored }) => stored, align: 'right' },
      { head: 'REBUILT', cell: ({ rebuilt }) => rebuilt, align: 'right' },
    ]);
  }
}

interface DifferingCell {
  readonly table: string;
  readonly row: string;
  readonly column: string;
  readonly stored: string;
  readonly rebuilt: string;
}

function cellsOf({ table, row, stored, rebuilt }: NamedDifference): readonly DifferingCell[] {
  if (stored === null) return [{ table, row, column: '', stored: 'no row', rebuilt: 'a row' }];
  if (rebuilt === null) return [{ table, row, column: '', stored: 'a row', rebuilt: 'no row' }];
  return Object.keys(stored).map((column) => ({
    table,
    row,
    column,
    stored: JSON.stringify(stored[column]),
    rebuilt: JSON.stringify(rebuilt[column]),
  }));
}
