/** What a path may not be filled with, in words without the value. */
export type UnusablePath = 'an empty value' | 'a value of dots only';

/**
 * Fills `{name}` in a path (with or without a query) with percent-encoded values, so that no value changes its structure.
 * Values that no encoding makes harmless are refused: every URL parser folds a segment `.` or `..` away, and an
 * empty value turns "this person" into "all of them".
 */
export function fillPath(
  template: string,
  valueOf: (name: string) => string,
): { readonly path: string } | { readonly unusable: UnusablePath } {
  let empty = false;
  const path = template.replace(placeholder, (_, name: string) => {
    const value = valueOf(name);
    empty ||= value.length === 0;
    return encodeURIComponent(wellFormed(value));
  });
  if (empty) return { unusable: 'an empty value' };
  const [segments = ''] = path.split(/[?#]/, 1);
  const dots = segments.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment));
  return dots ? { unusable: 'a value of dots only' } : { path: path.startsWith('/') ? path : `/${path}` };
}

/** `{user_id}` and the like. */
export const placeholder = /\{([a-z_]+)\}/g;

/** Half a surrogate pair cannot be encoded; it becomes U+FFFD, as everywhere on the web. */
function wellFormed(value: string): string {
  return Buffer.from(value).toString();
}
