import { expect, it, onTestFinished } from 'vitest';
import { startSandbox, type RunningSandbox } from '../../bin/sandbox.ts';
import { loadConfiguration } from '../../config/load.ts';
import { createSandboxControl } from '../../sandbox/control/client.ts';
import { createDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';

interface Home {
  start(): Promise<RunningSandbox>;
}

/** A folder and a database of the test's own; what was started in it is stopped when the test ends. */
async function freshHome(): Promise<Home> {
  const folder = temporaryFolder();
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  return {
    start: async () => {
      const settings = { configurationName: 'registrar.yml', registrar: { retry_budget: '2s' } };
      const sandbox = await startSandbox(folder, database.url, settings);
      onTestFinished(() => sandbox.close());
      return sandbox;
    },
  };
}

function named({ environment }: RunningSandbox, name: string): string {
  const value = environment[name];
  if (value === undefined) throw new Error(`the sandbox names no ${name}`);
  return value;
}

async function language(wikiUrl: string): Promise<unknown> {
  const answer = await fetch(`${wikiUrl}/w/api.php?action=query&meta=siteinfo&format=json&formatversion=2`);
  return ((await answer.json()) as { readonly query: { readonly general: { readonly lang: string } } }).query
    .general.lang;
}

async function edit(wikiUrl: string, user: string, refs: number): Promise<number> {
  const [made] = (await createSandboxControl(wikiUrl)('POST', '/_sandbox/edits', [
    { user, title: 'Page', ns: 0, timestamp: '2025-03-01T10:00:00Z', sizediff: 10, new: true, refs },
  ])) as readonly { readonly revid: number }[];
  if (made === undefined) throw new Error('the wiki made no edit');
  return made.revid;
}

it('has an LMS and two wikis, one English and one French, whose references the first counts', async () => {
  const sandbox = await (await freshHome()).start();
  const [first, second] = [named(sandbox, 'WIKI_URL'), named(sandbox, 'SECOND_WIKI_URL')];
  expect([await language(first), await language(second)]).toEqual(['en', 'fr']);
  const [here, there] = [await edit(first, 'Ada', 2), await edit(second, 'Bede', 5)];
  const count = async (place: string, id: number): Promise<unknown> =>
    (await fetch(`${first}/api/v1/references/${place}/${id}`)).json();
  expect(await count('wikipedia/en', here)).toMatchObject({ num_ref: 2 });
  expect(await count('wikipedia/fr', there)).toMatchObject({ num_ref: 5 });
});

it('writes a configuration that is valid, with the reference counter and a contact for the wikis', async () => {
  const sandbox = await (await freshHome()).start();
  const loaded = await loadConfiguration({ path: named(sandbox, 'REGISTRAR_CONFIG'), env: {} });
  expect(loaded).toMatchObject({
    kind: 'valid',
    configuration: {
      registrar: {
        referenceCounterUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/?$/) as string,
        contact: expect.stringMatching(/@example\.org$/) as string,
        systemOauthIds: [252],
      },
    },
  });
});

it('is found at the same addresses after a restart, with its data', async () => {
  const home = await freshHome();
  const before = await home.start();
  await edit(named(before, 'SECOND_WIKI_URL'), 'Cyd', 1);
  await before.close();
  const after = await home.start();
  expect(after.environment).toEqual(before.environment);
  const answer = await fetch(
    `${named(after, 'SECOND_WIKI_URL')}/w/api.php?action=query&list=usercontribs&ucuser=Cyd&format=json`,
  );
  expect(await answer.json()).toMatchObject({ query: { usercontribs: [{ title: 'Page' }] } });
});
