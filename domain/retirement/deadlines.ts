export interface Deadlines {
  /** From here on stages may run. */
  readonly coolOffUntil: Date;
  /** By then the learner is to be erased. */
  readonly dueAt: Date;
}

const DAY_MS = 86_400_000;

/** When the cooling-off ends and when the erasure is due, for a learner who asked at `requestedAt`. Days may be fractions. */
export function deadlinesOf(
  requestedAt: Date,
  { coolOffDays, deadlineDays }: { readonly coolOffDays: number; readonly deadlineDays: number },
): Deadlines {
  return {
    coolOffUntil: new Date(requestedAt.getTime() + coolOffDays * DAY_MS),
    dueAt: new Date(requestedAt.getTime() + deadlineDays * DAY_MS),
  };
}
