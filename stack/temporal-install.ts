import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { showElapsed, type ProgressOutput } from './elapsed.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The newest version that `go install` takes: later ones have a `replace` line, which it refuses. */
export const BUILT_VERSION = 'v1.5.1';

const ARCHIVE = 'https://temporal.download/cli/archive/latest';
const CONNECT_WITHIN_MS = 5_000;
const DOWNLOAD_WITHIN_MS = 300_000;

export interface InstallOptions {
  readonly env: Environment;
  /** The folder that gets `temporal`. */
  readonly folder: string;
  readonly output: ProgressOutput;
  readonly log: (line: string) => void;
}

/** Downloads the newest `temporal` into the folder. Throws when it cannot be had. */
export async function downloadTemporal(options: InstallOptions): Promise<void> {
  await intoFolder(options.folder, async (draft) => {
    const archive = path.join(draft, 'temporal.tar.gz');
    await showElapsed(options.output, 'downloading Temporal', () =>
      download(archiveUrl(), archive, options.env),
    );
    await run('tar', ['-xzf', archive, '-C', draft, 'temporal'], options.env);
  });
}

/** Builds `temporal` with Go into the folder, which takes minutes. Throws with Go's last words when it fails. */
export async function buildTemporal(options: InstallOptions): Promise<void> {
  await run('go', ['version'], options.env);
  options.log(`building the Temporal server ${BUILT_VERSION} with Go; this takes some minutes, once`);
  await intoFolder(options.folder, async (draft) => {
    const wanted = `github.com/temporalio/cli/cmd/temporal@${BUILT_VERSION}`;
    const build = (): Promise<void> => run('go', ['install', wanted], { ...options.env, GOBIN: draft });
    await showElapsed(options.output, 'building the Temporal server', build);
  });
}

/** Lets `make` put `temporal` into a draft folder, then moves it into place: nobody finds half a binary. */
async function intoFolder(folder: string, make: (draft: string) => Promise<void>): Promise<void> {
  const draft = mkdtempSync(path.join(folder, '.install-'));
  try {
    await make(draft);
    renameSync(path.join(draft, 'temporal'), path.join(folder, 'temporal'));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function archiveUrl(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return `${ARCHIVE}?platform=${process.platform}&arch=${arch}`;
}

async function download(url: string, file: string, env: Environment): Promise<void> {
  const proxies = {
    httpProxy: env['http_proxy'] ?? env['HTTP_PROXY'] ?? '',
    httpsProxy: env['https_proxy'] ?? env['HTTPS_PROXY'] ?? '',
    noProxy: env['no_proxy'] ?? env['NO_PROXY'] ?? '',
  };
  const dispatcher = new EnvHttpProxyAgent({ ...proxies, connect: { timeout: CONNECT_WITHIN_MS } });
  try {
    const response = await fetch(url, { dispatcher, signal: AbortSignal.timeout(DOWNLOAD_WITHIN_MS) });
    if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
    await pipeline(Readable.fromWeb(response.body), createWriteStream(file));
  } finally {
    await dispatcher.destroy();
  }
}

function run(program: string, args: readonly string[], env: Environment): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-2_000);
    });
    child.once('error', (error) => {
      reject(
        new Error('code' in error && error.code === 'ENOENT' ? `${program} is not installed` : error.message),
      );
    });
    child.once('close', (code) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(`${program} failed: ${said.trim().split('\n').at(-1) ?? `status ${code ?? 'none'}`}`),
        );
    });
  });
}
