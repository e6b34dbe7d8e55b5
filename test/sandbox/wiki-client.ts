import { createSandboxControl } from '../../sandbox/control/client.ts';
import type { SandboxServer } from '../../sandbox/shell/server.ts';
import { startSandboxWiki, type SandboxWikiOptions } from '../../sandbox/wiki/server.ts';
import { createDatabase } from '../support/database.ts';

export interface GivenEdit {
  readonly user: string;
  readonly title: string;
  readonly ns?: number;
  readonly timestamp: string;
  readonly sizediff?: number;
  readonly new?: boolean;
  readonly tags?: readonly string[];
  readonly refs?: number;
}

export interface MadeEdit {
  readonly user: string;
  readonly pageid: number;
  readonly revid: number;
  readonly parentid: number;
}

export interface Contribution {
  readonly user: string;
  readonly pageid: number;
  readonly revid: number;
  readonly parentid: number;
  readonly ns: number;
  readonly title: string;
  readonly timestamp: string;
  readonly size: number;
  readonly sizediff: number;
  readonly new: boolean;
  readonly top: boolean;
  readonly tags: readonly string[];
  readonly texthidden?: boolean;
  readonly suppressed?: boolean;
}

export interface ApiAnswer {
  readonly batchcomplete?: boolean;
  readonly continue?: Readonly<Record<string, string>>;
  readonly warnings?: Readonly<Record<string, { readonly warnings: string }>>;
  readonly error?: { readonly code: string; readonly info: string };
  readonly query?: {
    readonly usercontribs?: readonly Contribution[];
    readonly pages?: readonly Readonly<Record<string, unknown>>[];
    readonly [key: string]: unknown;
  };
}

const everything = 'ids|title|timestamp|size|sizediff|flags|tags';

/** Speaks to one sandbox wiki as the course statistics do, and as the tests do behind its back. */
export class WikiClient {
  readonly wiki: SandboxServer;

  constructor(wiki: SandboxServer) {
    this.wiki = wiki;
  }

  async api(parameters: Readonly<Record<string, string>>): Promise<ApiAnswer> {
    return (await (await this.raw({ formatversion: '2', ...parameters })).json()) as ApiAnswer;
  }

  async raw(
    parameters: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const query = new URLSearchParams({ action: 'query', format: 'json', ...parameters });
    return fetch(`${this.wiki.url}/w/api.php?${query.toString()}`, { headers });
  }

  async contributions(
    users: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<readonly Contribution[]> {
    const answer = await this.api({
      list: 'usercontribs',
      ucuser: users,
      ucprop: everything,
      uclimit: 'max',
      ...more,
    });
    if (answer.error !== undefined) throw new Error(answer.error.code);
    return answer.query?.usercontribs ?? [];
  }

  async edit(...edits: readonly GivenEdit[]): Promise<readonly MadeEdit[]> {
    const given = edits.map((edit) => ({ ns: 0, sizediff: 10, ...edit }));
    const control = createSandboxControl(this.wiki.url);
    return (await control('POST', '/_sandbox/edits', given)) as readonly MadeEdit[];
  }

  /** The answer as it comes, also when it is a refusal. */
  async control(path: string, body?: unknown, method = 'POST'): Promise<Response> {
    const sent =
      body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    return fetch(`${this.wiki.url}/_sandbox/${path}`, { method, ...sent });
  }

  async references(ids: readonly number[], place = 'wikipedia/en'): Promise<Response> {
    return fetch(`${this.wiki.url}/api/v1/references/${place}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rev_ids: ids }),
    });
  }
}

export interface WikiOfATest {
  readonly client: WikiClient;
  readonly databaseUrl: string;
  /** Stops the server and starts another one on the same data; the client speaks to it then. */
  restart(): Promise<WikiClient>;
  close(): Promise<void>;
}

/** A sandbox wiki on a database of its own. */
export async function startWikiOfATest(options: Partial<SandboxWikiOptions> = {}): Promise<WikiOfATest> {
  const database = await createDatabase();
  const start = (port: number): Promise<SandboxServer> =>
    startSandboxWiki({ ...options, databaseUrl: database.url, port });
  let running = await start(0);
  return {
    client: new WikiClient(running),
    databaseUrl: database.url,
    restart: async () => {
      await running.close();
      running = await start(running.port);
      return new WikiClient(running);
    },
    close: async () => {
      await running.close();
      await database.drop();
    },
  };
}

export function oneOf<T>(list: readonly T[], index = 0): T {
  const found = list[index];
  if (found === undefined) throw new Error(`there is no element ${index}`);
  return found;
}
