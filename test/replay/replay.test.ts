import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
import { workflowBundle } from '../support/workflow-bundle.ts';
import {
  hasTwoTypes,
  withAnotherCommand,
  withAnswersExchanged,
  withStagesExchanged,
  withTypesExchanged,
} from './forged-histories.ts';
import { names, readDecoded, readHistory, type StoredHistory } from './stored-histories.ts';

const retirements = [
  ...['complete', 'complete-after-retries', 'cooled-off', 'gone-at-the-end-of-cooling-off'],
  ...['errored-and-resumed', 'errored-after-retries-and-resumed', 'errored-refused-messages'],
  ...['cancelled-by-signal', 'cancelled-by-update', 'cancelled-by-request', 'cancellation-request-refused'],
  ...['adopted-in-start-state', 'adopted-between-stages', 'adopted-errored-and-resumed', 'resumed-skipping'],
  ...['rerun-all', 'rerun-only-new', 'continued-as-new', 'continued-from-another-run'],
  ...['collector', 'rerun-workflow'],
  ...['due-soon-while-parked', 'overdue-while-parked', 'due-soon-while-cooling-off'],
].map((name) => `retirement/${name}`);

const erasures = [
  ...['archive', 'archive-dry-run', 'archive-odd-one', 'archive-odd-one-alone', 'archive-failed'],
  ...['archive-of-an-earlier-run', 'archive-left'],
  ...['complete-and-looked-at-later', 'later-look', 'later-look-overtaken'],
  ...['came-back', 'reopened-and-resumed'],
  ...[
    'canary',
    'canary-cooled-off',
    'canary-failed',
    'canary-overdue',
    'canary-refused',
    'canary-still-known',
  ],
  ...['partner-report', 'partner-report-of-nobody', 'partner-report-stopped'],
  'erase-course-user',
].map((name) => `erasure/${name}`);

const courseUpdates = [
  ...['first-update', 'first-update-pre-update', 'first-update-reprocess', 'first-update-ingest'],
  ...['nothing-new', 'nothing-new-ingest'],
  ...['student-left', 'student-left-reprocess', 'full-rebuild-reprocess'],
  ...['pages-due-pre-update', 'many-groups-ingest', 'many-groups-left-ingest', 'many-slices-ingest'],
  ...['wiki-left', 'wiki-left-ingest'],
  ...['wiki-left-at-pages', 'wiki-left-at-pages-pre-update', 'wiki-left-at-pages-ingest'],
  ...['wiki-left-at-full-rebuild-reprocess', 'wiki-left-at-full-rebuild-ingest'],
  ...['long-over', 'unknown-course', 'cancelled', 'cancelled-ingest'],
].map((name) => `timeslices/${name}`);

/** A retirement's work is in markers, which {@link withStagesExchanged} exchanges. */
const worked = names.filter((name) => !name.startsWith('retirement/') && hasTwoTypes(readHistory(name)));

async function replay({ workflowId, events }: StoredHistory): Promise<void> {
  await Worker.runReplayHistory({ workflowBundle: workflowBundle() }, { events }, workflowId);
}

describe('the workflows as they are now', () => {
  it('have a history for every branch', () => {
    expect([...names].sort()).toEqual([...retirements, ...erasures, ...courseUpdates].sort());
  });

  it.each(names)('do in the run "%s" what they did when it was recorded', async (name) => {
    await replay(readHistory(name));
  });

  it.each(names)('are found out when the run "%s" has another command than theirs', async (name) => {
    await expect(replay(withAnotherCommand(readHistory(name)))).rejects.toThrow(DeterminismViolationError);
  });

  it('are found out when two stages stand in each other’s place', async () => {
    await expect(replay(withStagesExchanged(readHistory('retirement/complete')))).rejects.toThrow(
      DeterminismViolationError,
    );
  });

  it.each(worked)(
    'are found out when two types of work stand in each other’s place in the run "%s"',
    async (name) => {
      await expect(replay(withTypesExchanged(readHistory(name)))).rejects.toThrow(DeterminismViolationError);
    },
  );

  it('are found out when two batches of slices have each other’s answers', async () => {
    const history = readHistory('timeslices/many-slices-ingest');
    await expect(replay(withAnswersExchanged(history, 'rebuildSlices'))).rejects.toThrow(
      DeterminismViolationError,
    );
  });
});

const MACHINE = /stackTrace|file:\/\/|\/home\/|\/root\/|\/tmp\/|node_modules|\d+@\w/;
/** What the recorders, and canaries, call people. */
const NAMED = /recorded-\d|canary-\d/i;

describe('the stored histories', () => {
  it.each(names)('name no machine and nobody in "%s"', (name) => {
    expect(
      readDecoded(name)
        .split('\n')
        .filter((line) => MACHINE.test(line) || NAMED.test(line)),
    ).toEqual([]);
  });
});
