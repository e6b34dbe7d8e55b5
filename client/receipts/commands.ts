import type { Command } from 'commander';
import { pemOf } from '../../receipts/signing-keys.ts';
import { notFound, wrongUsage } from '../operation-error.ts';
import type { Output } from '../output.ts';
import { instantText } from '../times.ts';
import { examples, type Run, type Tools } from '../tools.ts';
import { checkFile, type CheckedFile } from './check-file.ts';
import { receiptContextOf } from './context.ts';
import { exportReceipts, requireNoNewer, writingFile, type Exported } from './export.ts';
import { readReceiptKeys } from './keys.ts';
import { adviceOn, listUnnamedKeys } from './unnamed-keys.ts';
import { complain, printErasure, standing } from './print-receipts.ts';
import { addReplayCommand } from './replay-command.ts';
import { collected } from './repeated-option.ts';
import { chainEndText, readChainEnd } from './walk.ts';

/** Adds `registrar receipts …`. */
export function addReceiptCommands(program: Command, run: Run): void {
  const receipts = program
    .command('receipts')
    .description('signed receipts of erasures, to keep and to check');

  receipts
    .command('export')
    .argument('<FILE>', 'the file to write, or - for standard output')
    .description('write all receipts and public keys, one JSON object a line, behind a signed head')
    .addHelpText(
      'after',
      examples(
        'registrar receipts export receipts.jsonl',
        'registrar receipts export - | gzip > receipts.jsonl.gz',
      ),
    )
    .action((file: string, _options: unknown, command: Command) =>
      run(command, (tools) => writeExport(tools, file)),
    );

  receipts
    .command('check')
    .argument('<FILE>', 'a file that `registrar receipts export` wrote')
    .option(
      '--key <KEY>',
      'whose signatures count: a key id or a PEM file, got from elsewhere; may be repeated',
      collected,
    )
    .option(
      '--trust <KEY_ID>',
      'an earlier key in the file, whose receipts count before those of --key, besides what the head names; may be repeated',
      collected,
    )
    .option('--user <ID>', 'also show what was erased of this LMS user id')
    .option('--expect <SEQUENCE:HASH>', "a chain's end noted earlier: it must still be there")
    .description('check an exported file and its chain, with no database, configuration or network')
    .addHelpText(
      'after',
      examples(
        'registrar receipts check receipts.jsonl --key 0a1b2c3d4e5f6071',
        'registrar receipts check receipts.jsonl --key registrar.pem --user 42 --json',
      ),
    )
    .action((file: string, asked: CheckAsked, command: Command) =>
      run(command, (tools) => check(tools, file, asked)),
    );

  addReplayCommand(receipts, run);

  receipts
    .command('key')
    .description(
      'the id and the public part of the key that signs receipts: note them where nobody can change them',
    )
    .addHelpText('after', examples('registrar receipts key', 'registrar receipts key > registrar.pem'))
    .action((_options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const context = receiptContextOf(session);
        const keys = await readReceiptKeys(context);
        const { signing, keptIn } = keys;
        if (signing === undefined) {
          throw notFound(
            'no key yet: set registrar.receipts.signing_key, or wait for the first receipt, which makes one',
          );
        }
        const unnamedKeys = await listUnnamedKeys(context.database, keys);
        output.document({ keyId: signing.keyId, keptIn, publicKey: pemOf(signing), unnamedKeys });
        output.line(`Key ${signing.keyId}, kept in the ${keptIn}`);
        for (const line of adviceOn(keys, unnamedKeys)) output.line(line);
        output.line(pemOf(signing).trimEnd());
      }),
    );
}

interface CheckAsked {
  readonly key?: readonly string[];
  readonly trust?: readonly string[];
  readonly user?: string;
  readonly expect?: string;
}

async function writeExport({ session, output, progress }: Tools, file: string): Promise<number> {
  const isStandardOutput = file === '-';
  if (isStandardOutput && output.json) {
    throw wrongUsage('--json wants standard output for itself: name a file to export to');
  }
  const context = receiptContextOf(session);
  if (!isStandardOutput) await requireNoNewer(context, file);
  const exported = await progress.following('exporting receipts', (watch): Promise<Exported> =>
    isStandardOutput
      ? exportReceipts(context, { write: (text) => output.raw(text), watch })
      : writingFile(file, (write) => exportReceipts(context, { write, watch })),
  );
  output.document(exported);
  if (!isStandardOutput) {
    output.line(`${exported.chain.receipts} receipts written to ${file}, signed with key ${exported.keyId}`);
    output.line(`Chain's end: ${chainEndText(exported.chain)}`);
  }
  return complain(output, exported.findings);
}

async function check({ output, progress }: Tools, file: string, asked: CheckAsked): Promise<number> {
  if (asked.key === undefined) {
    throw wrongUsage(
      'whose signatures count? Say --key KEY_ID or --key FILE.pem, as `registrar receipts key` prints them where receipts are issued: keys in the file prove nothing by themselves',
    );
  }
  const checked = await progress.waiting(`checking ${file}`, async () =>
    checkFile(file, {
      keys: asked.key ?? [],
      earlier: asked.trust ?? [],
      expected: readChainEnd(asked.expect),
      userId: readUserId(asked.user),
    }),
  );
  output.document(checked);
  for (const erasure of checked.erasures) printErasure(output, erasure);
  if (asked.user !== undefined && checked.erasures.length === 0) {
    output.line(`No receipt in the file proves an erasure of LMS user ${asked.user}.`);
  }
  printChecked(output, file, checked);
  return complain(output, checked.findings);
}

function printChecked(output: Output, file: string, checked: CheckedFile): void {
  const { receipts, holds, exportedAt } = checked;
  const when = exportedAt === null ? 'at an unknown time' : `at ${instantText(exportedAt)}`;
  output.line(
    `Receipts and chain in ${file}, exported ${when}, ${standing(output, holds)}: ${receipts} read`,
  );
  output.line(receipts === 0 ? describeEmpty(checked) : `Chain's end: ${chainEndText(checked)}`);
}

/** A file without a receipt has no end of a chain that anybody could note. */
function describeEmpty({ exportedAt, findings }: CheckedFile): string {
  if (exportedAt === null) return 'There is no receipt in it, and no head: the file is cut, or is no export';
  const announced = findings.find((finding) => finding.kind === 'missing-tail')?.to;
  if (announced === undefined) return 'There is no receipt in it, and its head announces none';
  return `There is no receipt in it, and its head announces ${announced}: the file is cut`;
}

function readUserId(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw wrongUsage(`--user wants an LMS user id, not "${text}": names are in no receipt`);
  return Number(text);
}
