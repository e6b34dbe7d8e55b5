import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
import { workflowBundle } from '../support/workflow-bundle.ts';
import { listReleases, readHistories } from '../upgrade/release-manifest.ts';
import { withAnotherCommand } from './forged-histories.ts';
import type { StoredHistory } from './stored-histories.ts';

async function replay({ workflowId, events }: StoredHistory): Promise<void> {
  await Worker.runReplayHistory({ workflowBundle: workflowBundle() }, { events }, workflowId);
}

/** Replays a run of a release; says what to do when it cannot go on. */
async function goOn(version: string, name: string, history: StoredHistory): Promise<void> {
  try {
    await replay(history);
  } catch (cause) {
    if (!(cause instanceof DeterminismViolationError)) throw cause;
    throw new Error(
      `a run of ${version} such as "${name}" cannot go on: keep what it did before behind \`patched\`, see docs/upgrading.md, "When a replay test is red"`,
      { cause },
    );
  }
}

// Runs of operators, which wait for weeks: never to be recorded anew.
describe.each(listReleases())('runs that began under %s', (version) => {
  const histories = readHistories(version);

  it('are kept, one for every branch', () => {
    expect(histories.size).toBeGreaterThan(60);
  });

  it.each([...histories.keys()])('go on as they were: %s', async (name) => {
    const history = histories.get(name);
    if (history !== undefined) await goOn(version, name, history);
  });

  it('say what to do when a change stops them', async () => {
    const [[name, history] = []] = histories;
    if (name === undefined || history === undefined) throw new Error('no run is kept');
    await expect(goOn(version, name, withAnotherCommand(history))).rejects.toThrow(
      /^a run of .* cannot go on: keep .*`patched`, see docs\/upgrading\.md/,
    );
  });
});
