import type { Command } from 'commander';
import { wrongUsage } from '../operation-error.ts';
import { examples, type Run, type Tools } from '../tools.ts';
import { receiptContextOf } from './context.ts';
import { collected } from './repeated-option.ts';
import { complain, complainOfReturn, complainOfUntold, printChain, printPerson } from './print-receipts.ts';
import { verifyAll, verifyPerson, type VerifyOptions } from './verify.ts';
import { readChainEnd } from './walk.ts';

interface Asked {
  readonly all?: boolean;
  readonly trust?: readonly string[];
  readonly expect?: string;
}

/** Adds `registrar retirement verify`. */
export function addVerifyCommand(retirement: Command, run: Run): void {
  retirement
    .command('verify')
    .argument(
      '[WHO]',
      'LMS user id, username, e-mail address or workflow id; also of somebody whose rows are gone',
    )
    .option('--all', 'every receipt and the whole chain, and that everybody who is COMPLETE has a receipt')
    .option(
      '--trust <KEY_ID>',
      "believe this signing key too, before the first receipt of the configuration's key; may be repeated",
      collected,
    )
    .option('--expect <SEQUENCE:HASH>', "a chain's end noted earlier: it must still be there")
    .description('what was erased when, as the receipts say it, and whether they and their chain hold')
    .addHelpText(
      'after',
      [
        '',
        'Only signatures of the key in registrar.receipts.signing_key count from its first receipt on. Before it count those of',
        'registrar.receipts.earlier_keys and of --trust, once it has sealed them. Without a signing_key, every key that the',
        "database keeps counts. Note the chain's end elsewhere to prove later, with --expect, that nothing was cut off.",
        examples(
          'registrar retirement verify ada@example.com',
          'registrar retirement verify 42 --json',
          'registrar retirement verify --all',
        ),
      ].join('\n'),
    )
    .action((who: string | undefined, asked: Asked, command: Command) =>
      run(command, (tools) => verify(tools, who, asked)),
    );
}

async function verify(
  { session, output, progress }: Tools,
  who: string | undefined,
  { all, trust, expect }: Asked,
): Promise<number> {
  if ((who === undefined) === !all) throw wrongUsage('verify whom? Name one learner, or say --all, not both');
  const options = { expected: readChainEnd(expect), ...(trust === undefined ? {} : { trust }) };
  const context = receiptContextOf(session);
  const checking = <Result>(work: (all: VerifyOptions) => Promise<Result>): Promise<Result> =>
    progress.following('checking receipts', (watch) => work({ ...options, watch }));
  if (who === undefined) {
    const verified = await checking((given) => verifyAll(context, given));
    output.document(verified);
    printChain(output, verified);
    return complain(output, verified.findings);
  }
  // A blank at an end is a slip of copying, and would be a false "no".
  const verified = await checking((given) => verifyPerson(context, who.trim(), given));
  output.document(verified);
  printPerson(output, verified);
  return Math.max(
    complain(output, verified.findings),
    complainOfUntold(output, verified.untold),
    complainOfReturn(output, verified),
  );
}
