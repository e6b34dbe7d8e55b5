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

/** What wikis keep of a username, in bytes of UTF-8. */
const MOST_BYTES = 255;

/**
 * Why no account of any wiki can be called so; undefined for what may be one. Only what no wiki ever let through is refused: old
 * accounts are called like addresses, and have `@`, `:` and `/` in their names.
 */
export function usernameTrouble(username: string): string | undefined {
  const name = wikiUsername(username);
  if (name === '') return 'it is empty';
  if (/[\u0000-\u001f\u007f\ufffd]|\p{Surrogate}/u.test(name)) {
    return 'it has a control character or half a character in it';
  }
  // `imported>Name` is how wikis call whoever made the edits that came with an import.
  if (/[#<[\]{|}]|^>|>$|>.*>/.test(name)) return 'none has # < > [ ] { | } in it';
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > MOST_BYTES) return `it has ${bytes} bytes, and wikis keep ${MOST_BYTES}`;
  return undefined;
}
