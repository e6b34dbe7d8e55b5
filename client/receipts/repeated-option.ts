/** Gathers an option that may be repeated. One that takes several values at once would swallow the argument behind it. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
