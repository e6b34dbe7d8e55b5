import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSandboxControl, type SandboxControl } from '../../sandbox/control/client.ts';
import { anyFreePort, rememberPort } from '../../stack/ports.ts';
import type { SubscriberService } from '../support/subscriber-service.ts';
import type { Place } from './release-manifest.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = path.join(ROOT, 'dist', 'bin', 'registrar.js');

const credentials = {
  clientId: 'recorded-retirement',
  clientSecret: 'recorded-secret',
  plainClientId: 'recorded-plain',
  plainClientSecret: 'recorded-plain-secret',
} as const;

/** What the configuration names and is the same wherever it is restored. */
export const fixedEnvironment = {
  LMS_CLIENT_ID: credentials.clientId,
  LMS_CLIENT_SECRET: credentials.clientSecret,
} as const;

export interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `registrar up --sandbox` of this tree as it was built, whose state is to be recorded. */
export interface RecordedProduct {
  readonly place: Place;
  readonly lms: SandboxControl;
  readonly wiki: SandboxControl;
  readonly secondWiki: SandboxControl;
  /** Of the servers. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs a command to its end. */
  registrar(...argv: readonly string[]): Promise<Said>;
  /** The same; throws when its exit status is not 0, and answers the JSON that it prints. */
  json(...argv: readonly string[]): Promise<unknown>;
  /** Ends worker and servers, as an operator does. */
  stop(): Promise<void>;
}

export interface RecordedPlace {
  readonly home: string;
  readonly configurationPath: string;
  readonly newsletter: SubscriberService;
  readonly temporalAddress: string;
}

/** Starts it on ports chosen here, so that the configuration can name them by variables. The file must be there. */
export async function startRecordedProduct({
  home,
  configurationPath,
  newsletter,
  temporalAddress,
}: RecordedPlace): Promise<RecordedProduct> {
  const place = await makePlace(home, newsletter.url);
  const given = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    REGISTRAR_HOME: home,
    REGISTRAR_CONFIG: configurationPath,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml',
    ...fixedEnvironment,
    ...place,
  };
  const log = openSync(path.join(home, 'up.log'), 'a');
  const up = spawn(process.execPath, [COMMAND, 'up', '--sandbox', '--json'], {
    env: given,
    stdio: ['ignore', 'pipe', log],
  });
  // Whatever ends this process ends the servers too.
  process.once('exit', () => up.kill('SIGTERM'));
  const ended = once(up, 'exit');
  let printed = '';
  up.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString('utf8')));
  const ready = new Promise<void>((resolve) => up.stdout?.once('data', () => resolve()));
  const isReady = await Promise.race([ready.then(() => true), ended.then(() => false)]);
  if (!isReady) throw new Error(`registrar up ended: ${readFileSync(path.join(home, 'up.log'), 'utf8')}`);
  const environment = JSON.parse(printed) as Record<string, string>;

  const registrar: RecordedProduct['registrar'] = async (...argv) => {
    const child = spawn(process.execPath, [COMMAND, ...argv], { env: given });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString('utf8')));
    const [status] = (await once(child, 'close')) as [number];
    return { status, ...said };
  };
  return {
    place,
    environment,
    lms: createSandboxControl(place.LMS_URL),
    wiki: createSandboxControl(place.WIKI_URL),
    secondWiki: createSandboxControl(place.SECOND_WIKI_URL),
    registrar,
    json: async (...argv) => {
      const { status, stdout, stderr } = await registrar(...argv, '--json');
      if (status !== 0) throw new Error(`registrar ${argv.join(' ')}: exit ${status}, ${stderr}`);
      return JSON.parse(stdout) as unknown;
    },
    stop: async () => {
      up.kill('SIGTERM');
      const [status] = (await ended) as [number];
      if (status !== 0) throw new Error(`registrar up ended with ${status}`);
    },
  };
}

async function makePlace(home: string, newsletterUrl: string): Promise<Place> {
  const sandbox = path.join(home, 'sandbox');
  mkdirSync(sandbox, { recursive: true });
  writeFileSync(path.join(sandbox, 'credentials.json'), JSON.stringify(credentials));
  const ports: number[] = [];
  for (const name of ['lms', 'wiki', 'second-wiki']) {
    const port = await anyFreePort(ports);
    ports.push(port);
    rememberPort(path.join(sandbox, `${name}.port`), port);
  }
  const [lms, wiki, second] = ports.map((port) => `http://127.0.0.1:${port}`);
  const folder = path.join(home, 'delivered');
  mkdirSync(path.join(folder, 'archive'), { recursive: true });
  return {
    LMS_URL: lms ?? '',
    WIKI_URL: wiki ?? '',
    SECOND_WIKI_URL: second ?? '',
    NEWSLETTER_URL: newsletterUrl,
    DELIVERY_FOLDER: folder,
  };
}
