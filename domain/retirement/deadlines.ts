export interface Deadlines {
  /** From here on stages may run. */
  readonly coolOffUntil: Date;
  /** From here on a retirement that still runs is warned of. */
  readonly warnAt: Date;
  /** By then the learner is to be erased. */
  readonly dueAt: Date;
}

const DAY_MS = 86_400_000;

export interface DeadlineSettings {
  readonly coolOffDays: number;
  readonly deadlineDays: number;
  readonly deadlineWarningDays: number;
}

/** When the cooling-off ends and when the erasure is due, for a learner who asked at `requestedAt`. Days may be fractions. */
export function deadlinesOf(
  requestedAt: Date,
  { coolOffDays, deadlineDays, deadlineWarningDays }: DeadlineSettings,
): Deadlines {
  const after = (days: number): Date => new Date(requestedAt.getTime() + days * DAY_MS);
  return {
    coolOffUntil: after(coolOffDays),
    warnAt: after(Math.max(0, deadlineDays - deadlineWarningDays)),
    dueAt: after(deadlineDays),
  };
}

/** How near the due date is: far, near enough to be warned of, or past. */
export type DeadlineStanding = 'ahead' | 'approaching' | 'missed';

/** Instants in milliseconds since 1970. `changesAtMs` is when the standing is another one; absent once it is missed. */
export function standingAt(
  nowMs: number,
  { warnAtMs, dueAtMs }: { readonly warnAtMs: number; readonly dueAtMs: number },
): { readonly standing: DeadlineStanding; readonly changesAtMs?: number } {
  if (nowMs >= dueAtMs) return { standing: 'missed' };
  if (nowMs >= warnAtMs) return { standing: 'approaching', changesAtMs: dueAtMs };
  return { standing: 'ahead', changesAtMs: warnAtMs };
}
