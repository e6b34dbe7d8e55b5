import { defineQuery, setCurrentDetails, setHandler, sleep } from '@temporalio/workflow';
import { STATUS, type ProbeErasureInput, type ProbeErasureResult } from './contract.ts';
import { patient } from './effects.ts';

const statusQuery = defineQuery<ProbeErasureResult | null>(STATUS);

/** Looks once more, some days after an erasure, whether the learner is still gone everywhere. */
export async function probeErasure({
  userId,
  receipt,
  afterMs,
}: ProbeErasureInput): Promise<ProbeErasureResult> {
  let result: ProbeErasureResult | null = null;
  setHandler(statusQuery, () => result, {
    description: 'What was found; null as long as nobody has looked.',
  });
  setCurrentDetails(`Waiting to ask the services once more about LMS user ${userId}; receipt ${receipt}.`);
  await sleep(afterMs, { summary: 'until the erasure is looked at once more' });
  result = await patient.probeAgain({ userId, receipt });
  setCurrentDetails(describe(result));
  return result;
}

function describe(result: ProbeErasureResult): string {
  if (result.kind === 'superseded') return `Nothing to look at: ${result.reason}.`;
  const rows = result.results.map(({ stage, result: found }) => `| ${stage} | ${found} |`);
  return ['| Stage | |', '|---|---|', ...rows].join('\n');
}
