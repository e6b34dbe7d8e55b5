type Complete<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> };

/** The object when none of its values is undefined. */
export function complete<T extends object>(values: T): Complete<T> | undefined {
  return isComplete(values) ? values : undefined;
}

function isComplete<T extends object>(values: T): values is T & Complete<T> {
  return Object.values(values).every((value) => value !== undefined);
}

/** The object without its undefined values. */
export function present<T extends object>(values: T): Partial<Complete<T>> {
  // Object.entries loses the pairing of key and type, which a filter cannot change.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<
    Complete<T>
  >;
}
