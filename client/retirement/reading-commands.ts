import type { Command } from 'commander';
import { statesInOrder } from '../../domain/retirement/pipeline.ts';
import type { PlannedStage } from '../../domain/retirement/resume.ts';
import { ERRORED, terminalStates } from '../../domain/retirement/states.ts';
import type { Column, Output } from '../output.ts';
import { wrongUsage } from '../operation-error.ts';
import type { Session } from '../session.ts';
import { dayText, spanText } from '../times.ts';
import { examples, type Run } from '../tools.ts';
import type { ResumePlan } from './plan.ts';
import { printDetails } from './print-details.ts';
import { retirementsOf } from './session-client.ts';
import type { RetirementSummary } from './show.ts';

/** `list`, `show` and `plan`: they change nothing. */
export function addReadingCommands(retirement: Command, run: Run): void {
  retirement
    .command('list')
    .description('all retirements with state, stage, age and due date, the most urgent first')
    .option('--state <STATE>', 'only learners in this state')
    .option('--overdue', 'only learners who should have been erased by now')
    .addHelpText(
      'after',
      examples('registrar retirement list --state ERRORED', 'registrar retirement list --overdue --json'),
    )
    .action((filter: { readonly state?: string; readonly overdue?: boolean }, command: Command) =>
      run(command, async ({ session, output }) => {
        const found = await retirementsOf(session).list(filter);
        if (found.length === 0) await requireKnownState(session, filter.state);
        output.document(found);
        if (found.length > 0) output.table(found, listColumns(output));
        else output.line(nobody(filter));
      }),
    );

  retirement
    .command('show')
    .argument('<WHO>', 'LMS user id, username, e-mail address or workflow id')
    .description("one learner: state, history, responses, last failure and the workflow's URL")
    .addHelpText(
      'after',
      examples('registrar retirement show 42', 'registrar retirement show ada@example.com --json'),
    )
    .action((who: string, _options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const uiUrl = session.env['TEMPORAL_UI_URL'];
        const details = await retirementsOf(session).show(who, { uiUrl });
        output.document(details);
        printDetails(output, details);
      }),
    );

  retirement
    .command('plan')
    .argument('<WHO>', 'LMS user id, username, e-mail address or workflow id')
    .requiredOption('--from <STATE>', 'the state before the stage to retry, as for resume')
    .description('which stages a resume would run, repeat or skip; changes nothing')
    .addHelpText('after', examples('registrar retirement plan ada --from ENROLLMENTS_COMPLETE'))
    .action((who: string, { from }: { readonly from: string }, command: Command) =>
      run(command, async ({ session, output }) => {
        const plan = await retirementsOf(session).plan(who, from);
        output.document(plan);
        printPlan(output, plan);
      }),
    );
}

function listColumns(output: Output): readonly Column<RetirementSummary>[] {
  const now = Date.now();
  return [
    { head: 'USER', cell: ({ userId }) => String(userId), align: 'right' },
    { head: 'USERNAME', cell: ({ username }) => username },
    {
      head: 'STATE',
      cell: ({ state }) => (state === ERRORED ? output.paint('red', state) : state),
    },
    { head: 'STAGE', cell: ({ stage }) => stage ?? '' },
    { head: 'AGE', cell: ({ requestedAt }) => spanText(now - requestedAt.getTime()), align: 'right' },
    {
      head: 'DUE',
      cell: ({ dueAt, overdue }) =>
        overdue ? output.paint('red', `${dayText(dueAt)} overdue`) : dayText(dueAt),
    },
  ];
}

/** Throws for a state that nobody could be in: to a script that watches, a slip of the pen would look as if all were well. */
async function requireKnownState(session: Session, state: string | undefined): Promise<void> {
  if (state === undefined) return;
  const loaded = await session.loadConfiguration();
  if (loaded.kind === 'invalid') return;
  const known = [...statesInOrder(loaded.configuration.pipeline), ...terminalStates];
  if (!known.includes(state)) {
    throw wrongUsage(`nobody is in ${state}, which is no state of the pipeline; it has: ${known.join(', ')}`);
  }
}

function nobody({ state, overdue }: { readonly state?: string; readonly overdue?: boolean }): string {
  if (state !== undefined) return `nobody is in ${state}${overdue ? ' and overdue' : ''}`;
  return overdue ? 'nobody is overdue' : 'no retirements yet';
}

const actionTexts: Readonly<Record<PlannedStage['action'], string>> = {
  run: 'would run',
  repeat: 'would run again',
  skip: 'would be skipped',
  keep: 'done, not touched',
};

function printPlan(output: Output, { userId, state, from, stages, resumable, needsSkip }: ResumePlan): void {
  output.line(`LMS user ${userId} is ${state}; a resume from ${from}:`);
  output.table(stages, [
    { head: 'STAGE', cell: ({ startState }) => startState },
    { head: 'DOES', cell: ({ service, method }) => `${service}.${method}` },
    { head: 'PLAN', cell: ({ action }) => actionTexts[action] },
  ]);
  if (!resumable) output.line(`Only an ${ERRORED} retirement can be resumed: this one would be refused now.`);
  if (needsSkip) output.line('It leaves out stages that were never completed: the resume needs --skip.');
}
