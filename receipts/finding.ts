/** Where something is broken, as far as that is known. */
export interface FindingPlace {
  /** Place in the chain that the receipt claims, or that its row has. */
  readonly sequence?: number;
  /** Line of an exported file, from 1. */
  readonly line?: number;
}

/** One thing that is wrong with receipts or with their chain. */
export type Finding = FindingPlace &
  (
    | { readonly kind: 'unreadable'; readonly what: string }
    /** Neither hash nor signature fits the body. */
    | { readonly kind: 'altered-body' }
    /** The signature fits the body, the hash does not. */
    | { readonly kind: 'wrong-hash' }
    /** The hash fits the body, the signature does not. */
    | { readonly kind: 'bad-signature'; readonly keyId: string }
    | { readonly kind: 'unknown-key'; readonly keyId: string }
    /** Signed with a key that is known, but that nobody who may say so has named: its receipts are not believed. */
    | {
        readonly kind: 'unnamed-key';
        readonly keyId: string;
        readonly from: number;
        readonly to: number;
      }
    /** Signed with an earlier key although the trusted one was in use. */
    | { readonly kind: 'untrusted-key'; readonly keyId: string; readonly trustedSince: number }
    /** Signed with other keys, and no trusted signature follows that would vouch for them. */
    | { readonly kind: 'not-vouched-for'; readonly from: number; readonly to: number }
    | { readonly kind: 'missing'; readonly from: number; readonly to: number }
    /** The chain's end says that there were more. */
    | { readonly kind: 'missing-tail'; readonly from: number; readonly to: number }
    /** There are more than the chain's end says. */
    | { readonly kind: 'beyond-end'; readonly end: number }
    /** The last receipt is not the one that the chain's end names. */
    | { readonly kind: 'wrong-end' }
    | { readonly kind: 're-ordered' }
    | { readonly kind: 'duplicate' }
    | { readonly kind: 'wrong-previous-hash' }
    | { readonly kind: 'columns-disagree'; readonly columns: readonly string[] }
    /** The chain had this end once, and has it no more. */
    | { readonly kind: 'not-as-expected'; readonly hash: string }
    | { readonly kind: 'bad-head'; readonly what: string }
    /** COMPLETE, or archived, without a receipt. */
    | { readonly kind: 'no-receipt'; readonly userId: number }
  );

/** One line for people: where, what, and what it means. */
export function describeFinding(finding: Finding): string {
  const where = whereOf(finding);
  return where === '' ? meaningOf(finding) : `${where}: ${meaningOf(finding)}`;
}

function whereOf({ sequence, line }: Finding): string {
  const of = sequence === undefined ? '' : `receipt ${sequence}`;
  if (line === undefined) return of;
  return of === '' ? `line ${line}` : `line ${line}, ${of}`;
}

function meaningOf(finding: Finding): string {
  switch (finding.kind) {
    case 'unreadable':
      return finding.what;
    case 'altered-body':
      return 'its body was altered, or made up: neither its hash nor its signature fits';
    case 'wrong-hash':
      return 'its hash was altered: the signature fits the body, the hash does not';
    case 'bad-signature':
      return `its signature was altered, or its body was: key ${finding.keyId} did not sign it`;
    case 'unknown-key':
      return `signed with the unknown key ${finding.keyId}: forged, or that key's public part is missing`;
    case 'unnamed-key':
      return `${span(finding)} signed with key ${finding.keyId}, which nobody named: forged, unless it was yours earlier; name it then in registrar.receipts.earlier_keys, or with --trust`;
    case 'untrusted-key':
      return `signed with the earlier key ${finding.keyId} although the trusted key signed from receipt ${finding.trustedSince} on: forged, or issued by a worker without that key`;
    case 'not-vouched-for':
      return `${span(finding)} signed only with other keys, and no receipt of the trusted key follows yet: the next one will seal them`;
    case 'missing':
      return `${span(finding)} missing: removed`;
    case 'missing-tail':
      return `${span(finding)} missing at the end: removed`;
    case 'beyond-end':
      return `stands behind the chain's end, which is receipt ${finding.end}: added, or the end was put back`;
    case 'wrong-end':
      return "is not the receipt that the chain's end names: replaced, or the end was altered";
    case 're-ordered':
      return 'stands behind a later one: re-ordered';
    case 'duplicate':
      return 'is there a second time';
    case 'wrong-previous-hash':
      return 'does not follow the receipt before it: that one was replaced';
    case 'columns-disagree':
      return `its row says something else than its body: ${finding.columns.join(', ')} altered`;
    case 'not-as-expected':
      return `no receipt with the expected hash ${finding.hash} stands here: the chain was cut or written anew`;
    case 'bad-head':
      return `the head of the file ${finding.what}`;
    case 'no-receipt':
      return `LMS user ${finding.userId} is COMPLETE without a receipt: it was removed, or the erasure is older than receipts`;
  }
}

function span({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? `receipt ${from} is` : `receipts ${from} to ${to} are`;
}
