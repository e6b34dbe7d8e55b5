import { COMPLETE } from '../../domain/retirement/states.ts';
import type { Output } from '../output.ts';
import { instantText } from '../times.ts';
import type { ProvedErasure } from './erasures.ts';
import type { UntoldReceipts, VerifiedChain, VerifiedPerson } from './verify.ts';
import { chainEndText, type ToldFinding } from './walk.ts';

export function printPerson(output: Output, verified: VerifiedPerson): void {
  const { userId, erasures, ownReceiptsHold, holds, untold } = verified;
  for (const erasure of erasures) printErasure(output, erasure);
  if (untold.length > 0) output.line('Whether anybody of that name was retired here cannot be told.');
  else if (userId === null) output.line('Nobody of that name is found in what is left of the receipts.');
  else if (erasures.length === 0) output.line(`No receipt of LMS user ${userId} can be believed.`);
  else if (ownReceiptsHold) {
    output.line(`The receipts of LMS user ${userId} hold${holds ? '' : '; others, or their chain, do not'}.`);
  }
  if (verified.state !== null && verified.state !== COMPLETE)
    output.line(output.paint('yellow', `The retirement is open again, or not over: ${verified.state}.`));
  printChain(output, verified);
}

/** One line for each service that knew the learner when it was last asked, on standard error; the exit status. */
export function complainOfReturn(output: Output, { erasures }: VerifiedPerson): number {
  const { probes = [] } = erasures.at(-1) ?? {};
  const last = new Map(probes.map((probe) => [probe.stage, probe]));
  const known = [...last.values()].filter(({ result }) => result === 'still-there' || result === 'came-back');
  for (const { stage, result, at } of known) {
    const found = result === 'came-back' ? 'knew the learner again' : 'still knew the learner';
    output.notice(`registrar: not gone everywhere: the service of ${stage} ${found} at ${instantText(at)}`);
  }
  return known.length === 0 ? 0 : 1;
}

export function printChain(output: Output, { chain, holds }: VerifiedChain): void {
  const { receipts, trustedKeys, keyKeptIn } = chain;
  output.line(`Receipts and chain ${standing(output, holds)}: ${receipts} read`);
  output.line(`Chain's end: ${chainEndText(chain)}`);
  output.line(`Trusted keys: ${trustedKeys.join(', ') || 'none yet'} (kept in the ${keyKeptIn})`);
}

export function standing(output: Output, holds: boolean): string {
  return holds ? output.paint('green', 'hold') : output.paint('red', 'are broken');
}

/** One line for each key that is missing, on standard error; the exit status. */
export function complainOfUntold(output: Output, untold: readonly UntoldReceipts[]): number {
  for (const { tokenKeyId, receipts } of untold) {
    const are = receipts === 1 ? '1 receipt is' : `${receipts} receipts are`;
    output.notice(
      `registrar: cannot tell: ${are} of token key ${tokenKeyId}, which is not configured; add it to registrar.receipts.earlier_token_keys`,
    );
  }
  return untold.length === 0 ? 0 : 1;
}

/** One line a finding, on standard error; the exit status. */
export function complain(output: Output, findings: readonly ToldFinding[]): number {
  for (const { message } of findings) output.notice(`registrar: ${message}`);
  return findings.length === 0 ? 0 : 1;
}

export function printErasure(output: Output, erasure: ProvedErasure): void {
  const { receipt, userId, requestedAt, completedAt, stages, probes } = erasure;
  output.line(
    `LMS user ${userId} was erased at ${instantText(completedAt)}, asked for at ${instantText(requestedAt)} (receipt ${receipt})`,
  );
  output.table(stages, [
    { head: 'STAGE', cell: ({ startState }) => startState },
    { head: 'DID', cell: ({ service, method }) => `${service}.${method}` },
    { head: 'OUTCOME', cell: ({ outcome }) => outcome },
    { head: 'AT', cell: ({ at }) => (at === null ? '' : instantText(at)) },
  ]);
  output.line();
  if (probes.length === 0) return;
  output.table(probes, [
    { head: 'ASKED AGAIN', cell: ({ stage }) => stage },
    {
      head: 'ANSWER',
      cell: ({ result }) => (result === 'gone' ? result : output.paint('yellow', result)),
    },
    { head: 'AT', cell: ({ at }) => instantText(at) },
    { head: 'RECEIPT', cell: (probe) => String(probe.receipt), align: 'right' },
  ]);
  output.line();
}
