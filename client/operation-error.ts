/** Why an operation was not done, as the exit status says it. */
export type FailureKind = 'failed' | 'wrong-usage' | 'not-found' | 'refused';

const exitStatuses: Readonly<Record<FailureKind, number>> = {
  failed: 1,
  'wrong-usage': 2,
  'not-found': 3,
  refused: 4,
};

/** An operation that was not done. The message, one line or several, says what is wrong and what to do. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }

  get exitStatus(): number {
    return exitStatuses[this.kind];
  }
}

/** The environment or another system does not let it be done. */
export function failed(message: string, options?: ErrorOptions): OperationError {
  return new OperationError('failed', message, options);
}

/** Called in a way that cannot mean anything, or could mean several people. */
export function wrongUsage(message: string): OperationError {
  return new OperationError('wrong-usage', message);
}

export function notFound(message: string): OperationError {
  return new OperationError('not-found', message);
}

/** The state of what is asked about does not allow it. */
export function refused(message: string): OperationError {
  return new OperationError('refused', message);
}
