import {
  listReceiptsByTokens,
  listReceiptsOf,
  listWithoutReceipt,
  readChain,
  type ChainSnapshot,
} from '../../activities/retirement/receipts/store.ts';
import { findRetirement, listRetirementsOf } from '../../activities/retirement/store.ts';
import type { ChainEnd } from '../../receipts/chain-places.ts';
import type { Finding } from '../../receipts/finding.ts';
import type { ReceiptBody } from '../../receipts/receipt.ts';
import { possibleTokens } from '../../receipts/tokens.ts';
import { userIdOf } from '../../workflows/retirement/contract.ts';
import { notFound } from '../operation-error.ts';
import { oneOf } from '../retirement/who.ts';
import type { ReceiptContext, Watch } from './context.ts';
import { erasuresIn, type ProvedErasure } from './erasures.ts';
import { readReceiptKeys } from './keys.ts';
import { told, walkChain, type ChainReport, type ToldFinding } from './walk.ts';

export interface VerifyOptions {
  /** Ids of signing keys that count before the configuration's, besides those that it names. */
  readonly trust?: readonly string[];
  /** A receipt that the chain is known to have. */
  readonly expected?: ChainEnd | undefined;
  readonly watch: Watch;
}

export interface VerifiedChain {
  /** True when nothing is wrong. */
  readonly holds: boolean;
  readonly chain: ChainReport;
  readonly findings: readonly ToldFinding[];
}

export interface VerifiedPerson extends VerifiedChain {
  /** Null when the chain is broken and nobody of that name is found in what is left of it. */
  readonly userId: number | null;
  /** Null when the row is gone. */
  readonly state: string | null;
  /** True when no finding is about this person's own receipts. */
  readonly ownReceiptsHold: boolean;
  readonly erasures: readonly ProvedErasure[];
  /** Where nobody was found: receipts that may be of the person, for their tokens were made with keys that are not here. */
  readonly untold: readonly UntoldReceipts[];
}

export interface UntoldReceipts {
  readonly tokenKeyId: string;
  readonly receipts: number;
}

/** Checks every receipt, the chain, and that everybody who is COMPLETE has a receipt. */
export async function verifyAll(context: ReceiptContext, options: VerifyOptions): Promise<VerifiedChain> {
  const keys = await readReceiptKeys(context, options.trust);
  return readChain(context.database, async (snapshot) => {
    const { chain, findings } = await walkChain(snapshot, keys, options);
    const all = [...findings, ...(await findMissing(snapshot))];
    return { holds: all.length === 0, chain, findings: told(all) };
  });
}

/**
 * What the receipts of one person say, and whether they and the chain hold. Works when the person's rows are gone. Throws
 * `not-found` when nobody of that name was erased here, and wrong usage when several people were. Without the key of some
 * receipts' tokens it throws neither, but says that it cannot tell.
 */
export async function verifyPerson(
  context: ReceiptContext,
  who: string,
  options: VerifyOptions,
): Promise<VerifiedPerson> {
  const keys = await readReceiptKeys(context, options.trust);
  const ofWorkflow = userIdOf(who);
  const asked: Asked = {
    who,
    ids: ofWorkflow !== undefined ? [ofWorkflow] : /^\d{1,15}$/.test(who) ? [Number(who)] : [],
    // A workflow id names one person, whatever somebody is called.
    tokens: ofWorkflow === undefined ? possibleTokens(keys.tokens, who) : [],
  };
  return readChain(context.database, async (snapshot) => {
    const people = new Set(await listIndexed(snapshot, asked));
    const bodies: ReceiptBody[] = [];
    const own = new Set<number>();
    const untold = new Map<string, number>();
    const isKnown = new Set(keys.tokens.map((key) => key.keyId));
    const { chain, findings } = await walkChain(snapshot, keys, {
      ...options,
      visit: (receipt, body) => {
        // Also by what was signed: the columns may have been altered so that nobody is found by them.
        if (body !== undefined && isMeant(asked, body)) people.add(body.userId);
        const tokenKeyId = body?.subject.keyId ?? receipt.tokenKeyId;
        if (!isKnown.has(tokenKeyId)) untold.set(tokenKeyId, (untold.get(tokenKeyId) ?? 0) + 1);
        if (people.has(receipt.userId) || (body !== undefined && people.has(body.userId))) {
          own.add(receipt.sequence);
          if (body !== undefined) bodies.push(body);
        }
      },
    });
    const userId = oneOf(
      who,
      [...people].map((id) => ({ userId: id })),
    )?.userId;
    const missing = userId === undefined ? [] : await findMissing(snapshot, userId);
    const all = [...findings, ...missing];
    const state =
      userId === undefined ? undefined : (await findRetirement(snapshot.db, userId))?.currentState;
    // A workflow id asks for no name.
    const mayHide = own.size === 0 && ofWorkflow === undefined && untold.size > 0;
    if (own.size === 0 && all.length === 0 && !mayHide) throw notErased(who, userId, state);
    return {
      userId: userId ?? null,
      state: state ?? null,
      holds: all.length === 0,
      ownReceiptsHold: !all.some((finding) => isAbout(finding, own)),
      erasures: erasuresIn(bodies.filter((body) => body.userId === userId)),
      untold: mayHide ? [...untold].map(([tokenKeyId, receipts]) => ({ tokenKeyId, receipts })) : [],
      chain,
      findings: told(all),
    };
  });
}

/** Whether a finding is about one of these receipts, or about the lack of one. */
function isAbout(finding: Finding, own: ReadonlySet<number>): boolean {
  if (finding.kind === 'no-receipt') return true;
  if (finding.kind === 'unnamed-key') {
    return [...own].some((sequence) => finding.from <= sequence && sequence <= finding.to);
  }
  return finding.sequence !== undefined && own.has(finding.sequence);
}

interface Asked {
  readonly who: string;
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

function isMeant({ ids, tokens }: Asked, { userId, subject }: ReceiptBody): boolean {
  return ids.includes(userId) || tokens.includes(subject.username) || tokens.includes(subject.email);
}

/** LMS user ids of everybody who may be meant, as far as rows and columns say. */
async function listIndexed({ db }: ChainSnapshot, { who, ids, tokens }: Asked): Promise<readonly number[]> {
  const byId = await Promise.all(ids.map((id) => findRetirement(db, id)));
  const byName = userIdOf(who) === undefined ? await listRetirementsOf(db, who) : [];
  const receipts = [...(await listReceiptsOf(db, ids)), ...(await listReceiptsByTokens(db, tokens))];
  return [...byId, ...byName, ...receipts].flatMap((found) => (found === undefined ? [] : [found.userId]));
}

async function findMissing({ db }: ChainSnapshot, userId?: number): Promise<readonly Finding[]> {
  const without = await listWithoutReceipt(db, userId);
  return without.map((id) => ({ kind: 'no-receipt', userId: id }));
}

function notErased(who: string, userId: number | undefined, state: string | undefined): Error {
  if (userId !== undefined && state !== undefined) {
    return notFound(`LMS user ${userId} is ${state}, not erased yet: there is no receipt`);
  }
  return notFound(`nobody of that name was retired here: no receipt is of "${who}"`);
}
