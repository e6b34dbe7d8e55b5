const directionMarks = /[\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;
const spaces = /[ _\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+/g;

/**
 * A username as wikis read it, however it was typed: composed letters, single spaces for underscores and other spaces, no marks of
 * direction, no prefix of user pages, the first letter upper case. The SQL function `wiki_username` does the same.
 */
export function wikiUsername(username: string): string {
  const plain = username
    .normalize('NFC')
    .replace(directionMarks, '')
    .replace(spaces, ' ')
    .trim()
    .replace(/^user *: */i, '');
  const [first = ''] = plain;
  return first.toUpperCase() + plain.slice(first.length);
}
