import type { Command } from 'commander';
import type { Output } from '../output.ts';
import { examples, type Run } from '../tools.ts';
import { retirementsOf } from './session-client.ts';
import type { PartnerReport } from './report.ts';

/** `report`: tells partners now whose erasure is done. */
export function addReportCommand(retirement: Command, run: Run): void {
  retirement
    .command('report')
    .description('ask the LMS whose erasure partners are to hear of, and deliver one file a partner')
    .addHelpText('after', examples('registrar retirement report', 'registrar retirement report --json'))
    .action((_options: unknown, command: Command) =>
      run(command, async ({ session, output, progress }) => {
        const report = await progress.waiting('reporting', () => retirementsOf(session).report());
        output.document(report);
        printReport(output, report);
      }),
    );
}

function printReport(output: Output, report: PartnerReport): void {
  const { files, learners, deleted } = report;
  if (files.length > 0) {
    output.table(files, [
      { head: 'PARTNER', cell: ({ partner }) => partner },
      { head: 'LEARNERS', cell: (file) => String(file.learners), align: 'right' },
      { head: 'FILE', cell: ({ name }) => name },
    ]);
  }
  output.line(
    `${learners} reported in ${files.length} files${deleted === 0 ? '' : `, ${deleted} old reports deleted`}`,
  );
  for (const remark of remarksOn(report)) output.line(remark);
}

function remarksOn(report: PartnerReport): readonly string[] {
  const { missing, unreadable, lost, recovered, left, leftUserIds } = report;
  const remarks: string[] = [];
  if (missing > 0) {
    remarks.push(
      `${missing} were gone from the LMS's queue before the clean-up: an answer to it was lost, or somebody removed them`,
    );
  }
  if (unreadable > 0) {
    remarks.push(`${unreadable} rows of the LMS have no id or no name: they stay "being processed" there`);
  }
  if (lost > 0) {
    remarks.push(
      `the LMS's answer was lost ${lost === 1 ? 'once' : `${lost} times`}: ${recovered} rows were put together again from our own; ` +
        `rows that another driver queued may be left "being processed" in the LMS: reset them in its admin`,
    );
  }
  if (left > 0) {
    const more = left > leftUserIds.length ? ', …' : '';
    remarks.push(
      `${left} could not be reported, since nobody knows their organisations: reset "being processed" in the LMS's admin for ` +
        `LMS users ${leftUserIds.join(', ')}${more}, and the next report has them`,
    );
  }
  return remarks;
}
