import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sandboxConfigurationYaml, type SandboxConfiguration } from '../sandbox/lms/pipeline.ts';
import { startSandboxLms } from '../sandbox/lms/server.ts';
import { startSandboxWiki } from '../sandbox/wiki/server.ts';
import { choosePort, rememberedPort, rememberPort } from '../stack/ports.ts';

export interface RunningSandbox {
  /** What other processes need to reach it. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const USUAL_LMS_PORT = 18000;
const USUAL_WIKI_PORT = 18001;

export interface SandboxSettings {
  /** File name of the configuration, beside the sandbox's other files. */
  readonly configurationName: string;
  /** For the section `registrar` of the configuration. */
  readonly registrar: Readonly<Record<string, unknown>>;
}

/** Starts the sandbox LMS and the sandbox wiki on the ports they had before, and keeps credentials and configuration in `folder`. */
export async function startSandbox(
  folder: string,
  databaseUrl: string,
  { configurationName, registrar }: SandboxSettings,
): Promise<RunningSandbox> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const credentials = keptCredentials(path.join(folder, 'credentials.json'));
  const lms = await onKeptPort(path.join(folder, 'lms.port'), USUAL_LMS_PORT, (port) =>
    startSandboxLms({ databaseUrl, port, credentials }),
  );
  const wiki = await onKeptPort(path.join(folder, 'wiki.port'), USUAL_WIKI_PORT, (port) =>
    startSandboxWiki({ databaseUrl, port }),
  ).catch(async (error: unknown) => {
    await lms.close();
    throw error;
  });
  const configurationPath = path.join(folder, configurationName);
  writeConfiguration(configurationPath, { lmsUrl: lms.url, wikiUrl: wiki.url, ...credentials, registrar });
  return {
    environment: {
      LMS_URL: lms.url,
      LMS_CLIENT_ID: credentials.clientId,
      LMS_CLIENT_SECRET: credentials.clientSecret,
      LMS_PLAIN_CLIENT_ID: credentials.plainClientId,
      LMS_PLAIN_CLIENT_SECRET: credentials.plainClientSecret,
      WIKI_URL: wiki.url,
      REGISTRAR_CONFIG: configurationPath,
    },
    close: async () => {
      await Promise.all([lms.close(), wiki.close()]);
    },
  };
}

async function onKeptPort<Server extends { readonly port: number }>(
  portFile: string,
  usual: number,
  start: (port: number) => Promise<Server>,
): Promise<Server> {
  const server = await start(await choosePort([rememberedPort(portFile), usual]));
  rememberPort(portFile, server.port);
  return server;
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
    const facts = [wanted.lmsUrl, wanted.wikiUrl ?? '', wanted.clientSecret];
    if (facts.every((fact) => text.includes(fact))) return;
  }
  writeFileSync(file, sandboxConfigurationYaml(wanted), { mode: 0o600 });
}
