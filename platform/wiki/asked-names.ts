import type { ApiError } from './api-answer.ts';

/**
 * One of the names that can be no username and that no request may carry: blank, with a control character or half a
 * character in it, or with the bar that separates names in a request, which would ask for two other people instead.
 */
export function findUnaskable(usernames: readonly string[]): string | undefined {
  return usernames.find(
    (username) => /[|\u0000-\u001f\u007f]|\p{Surrogate}/u.test(username) || keyOf(username) === '',
  );
}

/**
 * Finds for a name in the wiki's own spelling the name that was asked about. The wiki puts spaces for underscores, one at a time,
 * makes the first letter a capital, composes accents, and takes off marks of writing direction and the prefix of the user
 * namespace, in whatever language.
 */
export function nameFinder(usernames: readonly string[]): (spelled: string) => string | undefined {
  const asked = new Set(usernames);
  const byKey = new Map<string, string>();
  const add = (key: string, username: string): void => {
    if (!byKey.has(key)) byKey.set(key, username);
  };
  for (const username of usernames) add(keyOf(username), username);
  for (const username of usernames) add(keyOf(username.slice(username.indexOf(':') + 1)), username);
  return (spelled) => (asked.has(spelled) ? spelled : byKey.get(keyOf(spelled)));
}

/** Which of the names the error refuses; undefined when it does not tell. */
export function findRefused(error: ApiError, usernames: readonly string[]): string | undefined {
  const [only, ...others] = usernames;
  if (others.length === 0) return only;
  // The first parameter is the name of the request's parameter, and a student may be called that.
  const [, value] = error.parameters;
  if (value !== undefined) return findWritten(value, usernames) ?? findWritten(unescaped(value), usernames);
  return findQuoted(error.text.normalize('NFC'), usernames);
}

function findWritten(value: string, usernames: readonly string[]): string | undefined {
  const written = value.normalize('NFC');
  return usernames.find((username) => username.normalize('NFC') === written) ?? nameFinder(usernames)(value);
}

/** The name that is quoted first; of two at the same place the longer one. */
function findQuoted(text: string, usernames: readonly string[]): string | undefined {
  const [first] = usernames
    .map((username) => ({ username, at: text.indexOf(`"${username.normalize('NFC')}"`) }))
    .filter(({ at }) => at >= 0)
    .toSorted((left, right) => left.at - right.at || right.username.length - left.username.length);
  return first?.username;
}

/** One of MediaWiki's two messages writes the name so that it is no wikitext: `A&#35;b`. */
function unescaped(text: string): string {
  return text.replace(/&#(\d{1,6});/g, (_, code: string) => String.fromCodePoint(Number(code)));
}

/** The same for two writings of one username. */
function keyOf(username: string): string {
  const plain = username
    .normalize('NFC')
    .replace(/[\u200e\u200f\u202a-\u202e]/g, '')
    .replace(/[\s_\u180e]+/gu, ' ')
    .trim();
  const [first = ''] = plain;
  // Up and down again: some letters share a capital.
  return first.toUpperCase().toLowerCase() + plain.slice(first.length);
}
