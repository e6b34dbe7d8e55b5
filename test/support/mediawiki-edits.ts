import { isIP } from 'node:net';
import { prefixedTitle } from '../../sandbox/wiki/titles.ts';
import type { MediaWiki } from './mediawiki.ts';

/** An edit as the sandbox wiki takes it. */
export interface WikiEdit {
  readonly user: string;
  /** Without the namespace's prefix. */
  readonly title: string;
  readonly ns: number;
  /** ISO 8601, UTC, whole seconds. */
  readonly timestamp: string;
  readonly sizediff: number;
  readonly new?: boolean;
  readonly tags?: readonly string[];
}

/** Loads edits into a MediaWiki. Edits of an address, or of nobody who has an account, stay those of a guest. */
export interface EditLoader {
  /** Accounts, numbered in this order. */
  addUsers(names: readonly string[]): Promise<void>;
  /** Backdated edits, made in the order of their times; a later call may go behind an earlier one. */
  addEdits(edits: readonly WikiEdit[]): Promise<void>;
}

/** Who wrote a page before the first edit that is given, unless that one is new, as in the sandbox wiki. */
const FOUNDER = 'Sandbox founder';
const FOUNDED_AT = '2001-01-15T00:00:00Z';
const FOUNDED_LENGTH = 10_000;

interface Revision {
  readonly user: string;
  readonly title: string;
  readonly ns: number;
  readonly timestamp: string;
  readonly length: number;
}

export function createEditLoader(wiki: MediaWiki): EditLoader {
  const pages = new Map<string, Revision[]>();
  return {
    addUsers: (names) => wiki.evaluate('foreach ($data as $name) User::createNew($name);', names),
    addEdits: async (edits) => {
      const revisions = [...edits]
        .sort((left, right) => left.timestamp.localeCompare(right.timestamp))
        .flatMap((edit) => {
          const page = pages.get(keyOf(edit)) ?? [];
          const made = revisionsOf(edit, page);
          pages.set(keyOf(edit), [...page, ...made]);
          return made;
        });
      await wiki.maintain('importDump.php', ['--username-prefix=', '--no-updates'], dumpOf(revisions));
      await wiki.maintain('rebuildrecentchanges.php', []);
      const tagged = edits.filter((edit) => (edit.tags ?? []).length > 0);
      if (tagged.length > 0) await wiki.evaluate(tagging, tagged.map(taggingOf));
    },
  };
}

/** The edit as a revision of its whole length, and the page's founding one before it where it needs one. */
function revisionsOf(edit: WikiEdit, page: readonly Revision[]): readonly Revision[] {
  const { user, title, ns, timestamp, sizediff } = edit;
  const before = page
    .filter((revision) => revision.timestamp <= timestamp)
    .reduce<Revision | undefined>(
      (newest, revision) =>
        newest === undefined || revision.timestamp >= newest.timestamp ? revision : newest,
      undefined,
    );
  const revision = (length: number): Revision => ({ user, title, ns, timestamp, length });
  if (edit.new === true) return [revision(sizediff)];
  if (before !== undefined) return [revision(before.length + sizediff)];
  const length = Math.max(FOUNDED_LENGTH, -sizediff);
  return [{ user: FOUNDER, title, ns, timestamp: FOUNDED_AT, length }, revision(length + sizediff)];
}

/** Every revision in a page element of its own, so that revisions are numbered by time. */
function dumpOf(revisions: readonly Revision[]): string {
  const pages = revisions.map((revision, index) => {
    const { user, ns, timestamp, length } = revision;
    // An import leaves out a revision that has the time and the text of another one.
    const words = `${index} ${timestamp} `.padEnd(length, 'x').slice(0, length);
    return (
      `<page><title>${escaped(prefixedTitle(revision))}</title><ns>${ns}</ns><revision>` +
      `<timestamp>${timestamp}</timestamp>` +
      `<contributor>${contributor(user)}</contributor>` +
      '<model>wikitext</model><format>text/x-wiki</format>' +
      `<text xml:space="preserve">${words}</text></revision></page>`
    );
  });
  const schema = 'http://www.mediawiki.org/xml/export-0.11/';
  return `<mediawiki xmlns="${schema}" version="0.11">\n${pages.join('\n')}\n</mediawiki>\n`;
}

const tagging = `
$dbw = wfGetDB(DB_PRIMARY);
foreach ($data as [$ns, $title, $user, $timestamp, $tags]) {
  $id = $dbw->selectField(['revision', 'page', 'actor'], 'rev_id', [
    'page_namespace' => $ns, 'page_title' => $title, 'actor_name' => $user, 'rev_timestamp' => $timestamp,
  ], 'tagging', [], ['page' => ['JOIN', 'page_id = rev_page'], 'actor' => ['JOIN', 'actor_id = rev_actor']]);
  if (!$id) throw new Exception("no revision of $title at $timestamp");
  ChangeTags::addTags($tags, null, (int)$id);
}`;

function taggingOf({ ns, title, user, timestamp, tags }: WikiEdit): readonly unknown[] {
  return [ns, title.replaceAll(' ', '_'), user, timestamp.replace(/\D/g, ''), tags];
}

function contributor(user: string): string {
  return isIP(user) === 0 ? `<username>${escaped(user)}</username>` : `<ip>${user}</ip>`;
}

function keyOf({ ns, title }: WikiEdit): string {
  return `${ns}:${title}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
