import { open, rename, rm, stat } from 'node:fs/promises';
import { readChain } from '../../activities/retirement/receipts/store.ts';
import {
  readExportLine,
  writeHead,
  writeKey,
  writeReceipt,
  type ExportLine,
} from '../../receipts/export-lines.ts';
import { failed, notFound, refused } from '../operation-error.ts';
import type { ReceiptContext, Watch } from './context.ts';
import { codeOf, linesOf } from './export-file.ts';
import { readReceiptKeys } from './keys.ts';
import { listHashesAt } from './replay-store.ts';
import { told, walkChain, type ChainReport, type ToldFinding } from './walk.ts';

export interface Exported {
  readonly exportedAt: string;
  /** Key that signed the head. */
  readonly keyId: string;
  readonly chain: ChainReport;
  /** What is wrong with what was exported: broken receipts are exported as they are. */
  readonly findings: readonly ToldFinding[];
}

/** Where an export goes; text is whole lines. */
export type WriteText = (text: string) => void | Promise<void>;

/**
 * Throws `refused` when the file at `path` is an export whose chain goes on beyond ours: after a backup was restored, the next export
 * would write over the only receipts of what was erased since; also when it is something else than an export: a key, say.
 */
export async function requireNoNewer({ database }: ReceiptContext, path: string): Promise<void> {
  const said = await firstLine(path);
  if (said === 'nothing') return;
  if (said?.kind !== 'head')
    throw refused(`${path} is there and is no export: name another file, or remove it`);
  if (said.end.lastSequence === 0) return;
  const { lastSequence, lastHash } = said.end;
  const here = (await listHashesAt(database, [lastSequence])).get(lastSequence);
  if (here === lastHash) return;
  throw refused(
    `${path} has a receipt ${lastSequence} that is not here: after a restored backup, put it back with \`registrar receipts replay ${path}\`; otherwise name another file`,
  );
}

async function firstLine(path: string): Promise<ExportLine | 'nothing' | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || (found.isFile() && found.size === 0)) return 'nothing';
  for await (const line of linesOf(path)) return readExportLine(line);
  return undefined;
}

/** Writes keys and receipts behind a head that is signed now. Throws `not-found` while no key exists to sign it. */
export async function exportReceipts(
  context: ReceiptContext,
  { write, watch }: { readonly write: WriteText; readonly watch: Watch },
): Promise<Exported> {
  const keys = await readReceiptKeys(context);
  const { signing } = keys;
  if (signing === undefined) {
    throw notFound(
      'no receipt was issued yet and registrar.receipts.signing_key is not set: nothing to export',
    );
  }
  const exportedAt = new Date().toISOString();
  return readChain(context.database, async (snapshot) => {
    const { trusted, earlier, unnamed } = keys.chain;
    const known = new Map([...unnamed, ...earlier, ...trusted, signing].map((key) => [key.keyId, key]));
    const { end } = snapshot;
    const earlierKeys = keys.earlierKeys.filter((keyId) => keyId !== signing.keyId);
    await write(`${writeHead({ exportedAt, end, earlierKeys }, signing)}\n`);
    for (const key of known.values()) await write(`${writeKey(key)}\n`);
    const { chain, findings } = await walkChain(snapshot, keys, {
      watch,
      visit: (receipt) => write(`${writeReceipt(receipt)}\n`),
    });
    return { exportedAt, keyId: signing.keyId, chain, findings: told(findings) };
  });
}

/** Writes a file whole or not at all; who may not read our database need not read this either. */
export async function writingFile<Result>(
  path: string,
  work: (write: WriteText) => Promise<Result>,
): Promise<Result> {
  const partial = `${path}.${process.pid}.partial`;
  const file = await open(partial, 'wx', 0o600).catch((error: unknown) => {
    throw failed(
      `cannot write ${path} (${codeOf(error)}): name a file in a folder that this user may write to`,
      {
        cause: error,
      },
    );
  });
  try {
    // Not `write`, which may write a part of the text and say so by a number alone.
    const result = await work((text) => file.appendFile(text));
    await file.sync();
    await file.close();
    await rename(partial, path);
    return result;
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw error;
  }
}
