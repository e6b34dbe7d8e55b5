import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { condition, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { dueKey, stateKey } from './contract.ts';
import { showDetails } from './details.ts';
import { deadlineOf, statusOf, type Run } from './run.ts';

const stageKey = defineSearchAttributeKey('RetirementStage', SearchAttributeType.KEYWORD);
const deadlineKey = defineSearchAttributeKey('RetirementDeadline', SearchAttributeType.KEYWORD);

/** Puts the run's state where operators look: search attributes and the details page. One event. */
export function showState(run: Run): void {
  upsertSearchAttributes([
    { key: stateKey, value: run.state },
    { key: stageKey, value: statusOf(run).stage },
    ...deadline(run),
  ]);
  showDetails(run);
}

/** Nothing while the due date is far: most retirements never show it. One that ends in time shows it no more. */
function deadline(run: Run): readonly { readonly key: typeof deadlineKey; readonly value: string | null }[] {
  const { standing } = deadlineOf(run);
  const isOver = run.phase === 'closed' && standing !== 'missed';
  const wanted = standing === 'ahead' || isOver ? null : standing;
  const shown = workflowInfo().typedSearchAttributes.get(deadlineKey) ?? null;
  return wanted === shown ? [] : [{ key: deadlineKey, value: wanted }];
}

/**
 * Waits until `isTrue`, showing the state anew whenever the due date comes near or passes meanwhile; `timeoutMs` ends the
 * wait too.
 */
export async function waitShowingDeadline(
  run: Run,
  isTrue: () => boolean,
  { timeoutMs = Infinity, summary }: { readonly timeoutMs?: number; readonly summary: string },
): Promise<void> {
  const untilMs = Date.now() + timeoutMs;
  for (;;) {
    const leftMs = Math.min(untilMs - Date.now(), deadlineOf(run).changesInMs ?? Infinity);
    if (leftMs === Infinity) return condition(isTrue);
    if ((await condition(isTrue, leftMs, { summary })) || Date.now() >= untilMs) return;
    showState(run);
  }
}

/** Writes the due date, for a run that nobody gave its search attributes at the start. */
export function showDueDate(run: Run): void {
  if (run.dueAt !== undefined) upsertSearchAttributes([{ key: dueKey, value: new Date(run.dueAt) }]);
}
