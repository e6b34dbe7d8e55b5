/*
 * Control characters, and those that turn the direction of what follows. Names come from strangers: a terminal would obey the first,
 * and people would read the second wrongly.
 */
const unsafe =
  /(\u001b\[(?:[12]|22|3[1239])m)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The text with unsafe characters written out, as `\u001b`; line feeds, tabs and colours stay. */
export function plainText(text: string): string {
  return text.replace(unsafe, (found: string, colour: string | undefined) => colour ?? writtenOut(found));
}

/** Longest line of a complaint: one word that was given may be as long as a file. */
const LONGEST_LINE = 1_000;

/** The same, cut where somebody's own word makes the line longer than anybody reads. */
export function plainLine(text: string): string {
  const plain = plainText(text);
  return plain.length > LONGEST_LINE ? `${plain.slice(0, LONGEST_LINE)}…` : plain;
}

/** The first control character of the text, written out, a line feed included; undefined when there is none. */
export function findControl(text: string): string | undefined {
  const found = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.exec(text)?.[0];
  return found === undefined ? undefined : writtenOut(found);
}

function writtenOut(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
