import type { Output } from '../output.ts';
import { instantText } from '../times.ts';
import type { ProvedErasure } from './erasures.ts';
import type { VerifiedChain, VerifiedPerson } from './verify.ts';
import { chainEndText, type ToldFinding } from './walk.ts';

export function printPerson(output: Output, verified: VerifiedPerson): void {
  const { userId, erasures, ownReceiptsHold, holds } = verified;
  for (const erasure of erasures) printErasure(output, erasure);
  if (userId === null) output.line('Nobody of that name is found in what is left of the receipts.');
  else if (erasures.length === 0) output.line(`No receipt of LMS user ${userId} can be believed.`);
  else if (ownReceiptsHold) {
    output.line(`The receipts of LMS user ${userId} hold${holds ? '' : '; others, or their chain, do not'}.`);
  }
  printChain(output, verified);
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
