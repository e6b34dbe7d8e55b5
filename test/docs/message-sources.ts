import type { MessageSource } from './message-templates.ts';

/** Where messages for people come from, in the order of docs/errors.md. Nobody operates the sandboxes and the story. */
export const messageSources: readonly MessageSource[] = [
  { folder: 'client', calls: { failed: 0, wrongUsage: 0, notFound: 0, refused: 0, OperationError: 1 } },
  { folder: 'client', calls: { warning: 1, bad: 1 } },
  { folder: 'client/translate-error.ts', calls: { say: 0 }, answers: ['withAdvice'] },
  { folder: 'client/receipts/erase-again.ts', calls: { left: 0 }, answers: ['withoutLms'] },
  { folder: 'receipts', calls: {}, answers: ['meaningOf'] },
  { folder: 'domain/retirement', calls: { refused: 0 } },
  { folder: 'domain/timeslices', calls: { complain: 1 } },
  { folder: 'config', calls: { problem: 1, warning: 1, Error: 0 } },
  {
    folder: 'config/temporal-trouble.ts',
    calls: {},
    answers: ['explainPlain', 'explainTls', 'unreachable', 'notTemporal', 'refusal'],
  },
  {
    folder: 'workflows/retirement',
    calls: { badInput: 0 },
    answers: ['tooLateToCancel'],
  },
  {
    folder: 'workflows/retirement/parking.ts',
    calls: {},
    fields: ['reason'],
  },
  {
    folder: 'activities',
    calls: { permanent: 1, retryLater: 1, StillWaiting: 0 },
    fields: ['what', 'reason'],
  },
  { folder: 'platform', calls: { failure: 0, malformed: 0, refuse: 0 }, fields: ['what'] },
  { folder: 'worker', calls: { error: 1, warn: 1, note: 1, Error: 0 }, fields: ['lost'] },
  { folder: 'stack', calls: { Error: 0 } },
  { folder: 'db', calls: { Error: 0 }, answers: ['connectionTrouble'], tables: ['byCode'] },
];
