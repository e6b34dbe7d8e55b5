import type { Pool } from 'pg';
import { oneRow, type Statement } from '../shell/statements.ts';
import { namespaces, SITE_NAME } from './namespaces.ts';
import type { Parameters } from './parameters.ts';
import { isoTimestamp } from './timestamps.ts';

/** The release whose answers the sandbox repeats. */
const GENERATOR = 'MediaWiki 1.39.17';

const siteProperties = ['general', 'namespaces', 'namespacealiases', 'statistics'];
const userProperties = ['groups', 'rights'];

/** Rights of somebody who is not logged in: nothing here that raises a limit. */
const rights = [
  'createaccount',
  'read',
  'edit',
  'createpage',
  'createtalk',
  'writeapi',
  'viewmywatchlist',
  'editmywatchlist',
  'viewmyprivateinfo',
  'editmyprivateinfo',
  'editmyoptions',
];

const counts: Statement = {
  name: 'site-counts',
  text: `select (select count(*) from pages)::integer as pages, (select count(*) from revisions)::integer as edits,
    (select count(*) from actors)::integer as users`,
};

export interface Site {
  /** `http://host:port` */
  readonly url: string;
  readonly language: string;
  readonly formatVersion: 1 | 2;
}

/** `meta=siteinfo`: keys of `query`. */
export async function answerSiteInfo(
  pool: Pool,
  parameters: Parameters,
  site: Site,
): Promise<Readonly<Record<string, unknown>>> {
  const wanted = parameters.choices('query+siteinfo', 'siprop', siteProperties, ['general']);
  return {
    ...(wanted.includes('general') ? { general: general(site) } : {}),
    ...(wanted.includes('namespaces') ? { namespaces: showNamespaces(site) } : {}),
    ...(wanted.includes('namespacealiases') ? { namespacealiases: [] } : {}),
    ...(wanted.includes('statistics') ? { statistics: await statistics(pool) } : {}),
  };
}

/** `meta=userinfo`: everybody is anonymous here. */
export function answerUserInfo(parameters: Parameters, address: string): Readonly<Record<string, unknown>> {
  const wanted = parameters.choices('query+userinfo', 'uiprop', userProperties, []);
  return {
    id: 0,
    name: address,
    anon: true,
    ...(wanted.includes('groups') ? { groups: ['*'] } : {}),
    ...(wanted.includes('rights') ? { rights } : {}),
  };
}

function general({ url, language }: Site): Readonly<Record<string, unknown>> {
  return {
    mainpage: 'Main Page',
    base: `${url}/wiki/Main_Page`,
    sitename: SITE_NAME,
    generator: GENERATOR,
    case: 'first-letter',
    lang: language,
    rtl: false,
    readonly: false,
    writeapi: false,
    timezone: 'UTC',
    timeoffset: 0,
    articlepath: '/wiki/$1',
    scriptpath: '/w',
    script: '/w/index.php',
    server: url,
    servername: '127.0.0.1',
    wikiid: 'sandbox_wiki',
    time: isoTimestamp(new Date()),
  };
}

function showNamespaces({ formatVersion }: Site): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    namespaces.map(({ id, name, canonical, subpages }) => [
      id,
      {
        id,
        case: 'first-letter',
        ...(formatVersion === 2 ? { name } : {}),
        subpages,
        ...(canonical === undefined ? {} : { canonical }),
        content: id === 0,
        nonincludable: false,
        ...(id === 8 ? { namespaceprotection: 'editinterface' } : {}),
        ...(formatVersion === 1 ? { '*': name } : {}),
      },
    ]),
  );
}

async function statistics(pool: Pool): Promise<Readonly<Record<string, unknown>>> {
  const { pages, edits, users } = await oneRow<Record<'pages' | 'edits' | 'users', number>>(pool, counts, []);
  return { pages, articles: pages, edits, images: 0, users, activeusers: users, admins: 0, jobs: 0 };
}
