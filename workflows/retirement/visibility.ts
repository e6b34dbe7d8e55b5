import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';
import { showDetails } from './details.ts';
import { statusOf, type Run } from './run.ts';

const stateKey = defineSearchAttributeKey('RetirementState', SearchAttributeType.KEYWORD);
const stageKey = defineSearchAttributeKey('RetirementStage', SearchAttributeType.KEYWORD);
const dueKey = defineSearchAttributeKey('RetirementDueAt', SearchAttributeType.DATETIME);

/** Puts the run's state where operators look: search attributes and the details page. One event. */
export function showState(run: Run): void {
  upsertSearchAttributes([
    { key: stateKey, value: run.state },
    { key: stageKey, value: statusOf(run).stage },
  ]);
  showDetails(run);
}

/** Writes the due date, for a run that nobody gave its search attributes at the start. */
export function showDueDate(run: Run): void {
  if (run.dueAt !== undefined) upsertSearchAttributes([{ key: dueKey, value: new Date(run.dueAt) }]);
}
