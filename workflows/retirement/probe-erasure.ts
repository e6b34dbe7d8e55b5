import { defineQuery, setCurrentDetails, setHandler, sleep } from '@temporalio/workflow';
import { insist, isId, readInput } from '../input.ts';
import { STATUS, type ProbeErasureInput, type ProbeErasureResult } from './contract.ts';
import { patient } from './effects.ts';

const statusQuery = defineQuery<ProbeErasureResult | null>(STATUS);

/** Looks once more, some days after an erasure, whether the learner is still gone everywhere. */
export async function probeErasure(input: ProbeErasureInput): Promise<ProbeErasureResult> {
  checkInput(input);
  const { userId, receipt, afterMs } = input;
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

/** A hundred years, which is as far as the configuration lets anybody look. */
const LONGEST_WAIT_MS = 36_500 * 86_400_000;

function checkInput(input: ProbeErasureInput): void {
  const { userId, receipt, afterMs } = readInput(input, '{"userId", "receipt", "afterMs"}');
  insist(isId(userId), 'userId', 'an LMS user id, a whole number');
  insist(isId(receipt), 'receipt', 'the number of a receipt');
  insist(
    typeof afterMs === 'number' && afterMs >= 0 && afterMs <= LONGEST_WAIT_MS,
    'afterMs',
    'milliseconds to wait',
  );
}

function describe(result: ProbeErasureResult): string {
  if (result.kind === 'superseded') return `Nothing to look at: ${result.reason}.`;
  const rows = result.results.map(({ stage, result: found }) => `| ${stage} | ${found} |`);
  return ['| Stage | |', '|---|---|', ...rows].join('\n');
}
