/** How a stage of a retirement ended. */
export type ReceiptStageOutcome =
  | 'erased'
  | 'nothing-to-erase'
  | 'already-done'
  /** Done, by another driver or before there were receipts. */
  | 'done-elsewhere'
  /** Left out by an operator. */
  | 'skipped'
  /** The LMS has the learner as COMPLETE; nobody here saw the stage. */
  | 'unknown';

export interface ReceiptStage {
  readonly startState: string;
  readonly endState: string;
  readonly service: string;
  readonly method: string;
  readonly outcome: ReceiptStageOutcome;
  /** ISO 8601; null where nobody knows. */
  readonly at: string | null;
}

/** `unknown`: the service gave no answer that tells. */
export type ProbeResult = 'gone' | 'still-there' | 'came-back' | 'unknown';

export interface ReceiptProbe {
  /** Start state of the stage whose service was asked. */
  readonly stage: string;
  readonly result: ProbeResult;
  /** ISO 8601. */
  readonly at: string;
}

/** The person, without naming them: HMACs of the username and of the e-mail address, and which key made them. */
export interface SubjectTokens {
  readonly keyId: string;
  readonly username: string;
  readonly email: string;
}

interface ReceiptHead {
  readonly version: 1;
  /** Place in the chain, from 1, without gaps. */
  readonly sequence: number;
  /** Hash of the receipt before; empty for the first. */
  readonly previousHash: string;
  /** ISO 8601. */
  readonly issuedAt: string;
  readonly userId: number;
  readonly retirementId: number;
  readonly subject: SubjectTokens;
}

/** What one receipt says. Its canonical JSON is hashed and signed. */
export type ReceiptBody =
  | (ReceiptHead & {
      readonly kind: 'erasure';
      /** ISO 8601. */
      readonly requestedAt: string;
      readonly completedAt: string;
      readonly stages: readonly ReceiptStage[];
      /** Results of the first probes; empty when no stage declares any. */
      readonly probes: readonly ReceiptProbe[];
    })
  | (ReceiptHead & {
      /** A later look at an erasure. */
      readonly kind: 'probe';
      /** Sequence of the erasure's receipt. */
      readonly of: number;
      readonly probes: readonly ReceiptProbe[];
    });

/** A receipt as it is stored and exported. */
export interface Receipt {
  /** Canonical JSON of a {@link ReceiptBody}. */
  readonly body: string;
  /** SHA-256 of the body's UTF-8 bytes, in lower-case hexadecimal. */
  readonly hash: string;
  readonly signingKeyId: string;
  /** Ed25519 over the body's UTF-8 bytes, in base64. */
  readonly signature: string;
}
