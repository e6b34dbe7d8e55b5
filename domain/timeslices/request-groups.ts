import { newsWindow, type Reach, type SliceWindow } from './fetch-windows.ts';
import type { Second, Slice } from './slices.ts';

export interface StudentCursor {
  readonly userId: number;
  /** Up to where the student's edits are known; null at first. */
  readonly ingestedUntil: Second | null;
}

export interface RequestGroup {
  readonly userIds: readonly number[];
  readonly window: SliceWindow;
}

/**
 * Students who share requests: those whose cursors are in the same slice have the same window, and go together in groups of at
 * most `size`, in the order of their ids. `slices` are all of a wiki, in order.
 */
export function groupStudents(
  students: readonly StudentCursor[],
  {
    slices,
    reach,
    size,
  }: { readonly slices: readonly Slice[]; readonly reach: Reach; readonly size: number },
): readonly RequestGroup[] {
  const windows = new Map<Second, { readonly window: SliceWindow; readonly userIds: number[] }>();
  for (const student of students.toSorted((left, right) => left.userId - right.userId)) {
    const window = newsWindow(slices, student.ingestedUntil, reach);
    if (!window) continue;
    const same = windows.get(window.from);
    if (same) same.userIds.push(student.userId);
    else windows.set(window.from, { window, userIds: [student.userId] });
  }
  return [...windows.values()].flatMap(({ window, userIds }) =>
    groupsOf(userIds, size).map((group) => ({ userIds: group, window })),
  );
}

/** Cuts a list into groups of `size`; the last may be smaller. */
export function groupsOf<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  if (!Number.isSafeInteger(size) || size < 1) throw new RangeError(`a group of ${size} holds nothing`);
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
