import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PipelineRow } from '../../sandbox/lms/pipeline.ts';
import { ARCHIVE_RETIREMENTS, RETIREMENT_TASK_QUEUE } from '../../workflows/retirement/contract.ts';
import { environmentOf, registrar, type Ran } from '../client/command-line.ts';
import { formsIn, plainForms } from '../support/identity-forms.ts';
import { readFolder, startOwnTemporal, type OwnTemporal } from '../support/own-temporal.ts';
import { credentials, setRetirementStage, type RetirementStage } from '../support/retirement.ts';
import { startServedWorker, type ServedWorker } from '../worker/served-worker.ts';
import { createAuthority } from './connections-certificates.ts';
import { startKeyFront, type Front } from './connections-fronts.ts';
import { startEchoService, type EchoService } from './secrets-echo.ts';

const made = (what: string): string => `${what}-${randomBytes(9).toString('hex')}`;
const key = (): string => randomBytes(32).toString('base64');

/** A secret for each place that holds one. */
const secrets = {
  clientSecret: credentials.clientSecret,
  apiKey: made('tmprl/api+key'),
  bearer: made('bearer'),
  password: made('basic"pass\\word'),
  header: made('header'),
  query: made('query'),
  oauthSecret: made('oauth&secret'),
  oauthToken: made('oauth-token'),
  braze: made('braze'),
  segment: made('segment'),
  salesforce: made('salesforce'),
  salesforceToken: made('salesforce-token'),
  signing: key(),
  token: key(),
  bucket: made('bucket'),
  wrongPassword: made('wrong-password'),
  wrongKey: made('wrong-key'),
} as const;

/** What is not secret, and must be found: a search that finds nothing proves nothing. */
const SPOKEN = 'Plimsollfinch';

const services = ['bearer', 'basic', 'keyed', 'queried', 'tokened'] as const;
const pipeline: readonly PipelineRow[] = [
  ['RETIRING_CREDENTIALS', 'CREDENTIALS_COMPLETE', 'BEARER', 'forget'],
  ['RETIRING_ECOM', 'ECOM_COMPLETE', 'BASIC', 'forget'],
  ['RETIRING_EMAIL_LISTS', 'EMAIL_LISTS_COMPLETE', 'KEYED', 'forget'],
  ['RETIRING_NOTES', 'NOTES_COMPLETE', 'QUERIED', 'forget'],
  ['RETIRING_DEMOGRAPHICS', 'DEMOGRAPHICS_COMPLETE', 'TOKENED', 'forget'],
];

let folder: string;
let temporal: OwnTemporal;
let stage: RetirementStage;
let echo: EchoService;
let front: Front;
let worker: ServedWorker;
/** Everything that anybody could read, by where it came from. */
const said = new Map<string, string>();
let allSecrets: readonly string[];

function written(name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

function declared(name: (typeof services)[number], auth: unknown, query = ''): unknown {
  const forget = {
    verb: 'POST',
    path: `/${name}/{original_username}${query}`,
    body: { who: '{original_email}' },
    verify: { path: `/${name}/{original_username}/verify${query}`, gone: [200, 400] },
  };
  return { base_url: echo.url, ...(auth === undefined ? {} : { auth }), methods: { forget } };
}

/** Secrets of services stand in variables, in files and in the configuration itself. */
function configure(lmsUrl?: string): void {
  stage.configure({
    pipeline,
    ...(lmsUrl === undefined ? {} : { lmsUrl }),
    root: {
      braze_api_key: '${BRAZE_KEY}',
      braze_instance: 'rest.iad-06.braze.com',
      segment_auth_token: secrets.segment,
      segment_workspace_slug: 'workspace',
      salesforce_user: 'someone',
      salesforce_password: secrets.salesforce,
      salesforce_token: secrets.salesforceToken,
      salesforce_assignee: 'someone',
    },
    registrar: {
      retry_budget: '2s',
      services: {
        BEARER: declared('bearer', { bearer: '${BEARER}' }),
        BASIC: declared('basic', { basic: { username: 'someone', password: secrets.password } }),
        KEYED: declared('keyed', { header: { name: 'X-Api-Key', value: '${HEADER}' } }),
        QUERIED: declared('queried', undefined, '?key=${QUERY}'),
        TOKENED: declared('tokened', {
          oauth: { token_url: `${echo.url}/token`, client_id: 'someone', client_secret: secrets.oauthSecret },
        }),
      },
      receipts: { signing_key: '${SIGNING}', token_key: secrets.token },
      archive: {
        destination: 's3://archive/retired',
        endpoint: 'http://127.0.0.1:9',
        region: 'eu-west-1',
        access_key_id: 'someone',
        secret_access_key: secrets.bucket,
        after_days: 0,
      },
    },
  });
}

function environment(): Readonly<Record<string, string>> {
  return {
    ...environmentOf(stage),
    TEMPORAL_ADDRESS: front.address,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: path.join(folder, 'authority.pem'),
    TEMPORAL_API_KEY_FILE: path.join(folder, 'api-key'),
    BRAZE_KEY: secrets.braze,
    BEARER_FILE: path.join(folder, 'bearer'),
    HEADER: secrets.header,
    QUERY_FILE: path.join(folder, 'query'),
    SIGNING: secrets.signing,
  };
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-secrets-'));
  written('api-key', `${secrets.apiKey}\n`);
  written('bearer', secrets.bearer);
  written('query', `${secrets.query}\r\n`);
  const authority = createAuthority('Authority of the servers');
  written('authority.pem', authority.cert);
  [temporal, echo] = await Promise.all([
    startOwnTemporal({ onDisk: true }),
    startEchoService(secrets.oauthToken),
  ]);
  stage = await setRetirementStage({}, { temporal: temporal.namespace });
  const server = authority.issue({ name: 'temporal', hosts: ['127.0.0.1'] });
  front = await startKeyFront(temporal.namespace.address, { server, apiKey: secrets.apiKey });
  allSecrets = [...Object.values(secrets), new URL(stage.databaseUrl).password];
  configure();
  worker = await startServedWorker({
    databaseUrl: stage.databaseUrl,
    temporalAddress: front.address,
    namespace: temporal.namespace.namespace,
    configurationPath: stage.configurationPath,
    env: { ...environment(), REGISTRAR_LOG_LEVEL: 'trace' },
  });
  await worker.ready();
}, 120_000);
afterAll(async () => {
  worker.signal('SIGKILL');
  await worker.ended();
  await front.close();
  await stage.close();
  await echo.close();
  await temporal.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Every command of the command line, by what its help lists. */
async function listCommands(parents: readonly string[] = []): Promise<readonly (readonly string[])[]> {
  const { stdout } = await registrar([...parents, '--help']);
  const [, listed] = stdout.split('\nCommands:\n');
  if (listed === undefined) return [parents];
  const names = [...listed.matchAll(/^ {2}([a-z][a-z-]*)/gm)].flatMap(([, name = '']) =>
    name === 'help' ? [] : [name],
  );
  return (await Promise.all(names.map((name) => listCommands([...parents, name])))).flat();
}

/** What a command wants, so that it gets as far as it can; the rest is wrong usage, which must print no secret either. */
const options: Readonly<Record<string, readonly string[]>> = {
  'retirement plan': ['--from', 'PENDING'],
  'retirement resume': ['--from', 'PENDING', '--reason', SPOKEN],
  'retirement rerun': ['--all'],
  'retirement verify': ['--all'],
  'retirement archive': ['--dry-run'],
  'retirement bulk-status': ['--initial-state', 'ERRORED', '--rewind-state', '--dry-run'],
  'course schedule': ['--pause'],
};

/** Arguments by the names in the usage. */
function argumentsFor(usage: string): readonly string[] {
  const values: Readonly<Record<string, string>> = {
    WHO: 'fails-at-bearer',
    USERNAME: 'fails-at-bearer',
    EMAIL: 'fails-at-bearer@example.com',
    FILE: path.join(folder, 'course.json'),
    SLUG: 'botany',
  };
  return [...usage.matchAll(/[<[]([A-Za-z_]+)(?:\.\.\.)?[>\]]/g)].flatMap(([, name = '']) => {
    const known = values[name.toUpperCase()];
    return ['OPTIONS', 'COMMAND'].includes(name.toUpperCase()) ? [] : [known ?? 'x'];
  });
}

/** Runs every command so, with and without --json, and keeps what they said. */
async function runAll(where: string, env: Readonly<Record<string, string>>): Promise<void> {
  for (const command of await listCommands()) {
    const { stdout: help } = await registrar([...command, '--help']);
    const [, usage = ''] = /^Usage: (.*)$/m.exec(help) ?? [];
    const name = command.join(' ');
    const given = options[name];
    const needless = given?.includes('--all') === true;
    const argv = [...command, ...(needless ? [] : argumentsFor(usage)), ...(given ?? [])];
    for (const more of [[], ['--json']]) {
      keep(`${where}: ${name}`, await registrar([...argv, ...more], { env }));
    }
  }
}

function keep(where: string, { stdout, stderr }: Ran): void {
  said.set(where, `${said.get(where) ?? ''}${stdout}${stderr}`);
}

/** The rows of every table, but those that hold keys on purpose. */
async function allRows(): Promise<string> {
  const { rows: tables } = await stage.database.query<{ name: string }>(
    `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1`,
  );
  const texts = tables.map(async ({ name }) => {
    const { rows } = await stage.database.query<{ row: string }>(
      `select to_jsonb(t)::text as row from ${name} t`,
    );
    return rows.map(({ row }) => `${name}: ${row}`);
  });
  return (await Promise.all(texts)).flat().join('\n');
}

it(
  'prints, logs, serves, stores and sends to Temporal no secret, whatever fails',
  { timeout: 400_000 },
  async () => {
    const learners = await stage.ask([
      { username: 'goes-well' },
      ...services.flatMap((name) => [{ username: `fails-at-${name}` }, { username: `busy-at-${name}` }]),
    ]);
    written(
      'course.json',
      JSON.stringify({
        slug: 'botany',
        title: 'Botany',
        starts_at: '2026-03-01T00:00:00Z',
        ends_at: '2026-03-02T23:59:59Z',
        wikis: [{ language: 'en', project: 'wikipedia', api_url: `${echo.url}/w/api.php` }],
        students: ['Alice'],
      }),
    );
    const env = environment();
    for (const argv of [['setup'], ['retirement', 'collect']]) {
      const ran = await registrar(argv, { env });
      expect(ran).toMatchObject({ status: 0, stderr: '' });
      keep(argv.join(' '), ran);
    }
    for (const { user_id, username } of learners) {
      await stage.reaches(user_id, username === 'goes-well' ? 'COMPLETE' : 'ERRORED');
      keep(`show ${username}`, await registrar(['retirement', 'show', username], { env }));
    }
    // The bucket cannot be reached: that is tried for long, beside everything that follows.
    await stage.temporal.client.workflow.start(ARCHIVE_RETIREMENTS, {
      workflowId: 'archive-to-nowhere',
      taskQueue: RETIREMENT_TASK_QUEUE,
      args: [{}],
    });
    echo.refuseTokens(true);
    keep('metrics', { ...(await registrar([])), stdout: (await worker.ask('/metrics')).text });

    // Nothing but one thing is wrong in each of these.
    const wrongDatabase = new URL(stage.databaseUrl);
    wrongDatabase.password = secrets.wrongPassword;
    await runAll('database password', { ...env, DATABASE_URL: wrongDatabase.href });
    await runAll('database address', {
      ...env,
      DATABASE_URL: `postgres://registrar:${secrets.wrongPassword}/#@127.0.0.1/registrar`,
    });
    written('wrong-key', secrets.wrongKey);
    await runAll('API key', { ...env, TEMPORAL_API_KEY_FILE: path.join(folder, 'wrong-key') });
    await runAll('variable', { ...env, BEARER_FILE: '' });
    const text = readFileSync(stage.configurationPath, 'utf8');
    for (const [index, broken] of brokenWaysOf(text).entries()) {
      const REGISTRAR_CONFIG = written(`broken-${index}.yml`, broken);
      for (const argv of [
        ['doctor'],
        ['doctor', '--offline', REGISTRAR_CONFIG],
        ['setup'],
        ['retirement', 'collect'],
      ]) {
        keep(`YAML ${index}`, await registrar(argv, { env: { ...env, REGISTRAR_CONFIG } }));
      }
    }
    configure(echo.url);
    await runAll('token of the LMS', env);
    echo.refuseTokens(false);
    await runAll('LMS', env);
    configure();
    await runAll('nothing', env);
    said.set('worker', worker.said());
    said.set('rows', await allRows());

    worker.signal('SIGTERM');
    await worker.ended();
    const stored = readFolder(temporal.directory);
    await temporal.stop();
    const bytes = new Map([...said].map(([where, what]) => [where, Buffer.from(what)]));
    for (const { name, bytes: content } of [...stored, ...readFolder(temporal.directory)]) {
      bytes.set(
        `Temporal's ${name}`,
        Buffer.concat([bytes.get(`Temporal's ${name}`) ?? Buffer.alloc(0), content]),
      );
    }

    const forms = allSecrets.flatMap((secret) => plainForms(secret));
    const found = [...bytes].flatMap(([where, content]) =>
      formsIn(content, forms).map((what) => `${where} has ${what}`),
    );
    expect(found).toEqual([]);

    const everywhere = (text: string): readonly string[] =>
      [...bytes].filter(([, content]) => content.includes(text)).map(([where]) => where);
    expect(everywhere('fails-at-bearer')).toEqual(expect.arrayContaining(['rows', 'show fails-at-bearer']));
    expect(everywhere(Buffer.from(SPOKEN).toString('utf8')).join()).toContain("Temporal's");
    expect(everywhere('***')).toEqual(expect.arrayContaining(['rows', 'show fails-at-bearer']));
    expect(said.size).toBeGreaterThan(100);
  },
);

/** The configuration with one line broken around a secret. */
function brokenWaysOf(text: string): readonly string[] {
  const rows = text.split('\n');
  const secretRows = rows.flatMap((row, index) =>
    Object.values(secrets).some((secret) => row.includes(secret.slice(0, 12))) ? [index] : [],
  );
  const ways: readonly ((row: string) => string)[] = [
    (row) => `\t${row}`,
    (row) => `${row}"`,
    (row) => row.replace(/: (.*)$/, ': [$1'),
    (row) => row.replace(/: (.*)$/, ': {$1: 1}'),
    (row) => row.replace(/: (.*)$/, ': &a $1: x'),
    (row) => row.replace(/^(\s*)\w+: (.*)$/, '$1$2'),
  ];
  return secretRows.flatMap((index) =>
    ways.map((broken) => rows.with(index, broken(rows[index] ?? '')).join('\n')),
  );
}
