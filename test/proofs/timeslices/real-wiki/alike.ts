import { expect } from 'vitest';
import type { Answer, Parameters, Side, TwoWikis } from './two-wikis.ts';

/** A request, the same for both wikis but for their ids. */
export type Request = Parameters | ((side: Side) => Parameters);

/** Both wikis answer alike, but for their ids and what {@link comparable} leaves out. Returns what both say. */
export async function expectAlike(wikis: TwoWikis, request: Request): Promise<unknown> {
  const [real, sandbox] = await Promise.all([
    askComparable(wikis.real, request),
    askComparable(wikis.sandbox, request),
  ]);
  expect(sandbox).toEqual(real);
  return real.body;
}

/** Both walk from page to page in the same steps. Returns how many rows each page has. */
export async function expectSameWalk(wikis: TwoWikis, parameters: Parameters): Promise<readonly number[]> {
  const [real, sandbox] = await Promise.all([walk(wikis.real, parameters), walk(wikis.sandbox, parameters)]);
  expect(sandbox).toEqual(real);
  return real.map(({ body }) => rowsIn(body));
}

async function walk(side: Side, parameters: Parameters): Promise<readonly Answer[]> {
  const pages: Answer[] = [];
  for (let continued: Parameters | undefined = {}; continued !== undefined;) {
    const answer = await side.ask({ ...parameters, ...continued });
    pages.push({ ...answer, body: comparable(side, answer.body) });
    continued = (answer.body as { readonly continue?: Parameters }).continue;
    if (pages.length > 1000) throw new Error(`the walk through ${side.name} does not end`);
  }
  return pages;
}

function rowsIn(body: unknown): number {
  const { query } = body as { readonly query?: { readonly usercontribs?: readonly unknown[] } };
  return query?.usercontribs?.length ?? 0;
}

async function askComparable(side: Side, request: Request): Promise<Answer> {
  const answer = await side.ask(typeof request === 'function' ? request(side) : request);
  return { ...answer, body: comparable(side, answer.body) };
}

/**
 * The answer without what may differ, none of which the product reads. Ids of pages and revisions become names, of those that came
 * later `new`, and pages are not keyed by them (`formatversion=1`). Left out are users' ids, the time when a page was last rendered (`touched`), that a move is a minor edit, and where the
 * manual is; opaque are tokens of continuation, and the wiki's address.
 */
function comparable(side: Side, body: unknown): unknown {
  const pages = new Map([...side.pageIds].map(([name, id]) => [id, name]));
  const revisions = new Map([...side.revisionIds].map(([name, id]) => [id, name]));
  const named = (names: ReadonlyMap<number, string>, id: unknown): unknown =>
    typeof id === 'number' && id > 0 && id < NEVER_AN_ID ? (names.get(id) ?? 'new') : id;
  const replaced = (key: string, value: unknown): unknown => {
    switch (key) {
      case 'pageid':
        return named(pages, value);
      case 'revid':
      case 'parentid':
      case 'lastrevid':
        return named(revisions, value);
      case 'pages':
        return Object.values(value as object);
      case 'uccontinue':
        return 'opaque';
      case 'timestamp':
        return typeof value === 'string' && value > LATER ? 'later' : value;
      case 'userid':
      case 'touched':
      case 'minor':
      case 'docref':
        return undefined;
      default:
        return typeof value === 'string' ? value.replaceAll(side.url, 'http://wiki') : value;
    }
  };
  return JSON.parse(JSON.stringify(body, replaced)) as unknown;
}

/** Ids from here on are asked for because no wiki has them. */
export const NEVER_AN_ID = 900_000_000;

/** The edits that are loaded are older; what a change writes is from the day of the test. */
const LATER = '2025';
