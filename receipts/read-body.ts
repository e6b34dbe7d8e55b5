import {
  hasShape,
  isHash,
  isId,
  isInstant,
  isListOf,
  isOneOf,
  isPlace,
  isText,
  readCanonical,
} from './json-shape.ts';
import type { ReceiptBody } from './receipt.ts';

/** What a receipt says; undefined when the text is not the canonical JSON of a body that this version knows. */
export function readBody(text: string): ReceiptBody | undefined {
  const body = readCanonical(text);
  return isBody(body) ? body : undefined;
}

function isBody(value: unknown): value is ReceiptBody {
  return hasShape(value, erasure) || hasShape(value, probe);
}

const head = {
  version: (value: unknown) => value === 1,
  sequence: isPlace,
  previousHash: (value: unknown) => value === '' || isHash(value),
  issuedAt: isInstant,
  userId: isId,
  retirementId: isId,
  subject: (value: unknown) => hasShape(value, { keyId: isText, username: isHash, email: isHash }),
} as const;

const probes = isListOf((item) =>
  hasShape(item, {
    stage: isText,
    result: isOneOf('gone', 'still-there', 'came-back', 'unknown'),
    at: isInstant,
  }),
);

const stages = isListOf((item) =>
  hasShape(item, {
    startState: isText,
    endState: isText,
    service: isText,
    method: isText,
    outcome: isOneOf('erased', 'nothing-to-erase', 'already-done', 'done-elsewhere', 'skipped', 'unknown'),
    at: (value) => value === null || isInstant(value),
  }),
);

const erasure = {
  ...head,
  kind: isOneOf('erasure'),
  requestedAt: isInstant,
  completedAt: isInstant,
  stages,
  probes,
} as const;

const probe = { ...head, kind: isOneOf('probe'), of: isPlace, probes } as const;
