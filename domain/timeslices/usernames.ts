/** A username as wikis write it: spaces for underscores, one at a time, the first letter upper case. */
export function wikiUsername(username: string): string {
  const plain = username.replace(/[ _]+/g, ' ').trim();
  const [first = ''] = plain;
  return first.toUpperCase() + plain.slice(first.length);
}
