import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  sandboxConfigurationYaml,
  type PipelineRow,
  type SandboxConfiguration,
} from '../sandbox/lms/pipeline.ts';
import { startSandboxLms } from '../sandbox/lms/server.ts';
import type { SandboxServer } from '../sandbox/shell/server.ts';
import { startSandboxWiki } from '../sandbox/wiki/server.ts';
import { choosePort, rememberedPort, rememberPort } from '../stack/ports.ts';

export interface RunningSandbox {
  /** What other processes need to reach it. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const USUAL_LMS_PORT = 18000;
const USUAL_WIKI_PORT = 18001;
const USUAL_SECOND_WIKI_PORT = 18002;

/** The second wiki speaks French, so that a course with two wikis can be tried out. */
const SECOND_LANGUAGE = 'fr';
const SECOND_SCHEMA = 'sandbox_wiki_fr';

export interface SandboxSettings {
  /** File name of the configuration, beside the sandbox's other files. */
  readonly configurationName: string;
  /** Default: the sandbox's own. */
  readonly pipeline?: readonly PipelineRow[];
  /** For the section `registrar` of the configuration. */
  readonly registrar: Readonly<Record<string, unknown>>;
}

/**
 * Starts the sandbox LMS and two sandbox wikis on the ports they had before, and keeps credentials and configuration in
 * `folder`. The first wiki's reference counter counts for both.
 */
export async function startSandbox(
  folder: string,
  databaseUrl: string,
  { configurationName, ...settings }: SandboxSettings,
): Promise<RunningSandbox> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const credentials = keptCredentials(path.join(folder, 'credentials.json'));
  const servers = await startServers(folder, databaseUrl, credentials);
  const { lms, wiki, second } = servers;
  const configurationPath = path.join(folder, configurationName);
  writeConfiguration(configurationPath, {
    lmsUrl: lms.url,
    wikiUrl: wiki.url,
    deliveryFolder: path.join(folder, 'delivered'),
    ...credentials,
    ...settings,
  });
  return {
    environment: {
      LMS_URL: lms.url,
      LMS_CLIENT_ID: credentials.clientId,
      LMS_CLIENT_SECRET: credentials.clientSecret,
      LMS_PLAIN_CLIENT_ID: credentials.plainClientId,
      LMS_PLAIN_CLIENT_SECRET: credentials.plainClientSecret,
      WIKI_URL: wiki.url,
      SECOND_WIKI_URL: second.url,
      REGISTRAR_CONFIG: configurationPath,
    },
    close: () => servers.close(),
  };
}

interface Servers {
  readonly lms: SandboxServer;
  readonly wiki: SandboxServer;
  readonly second: SandboxServer;
  close(): Promise<void>;
}

async function startServers(folder: string, databaseUrl: string, credentials: Credentials): Promise<Servers> {
  const started: SandboxServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.close()));
  };
  const onKeptPort = async (
    name: string,
    usual: number,
    start: (port: number) => Promise<SandboxServer>,
  ): Promise<SandboxServer> => {
    const portFile = path.join(folder, `${name}.port`);
    const server = await start(await choosePort([rememberedPort(portFile), usual]));
    started.push(server);
    rememberPort(portFile, server.port);
    return server;
  };
  try {
    const lms = await onKeptPort('lms', USUAL_LMS_PORT, (port) =>
      startSandboxLms({ databaseUrl, port, credentials }),
    );
    const countedSchemas = { [`wikipedia/${SECOND_LANGUAGE}`]: SECOND_SCHEMA };
    const wiki = await onKeptPort('wiki', USUAL_WIKI_PORT, (port) =>
      startSandboxWiki({ databaseUrl, port, countedSchemas }),
    );
    const second = await onKeptPort('second-wiki', USUAL_SECOND_WIKI_PORT, (port) =>
      startSandboxWiki({ databaseUrl, port, schema: SECOND_SCHEMA, language: SECOND_LANGUAGE }),
    );
    return { lms, wiki, second, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly plainClientId: string;
  readonly plainClientSecret: string;
}

function keptCredentials(file: string): Credentials {
  if (!existsSync(file)) {
    const secret = (): string => randomBytes(24).toString('base64url');
    const made: Credentials = {
      clientId: 'sandbox-retirement',
      clientSecret: secret(),
      plainClientId: 'sandbox-plain',
      plainClientSecret: secret(),
    };
    writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Credentials;
}

/** Written anew only when it does not fit this sandbox any more, so that what was tried out in it stays. */
function writeConfiguration(file: string, wanted: SandboxConfiguration): void {
  if (existsSync(file)) {
    const text = readFileSync(file, 'utf8');
    const facts = [wanted.lmsUrl, wanted.wikiUrl ?? '', wanted.deliveryFolder ?? '', wanted.clientSecret];
    if (facts.every((fact) => text.includes(fact))) return;
  }
  writeFileSync(file, sandboxConfigurationYaml(wanted), { mode: 0o600 });
}
