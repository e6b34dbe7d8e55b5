/** Name and version of `package.json`. */
export const PRODUCT = 'registrar/0.2.0';

const LONGEST_CONTACT = 200;

/**
 * The `User-Agent` of all calls to wikis: the product and, in a comment, how to reach whoever runs it. What such a comment cannot hold
 * (parentheses, a backslash, line ends, anything beyond ASCII) is percent-encoded, so any contact makes a valid header.
 */
export function userAgentOf(contact: string | undefined): string {
  const plain = (contact ?? '').trim();
  if (plain === '') return PRODUCT;
  const characters = Array.from(plain.replace(/\s+/gu, ' '), encoded);
  let comment = '';
  for (const character of characters) {
    // Cut between characters: half of a percent-encoding would be nonsense.
    if (comment.length + character.length > LONGEST_CONTACT) break;
    comment += character;
  }
  return `${PRODUCT} (${comment})`;
}

function encoded(character: string): string {
  if (/^[\x20-\x7e]$/.test(character) && !'()\\'.includes(character)) return character;
  return [...Buffer.from(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
