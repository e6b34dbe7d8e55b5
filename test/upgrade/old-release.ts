// A release as it was built, in a process of its own: `old-release.ts DIST DATABASE_URL CLIENT_ID CLIENT_SECRET` makes its tables, then runs the platform that
// it talked to, which an upgrade of Registrar does not change. Prints the addresses in a line of JSON, and stays.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { migrate as migrateNow } from '../../db/migrate.ts';
import type { startSandboxLms as startLmsNow } from '../../sandbox/lms/server.ts';
import type { startSandboxWiki as startWikiNow } from '../../sandbox/wiki/server.ts';

const [, , dist = '', databaseUrl = '', clientId = '', clientSecret = ''] = process.argv;

async function importOld<Module>(file: string): Promise<Module> {
  // Nothing can check what another release exports; a wrong name fails at once.
  return (await import(pathToFileURL(path.join(dist, file)).href)) as Module;
}

const { migrate } = await importOld<{ readonly migrate: typeof migrateNow }>('db/migrate.js');
await migrate(databaseUrl);

const { startSandboxLms } = await importOld<{ readonly startSandboxLms: typeof startLmsNow }>(
  'sandbox/lms/server.js',
);
const { startSandboxWiki } = await importOld<{ readonly startSandboxWiki: typeof startWikiNow }>(
  'sandbox/wiki/server.js',
);
const credentials = {
  clientId,
  clientSecret,
  plainClientId: 'plain',
  plainClientSecret: 'plain-secret',
};
const schema = 'sandbox_wiki_fr';
const lms = await startSandboxLms({ databaseUrl, port: 0, credentials });
const wiki = await startSandboxWiki({ databaseUrl, port: 0, countedSchemas: { 'wikipedia/fr': schema } });
const second = await startSandboxWiki({ databaseUrl, port: 0, schema, language: 'fr' });
process.stdout.write(
  `${JSON.stringify({ LMS_URL: lms.url, WIKI_URL: wiki.url, SECOND_WIKI_URL: second.url })}\n`,
);
