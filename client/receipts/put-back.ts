import { lockChainEnd } from '../../activities/retirement/receipts/store.ts';
import type { Queryable } from '../../db/database.ts';
import type { ChainEnd } from '../../receipts/chain-places.ts';
import { readExportLine } from '../../receipts/export-lines.ts';
import type { Finding } from '../../receipts/finding.ts';
import type { Receipt, ReceiptBody } from '../../receipts/receipt.ts';
import type { VerifyingKey } from '../../receipts/signing-keys.ts';
import { columnsOf, type StoredReceipt } from '../../receipts/stored-receipt.ts';
import { createExportVerifier } from '../../receipts/verify-export.ts';
import { failed, refused, wrongUsage } from '../operation-error.ts';
import type { ReceiptContext } from './context.ts';
import { linesOf, readKey } from './export-file.ts';
import { readReceiptKeys } from './keys.ts';
import {
  findEnds,
  forgetProbesDue,
  insertPublicKey,
  insertReceipts,
  listHashesAt,
  markComplete,
  moveEnd,
  type ErasedPerson,
} from './replay-store.ts';
import { told } from './walk.ts';

export interface PutBackOptions {
  /** Each a key id, of a key in the file, or the name of a PEM file: their signatures count like those of our own keys. */
  readonly keys: readonly string[];
  /** Ids of keys in the file whose receipts count before the first one of a key that counts. */
  readonly earlier: readonly string[];
  /** Only look. */
  readonly isDryRun: boolean;
}

export interface PutBack {
  /** Where the chain ended here before. */
  readonly before: ChainEnd;
  /** Where the file's chain ends. */
  readonly file: ChainEnd & { readonly exportedAt: string | null };
  /** How many receipts were put back; how many would be, of a dry run. */
  readonly receipts: number;
  /** Keys that were not known here. */
  readonly keys: readonly string[];
  /** Everybody whom the file says to be erased, by their newest erasure. */
  readonly people: readonly ErasedPerson[];
  /** Those of them who were erased, or came back to a service, after the chain ended here. */
  readonly since: readonly ErasedPerson[];
}

/** The receipts of a file are compared and put back in lots of so many. */
const BATCH = 1_000;

/**
 * Checks an exported file whole and puts those of its receipts back which are not here, as they are, in one transaction; in the same
 * one the rows of whom they erased become COMPLETE. Safe to repeat. Throws, and nothing is changed, when the file does not hold or
 * does not go on from the chain that is here.
 */
export async function putBackReceipts(
  context: ReceiptContext,
  path: string,
  options: PutBackOptions,
): Promise<PutBack> {
  const { isDryRun } = options;
  const own = await readReceiptKeys(context);
  const given: VerifyingKey[] = [];
  for (const key of options.keys) given.push(await readKey(key, path));
  const trusted = [...own.chain.trusted, ...given];
  if (trusted.length === 0) {
    throw wrongUsage(
      'whose signatures count? No key is known here: say --key KEY_ID or --key FILE.pem, as you noted it from `registrar receipts key`',
    );
  }
  return context.database.transaction(async (tx) => {
    if (!isDryRun) await lockChainEnd(tx);
    const ends = await findEnds(tx);
    if (ends === undefined || ends.last !== ends.noted.lastSequence) {
      throw refused(
        'the chain that is here is broken at its end, so nothing can follow it: see `registrar retirement verify --all`',
      );
    }
    const verifier = createExportVerifier({ trusted, earlier: [...own.earlierKeys, ...options.earlier] });
    const findings: Finding[] = [];
    const lot: { readonly receipt: Receipt; readonly body: ReceiptBody }[] = [];
    const seen = createSeen();
    const keys: VerifyingKey[] = [];
    const comparing = createComparison(tx, { end: ends.noted, isDryRun });
    for await (const line of linesOf(path)) {
      const { findings: found, body } = verifier.take(line);
      findings.push(...found);
      const said = readExportLine(line);
      if (said.kind === 'key') keys.push(said.key);
      if (said.kind === 'receipt' && body !== undefined) {
        seen.take(said.receipt, body);
        lot.push({ receipt: said.receipt, body });
      }
      if (lot.length === BATCH) await comparing.take(lot.splice(0));
    }
    await comparing.take(lot);
    findings.push(...verifier.end());
    if (findings.length > 0) throw broken(path, findings);
    comparing.require(path);
    const reached = verifier.reached();
    const file = {
      lastSequence: reached.lastSequence,
      lastHash: reached.lastHash,
      exportedAt: reached.exportedAt ?? null,
    };
    const people = seen.people();
    const end = ends.noted;
    const since = people.filter((person) => seen.erasedAfter(person, end.lastSequence));
    const found = { before: end, file, receipts: comparing.missing(), people, since };
    if (isDryRun) return { ...found, keys: [] };
    if (file.lastSequence > end.lastSequence) await moveEnd(tx, file);
    const added: string[] = [];
    for (const key of keys) {
      if (await insertPublicKey(tx, key, seen.firstUse(key.keyId))) added.push(key.keyId);
    }
    await markComplete(tx, since, new Date().toISOString());
    await forgetProbesDue(tx, seen.lookedAfter(end.lastSequence));
    return { ...found, keys: added };
  });
}

/** Puts what is missing into the database, and remembers where the two chains part. */
function createComparison(
  tx: Queryable,
  { end, isDryRun }: { readonly end: ChainEnd; readonly isDryRun: boolean },
): {
  take(lot: readonly { readonly receipt: Receipt; readonly body: ReceiptBody }[]): Promise<void>;
  missing(): number;
  require(path: string): void;
} {
  let missing = 0;
  let common = 0;
  let parted: number | undefined;
  return {
    take: async (lot) => {
      const here = await listHashesAt(
        tx,
        lot.map(({ body }) => body.sequence),
      );
      const absent: StoredReceipt[] = [];
      for (const { receipt, body } of lot) {
        const hash = here.get(body.sequence);
        if (hash === undefined) absent.push({ ...receipt, ...columnsOf(body) });
        else if (hash === receipt.hash) common = parted === undefined ? body.sequence : common;
        else parted ??= body.sequence;
      }
      missing += absent.length;
      if (!isDryRun && absent.length > 0 && parted === undefined) await insertReceipts(tx, absent);
    },
    missing: () => missing,
    require: (path) => {
      if (parted === undefined) return;
      throw common === 0
        ? refused(
            `${path} is another installation's chain: not even receipt ${parted} is the same; name the file that \`registrar receipts export\` wrote here`,
          )
        : refused(
            `${path} and the database have the same receipts up to ${common}, and others from ${parted} on (the database goes to ${end.lastSequence}): receipts were issued here after the backup was restored. Restore it again and replay before any worker starts; keep the file, which still proves what is in it`,
          );
    },
  };
}

/** What a walk through the file remembers of it: people and numbers, no receipt. */
function createSeen(): {
  take(receipt: Receipt, body: ReceiptBody): void;
  people(): readonly ErasedPerson[];
  firstUse(keyId: string): Date;
  /** The person was erased, or came back to a service, after that receipt. */
  erasedAfter(person: ErasedPerson, sequence: number): boolean;
  /** Of whom a later look was taken after that receipt. */
  lookedAfter(sequence: number): readonly number[];
} {
  const people = new Map<number, ErasedPerson>();
  const touched = new Map<number, number>();
  const looked = new Map<number, number>();
  const used = new Map<string, Date>();
  return {
    take: ({ signingKeyId }, body) => {
      const { userId, retirementId, sequence } = body;
      if (!used.has(signingKeyId)) used.set(signingKeyId, new Date(body.issuedAt));
      if (body.kind === 'erasure') {
        people.set(userId, { userId, retirementId, receipt: sequence });
        touched.set(userId, sequence);
        return;
      }
      looked.set(userId, sequence);
      if (body.probes.some(({ result }) => result === 'came-back')) touched.set(userId, sequence);
    },
    people: () => [...people.values()],
    firstUse: (keyId) => used.get(keyId) ?? new Date(),
    erasedAfter: ({ userId }, sequence) => (touched.get(userId) ?? 0) > sequence,
    lookedAfter: (sequence) => [...looked].filter(([, at]) => at > sequence).map(([userId]) => userId),
  };
}

function broken(path: string, findings: readonly Finding[]): Error {
  const lines = told(findings).map(({ message }) => message);
  return failed(
    [`${path} does not hold, so nothing was put back: name another copy of the file`, ...lines].join('\n'),
  );
}
