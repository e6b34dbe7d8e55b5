/** One line of `doctor`. */
export interface Check {
  readonly check: string;
  readonly outcome: 'ok' | 'warning' | 'FAILED';
  /** What was found; unless ok, also what to do. */
  readonly message: string;
}

export function ok(check: string, message: string): Check {
  return { check, outcome: 'ok', message };
}

export function warning(check: string, message: string): Check {
  return { check, outcome: 'warning', message };
}

export function bad(check: string, message: string): Check {
  return { check, outcome: 'FAILED', message };
}
