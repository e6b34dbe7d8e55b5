/** What a path may not be filled with, in words without the value. */
export type UnusablePath =
  'an empty value' | 'a control character' | 'a value of dots only' | 'a value that leads to another path';

/**
 * Fills `{name}` in a path (with or without a query) with percent-encoded values, so that no value changes its structure.
 * Values that no encoding makes harmless are refused: every URL parser folds a segment `.` or `..` away; proxies that decode
 * before they route fold `a%2F..%2Fb`, too, and cut at a NUL; and an empty value turns "this person" into "all of them".
 */
export function fillPath(
  template: string,
  valueOf: (name: string) => string,
): { readonly path: string } | { readonly unusable: UnusablePath } {
  const queryAt = template.search(/[?#]|$/);
  let unusable: UnusablePath | undefined;
  const path = template.replace(placeholder, (_, name: string, at: number) => {
    const value = wellFormed(valueOf(name));
    unusable ??= troubleWith(value) ?? (at < queryAt ? troubleInPath(value) : undefined);
    return encodeURIComponent(value);
  });
  if (unusable !== undefined) return { unusable };
  const [segments = ''] = path.split(/[?#]/, 1);
  const steps = decoded(segments).split(/[/\\]/);
  if (steps.some((step) => isFolded(step.trim()))) return { unusable: 'a value of dots only' };
  return { path: path.startsWith('/') ? path : `/${path}` };
}

/** `{user_id}` and the like. */
export const placeholder = /\{([a-z_]+)\}/g;

/** Half a surrogate pair cannot be encoded; it becomes U+FFFD, as everywhere on the web. */
function wellFormed(value: string): string {
  return Buffer.from(value).toString();
}

/** Blank counts as empty: many servers trim what they are given. */
function troubleWith(value: string): UnusablePath | undefined {
  if (value.trim() === '') return 'an empty value';
  return /\p{Cc}/u.test(decoded(value)) ? 'a control character' : undefined;
}

/** A slash within a name stays one of the name, unless something that decodes it would find a way out behind it. */
function troubleInPath(value: string): UnusablePath | undefined {
  const steps = decoded(value).split(/[/\\]/);
  const leads = steps.length > 1 && steps.some((step) => step.trim() === '' || isFolded(step.trim()));
  return leads ? 'a value that leads to another path' : undefined;
}

/** `.` and `..`, also with the parameters (`..;x`) that some servers take off first. */
function isFolded(segment: string): boolean {
  return /^\.{1,2}(;.*)?$/s.test(segment);
}

/** As something sees it that decodes once more than it should, however often. */
function decoded(value: string): string {
  const once = value.replace(/%([0-7][0-9a-f])/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  return once === value ? value : decoded(once);
}
