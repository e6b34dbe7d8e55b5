import type { Command } from 'commander';
import type { Column } from '../output.ts';
import { dayText, instantText } from '../times.ts';
import { examples, type Run } from '../tools.ts';
import { printDetails } from './print-details.ts';
import { coursesOf } from './session-client.ts';
import type { StoredCourse } from './store.ts';

/** `list` and `show`: they change nothing. */
export function addReadingCommands(course: Command, run: Run): void {
  course
    .command('list')
    .description('all courses, the latest first')
    .addHelpText('after', examples('registrar course list', 'registrar course list --json'))
    .action((_options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const found = await coursesOf(session).list();
        output.document(found);
        if (found.length > 0) output.table(found, listColumns);
        else output.line('no courses yet: see `registrar course import --help`');
      }),
    );

  course
    .command('show')
    .argument('<SLUG>', 'the course')
    .description(
      "one course: totals, wikis, students, articles, schedule, last update and the workflow's URL",
    )
    .addHelpText(
      'after',
      examples('registrar course show botany-2026', 'registrar course show botany-2026 --json'),
    )
    .action((slug: string, _options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const details = await coursesOf(session).show(slug);
        output.document(details);
        printDetails(output, details);
      }),
    );
}

const listColumns: readonly Column<StoredCourse>[] = [
  { head: 'SLUG', cell: ({ slug }) => slug },
  { head: 'TITLE', cell: ({ title }) => title },
  { head: 'STARTS', cell: ({ startsAt }) => dayText(startsAt) },
  { head: 'ENDS', cell: ({ endsAt }) => dayText(endsAt) },
  { head: 'STUDENTS', cell: ({ userCount }) => String(userCount), align: 'right' },
  { head: 'ARTICLES', cell: ({ articleCount }) => String(articleCount), align: 'right' },
  { head: 'CHARACTERS', cell: ({ characterSum }) => String(characterSum), align: 'right' },
  { head: 'SLICES', cell: ({ slices }) => String(slices), align: 'right' },
  { head: 'MARKED', cell: ({ slicesMarked }) => String(slicesMarked), align: 'right' },
  { head: 'LEFT OVER', cell: ({ wikisLeft }) => wikisLeft.join(', ') },
  { head: 'UPDATED', cell: ({ updatedAt }) => (updatedAt === null ? 'never' : instantText(updatedAt)) },
];
