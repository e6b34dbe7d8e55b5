import type { SandboxControl } from '../../../../sandbox/control/client.ts';
import { prefixedTitle, type Title } from '../../../../sandbox/wiki/titles.ts';
import type { MediaWiki } from '../../../support/mediawiki.ts';

/** What may become of pages and revisions beside edits. */
export interface Changes {
  deletePage(page: Title): Promise<void>;
  undeletePage(page: Title): Promise<void>;
  movePage(from: Title, to: Title, options: { readonly redirect: boolean }): Promise<void>;
  hide(revisionId: number, parts: Hidden): Promise<void>;
}

export interface Hidden {
  readonly text?: boolean;
  readonly user?: boolean;
  readonly suppressed?: boolean;
}

/** As an administrator's scripts do it. */
export function changesOf(wiki: MediaWiki): Changes {
  return {
    deletePage: async (page) => {
      await succeed(wiki.maintain('deleteBatch.php', [], `${prefixedTitle(page)}\n`), / Deleted!/);
    },
    undeletePage: async (page) => {
      await succeed(wiki.maintain('undelete.php', [prefixedTitle(page)]), /done/);
    },
    movePage: async (from, to, { redirect }) => {
      const line = `${prefixedTitle(from)}|${prefixedTitle(to)}\n`;
      const said = wiki.maintain('moveBatch.php', redirect ? [] : ['--noredirects'], line);
      await succeed(said, /-->(?![^]*FAILED)/);
    },
    hide: (revisionId, { text = false, user = false, suppressed = false }) => {
      const bits = (text ? 1 : 0) | (user ? 4 : 0) | (suppressed ? 8 : 0);
      return wiki.evaluate(hiding, { revisionId, bits });
    },
  };
}

const hiding = `
wfGetDB(DB_PRIMARY)->update(
  'revision', ['rev_deleted' => $data['bits']], ['rev_id' => $data['revisionId']], 'hiding');`;

/** As the sandbox's own control does it. */
export function changesOfSandbox(control: SandboxControl): Changes {
  return {
    deletePage: async (page) => void (await control('POST', '/_sandbox/pages/delete', page)),
    undeletePage: async (page) => void (await control('POST', '/_sandbox/pages/undelete', page)),
    movePage: async (from, to, { redirect }) => {
      await control('POST', '/_sandbox/pages/move', {
        ...from,
        to_title: to.title,
        to_ns: to.ns,
        redirect,
      });
    },
    hide: async (revisionId, { text = false, user = false, suppressed = false }) => {
      const hidden = [...(text ? ['text'] : []), ...(user ? ['user'] : [])];
      await control('POST', '/_sandbox/revisions/hide', { revids: [revisionId], hidden, suppressed });
    },
  };
}

async function succeed(said: Promise<string>, sign: RegExp): Promise<void> {
  const text = await said;
  if (!sign.test(text)) throw new Error(`MediaWiki's script said: ${text}`);
}
