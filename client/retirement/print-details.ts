import type { StoredFailure } from '../../activities/retirement/store.ts';
import type { Output } from '../output.ts';
import { instantText } from '../times.ts';
import type { RetirementDetails } from './show.ts';

/** Everything of one learner, for people. */
export function printDetails(output: Output, details: RetirementDetails): void {
  const { workflow, status } = details;
  output.table(factsOf(details), [
    { head: 'RETIREMENT', cell: ([name]) => name },
    { head: String(details.userId), cell: ([, value]) => value },
  ]);
  printFailure(output, details.lastFailure);
  if (status !== null) {
    section(output, 'STAGES');
    output.table(status.stages, [
      { head: 'STAGE', cell: ({ startState }) => startState },
      { head: 'DOES', cell: ({ service, method }) => `${service}.${method}` },
      { head: '', cell: ({ progress }) => progress },
      { head: 'ENDED', cell: ({ endedAt }) => (endedAt === undefined ? '' : instantText(endedAt)) },
    ]);
    if (status.resumableFrom.length > 0) {
      output.line();
      output.line(
        `Resume: registrar retirement resume ${details.userId} --from ${status.resumableFrom.at(-1) ?? ''}`,
      );
      output.line(`Other states to resume from: ${status.resumableFrom.slice(0, -1).join(', ') || 'none'}`);
    }
  } else if (workflow.status === 'running') {
    output.line('No worker answers, so this is what the database has.');
  }
  section(output, 'STATES');
  for (const { at, state } of details.history) output.line(`${instantText(at)}  ${state}`);
  section(output, 'RESPONSES');
  for (const { at, text } of details.responses) output.line(`${instantText(at)}  ${indented(text)}`);
}

function factsOf(details: RetirementDetails): readonly (readonly [string, string])[] {
  const { status, workflow } = details;
  return [
    ['username', details.username],
    ['e-mail', details.email],
    ['name', details.name],
    ['state', status === null ? details.state : `${status.state} (${status.phase})`],
    ['stage', status?.stage ?? details.stage ?? ''],
    ['last state', details.lastState],
    ['asked', instantText(details.requestedAt)],
    ['cooling off until', instantText(details.coolOffUntil)],
    ['due', instantText(details.dueAt) + (details.overdue ? ' (overdue)' : '')],
    ['completed stages', details.completedStages.join(', ')],
    ['workflow', `${workflow.id} (${workflow.status})`],
    ['', workflow.url],
  ];
}

function printFailure(output: Output, failure: StoredFailure | null): void {
  if (failure === null) return;
  section(output, 'LAST FAILURE');
  const asked = failure.verb === undefined ? '' : `${failure.verb} ${failure.path ?? ''} `;
  output.line(
    `${instantText(failure.at)}  ${failure.stage}, ${failure.activity}, attempt ${failure.attempts}`,
  );
  output.line(asked + failure.what);
  if (failure.body) output.line(indented(failure.body));
}

/** So that nothing that a service wrote looks like a line of ours. */
function indented(text: string): string {
  return text.replaceAll(/\r?\n|\r/g, '\n    ');
}

function section(output: Output, title: string): void {
  output.line();
  output.line(output.paint('bold', title));
}
