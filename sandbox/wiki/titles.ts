import { findNamespace, findNamespaceNamed } from './namespaces.ts';

/** A page's place: namespace number and title, with spaces and without the namespace prefix. */
export interface Title {
  readonly ns: number;
  readonly title: string;
}

export type ParsedTitle =
  { readonly kind: 'title'; readonly title: Title } | { readonly kind: 'invalid'; readonly reason: string };

const LONGEST_TITLE_BYTES = 255;
const EMPTY = 'The requested page title is empty or contains only the name of a namespace.';
const RELATIVE =
  'Title has relative path. Relative page titles (./, ../) are invalid, ' +
  "because they will often be unreachable when handled by user's browser.";

/** Reads a title as a reader types it, with a prefix: `user:ada_b/sandbox` is `Ada b/sandbox` in namespace 2. */
export function parseTitle(typed: string, defaultNs = 0): ParsedTitle {
  let rest = spaced(typed);
  let ns = defaultNs;
  if (rest.startsWith(':')) [rest, ns] = [rest.slice(1).trim(), 0];
  const [prefix = '', ...afterPrefix] = rest.split(':');
  const namespace = afterPrefix.length > 0 ? findNamespaceNamed(prefix) : undefined;
  if (namespace !== undefined) [rest, ns] = [afterPrefix.join(':').trim(), namespace.id];
  const [withoutFragment = ''] = rest.split('#');
  const title = capitalised(withoutFragment.trim());
  const reason = whyInvalid(title);
  return reason === undefined ? { kind: 'title', title: { ns, title } } : { kind: 'invalid', reason };
}

/** Why no page can have this title (without prefix); undefined when one can. */
export function whyInvalid(title: string): string | undefined {
  if (title === '') return EMPTY;
  if (title.includes('\ufffd')) return 'The requested page title contains an invalid UTF-8 sequence.';
  const forbidden = /[<>[\]{}|#\u0000-\u001f\u007f]|%[0-9A-Fa-f]{2}/.exec(title)?.[0];
  if (forbidden !== undefined) return `The requested page title contains invalid characters: "${forbidden}".`;
  if (/(^|\/)\.\.?(\/|$)/.test(title)) return RELATIVE;
  if (title.includes('~~~')) {
    return 'The requested page title contains invalid magic tilde sequence (<nowiki>~~~</nowiki>).';
  }
  if (Buffer.byteLength(title) > LONGEST_TITLE_BYTES) {
    return `The requested page title is too long. It must be no longer than ${LONGEST_TITLE_BYTES} bytes in UTF-8 encoding.`;
  }
  return undefined;
}

/** The title in the wiki's own spelling: spaces for underscores, none at the ends, first letter capital. */
export function spelledTitle(title: string): string {
  return capitalised(spaced(title));
}

/** With the namespace prefix, as the API shows it. */
export function prefixedTitle({ ns, title }: Title): string {
  const prefix = findNamespace(ns)?.name ?? '';
  return prefix === '' ? title : `${prefix}:${title}`;
}

function capitalised(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length);
}

/** Marks of writing direction go, and what MediaWiki takes for a space becomes one; a tab is none to it. */
function spaced(text: string): string {
  return text
    .replace(/[\u200e\u200f\u202a-\u202e]/g, '')
    .replace(/[ _\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g, ' ')
    .replace(/^ | $/g, '');
}
