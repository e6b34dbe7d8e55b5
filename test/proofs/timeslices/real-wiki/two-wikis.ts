import { createSandboxControl } from '../../../../sandbox/control/client.ts';
import { startSandboxWiki } from '../../../../sandbox/wiki/server.ts';
import { createDatabase } from '../../../support/database.ts';
import { createEditLoader, type WikiEdit } from '../../../support/mediawiki-edits.ts';
import { startMediaWiki } from '../../../support/mediawiki.ts';
import { changesOf, changesOfSandbox, type Changes } from './changes.ts';

/** For hooks that start two wikis: half a minute on a busy machine, seldom more. */
export const SET_UP_MS = 180_000;

export type Parameters = Readonly<Record<string, string>>;

/** One of the two wikis: what it calls the things that both have. */
export interface Side {
  readonly name: 'MediaWiki' | 'sandbox';
  readonly url: string;
  /** By the name of the page, `ns:title`, under which it was loaded. */
  readonly pageIds: ReadonlyMap<string, number>;
  /** By {@link revisionName}. */
  readonly revisionIds: ReadonlyMap<string, number>;
  ask(parameters: Parameters): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  /** Of the headers, those that clients act on. */
  readonly headers: Parameters;
  readonly body: unknown;
}

/** The same users and edits in a real MediaWiki and in the sandbox wiki. */
export interface TwoWikis {
  readonly real: Side;
  readonly sandbox: Side;
  /** Makes the edits in both. */
  edit(edits: readonly WikiEdit[]): Promise<void>;
  /** Runs a change in both. */
  change(make: (changes: Changes, side: Side) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export async function startTwoWikis(users: readonly string[], edits: readonly WikiEdit[]): Promise<TwoWikis> {
  const database = await createDatabase();
  const sandboxWiki = await startSandboxWiki({ databaseUrl: database.url, port: 0 });
  const mediaWiki = await startMediaWiki();
  const control = createSandboxControl(sandboxWiki.url);
  const loader = createEditLoader(mediaWiki);
  const [real, sandbox] = [sideOf('MediaWiki', mediaWiki.url), sideOf('sandbox', sandboxWiki.url)];
  const changes = { real: changesOf(mediaWiki), sandbox: changesOfSandbox(control) };
  const edit = async (given: readonly WikiEdit[]): Promise<void> => {
    // By time, so that pages are numbered in the same order.
    const more = given.toSorted((left, right) => left.timestamp.localeCompare(right.timestamp));
    await Promise.all([loader.addEdits(more), control('POST', '/_sandbox/edits', more)]);
    const names = [...new Set(more.map(({ user }) => user))];
    await Promise.all([real.learn(names), sandbox.learn(names)]);
  };
  await Promise.all([loader.addUsers(users), control('POST', '/_sandbox/users', users)]);
  await edit(edits);
  return {
    real,
    sandbox,
    edit,
    change: async (make) => {
      await Promise.all([make(changes.real, real), make(changes.sandbox, sandbox)]);
    },
    close: async () => {
      await Promise.all([mediaWiki.close(), sandboxWiki.close()]);
      await database.drop();
    },
  };
}

/** Who edited when and where: no two of the edits loaded share it. */
export function revisionName(edit: Pick<WikiEdit, 'user' | 'timestamp' | 'ns' | 'title'>): string {
  return `${edit.timestamp} ${edit.user} ${edit.ns}:${edit.title}`;
}

interface LearningSide extends Side {
  /** Reads the ids of these users' edits. */
  learn(users: readonly string[]): Promise<void>;
}

function sideOf(name: Side['name'], url: string): LearningSide {
  const [pageIds, revisionIds] = [new Map<string, number>(), new Map<string, number>()];
  const ask = async (parameters: Parameters): Promise<Answer> => {
    const query = new URLSearchParams({ action: 'query', format: 'json', formatversion: '2', ...parameters });
    const answer = await fetch(`${url}/w/api.php?${query.toString()}`);
    const headers = ['content-type', 'mediawiki-api-error', 'retry-after', 'x-database-lag'].flatMap(
      (header) => {
        const value = answer.headers.get(header);
        return value === null ? [] : [[header, value] as const];
      },
    );
    return { status: answer.status, headers: Object.fromEntries(headers), body: await answer.json() };
  };
  return {
    name,
    url,
    pageIds,
    revisionIds,
    ask,
    learn: async (users) => {
      for (const user of users) {
        for (const row of await listAll(ask, user)) {
          const title = row.ns === 0 ? row.title : row.title.slice(row.title.indexOf(':') + 1);
          const revision = revisionName({ user, timestamp: row.timestamp, ns: row.ns, title });
          if (!revisionIds.has(revision)) revisionIds.set(revision, row.revid);
          if (!pageIds.has(`${row.ns}:${title}`)) pageIds.set(`${row.ns}:${title}`, row.pageid);
        }
      }
    },
  };
}

interface Row {
  readonly pageid: number;
  readonly revid: number;
  readonly ns: number;
  readonly title: string;
  readonly timestamp: string;
}

async function listAll(ask: Side['ask'], user: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let continued: Parameters | undefined = {}; continued !== undefined;) {
    const { body } = await ask({ list: 'usercontribs', ucuser: user, uclimit: 'max', ...continued });
    const page = body as { readonly continue?: Parameters; readonly query: { readonly usercontribs: Row[] } };
    rows.push(...page.query.usercontribs);
    continued = page.continue;
  }
  return rows;
}
