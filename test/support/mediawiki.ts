import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { anyFreePort } from '../../stack/ports.ts';
import { signalProcess } from '../../stack/processes.ts';
import { waitFor } from './wait.ts';

/** Where Debian's package `mediawiki` puts it. */
const INSTALLED = '/usr/share/mediawiki';

const PHP = 'php';

const extensions = ['curl', 'dom', 'intl', 'mbstring', 'pdo_sqlite', 'xmlreader'];

const settings = `
$wgExtraNamespaces[118] = 'Draft';
$wgExtraNamespaces[119] = 'Draft_talk';
$wgMainCacheType = CACHE_NONE;
// No request does work that was put off: only scripts change this wiki.
$wgJobRunRate = 0;
// Its data need not survive the machine.
$wgDBservers = [[
  'type' => 'sqlite', 'dbname' => $wgDBname, 'dbDirectory' => $wgSQLiteDataDir, 'flags' => 0, 'load' => 1,
  'variables' => ['synchronous' => 'OFF'],
]];
`;

/** Why no MediaWiki can be tested against on this machine; undefined when one can. */
export function whyNoMediaWiki(): string | undefined {
  if (!existsSync(path.join(INSTALLED, 'api.php'))) return `no MediaWiki in ${INSTALLED}`;
  const php = spawnSync(PHP, ['-m'], { encoding: 'utf8' });
  if (php.status !== 0) return 'no PHP';
  const loaded = new Set(php.stdout.split('\n').map((line) => line.trim().toLowerCase()));
  const missing = extensions.filter((extension) => !loaded.has(extension));
  return missing.length === 0 ? undefined : `PHP lacks ${missing.join(', ')}`;
}

/** A real MediaWiki of the test's own, empty but for its main page. */
export interface MediaWiki {
  /** `http://127.0.0.1:port`; its API is at `/w/api.php`. */
  readonly url: string;
  /** Runs one of MediaWiki's maintenance scripts, with `input` as its standard input. Returns what it said; throws when it failed. */
  maintain(script: string, args: readonly string[], input?: string): Promise<string>;
  /** Runs PHP code within MediaWiki, where `$data` is the data given. Throws when it does not come to its end. */
  evaluate(code: string, data: unknown): Promise<void>;
  close(): Promise<void>;
}

/**
 * Sets up the operating system's MediaWiki, on SQLite and with settings of its own in a temporary folder, and serves it on a
 * free port. Nothing is copied (that takes half a minute on a busy machine) and nothing outside the folder is written.
 */
export async function startMediaWiki(): Promise<MediaWiki> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-mediawiki-'));
  const port = await anyFreePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { ...process.env, MW_CONFIG_FILE: path.join(folder, 'LocalSettings.php') };
  const maintain = (script: string, args: readonly string[], input = ''): Promise<string> =>
    run(path.join(INSTALLED, 'maintenance', script), args, { env, input });
  let server: ChildProcess | undefined;
  const close = async (): Promise<void> => {
    if (server !== undefined) await stop(server);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await maintain('install.php', [
      ...['--dbtype', 'sqlite', '--dbpath', path.join(folder, 'data'), '--dbname', 'wiki'],
      ...['--confpath', folder, '--server', url, '--scriptpath', '/w'],
      ...['--pass', randomBytes(12).toString('hex'), 'Sandbox', 'Admin'],
    ]);
    appendFileSync(env.MW_CONFIG_FILE, settings);
    server = serve(path.join(folder, 'site'), port, env);
    await waitFor(async () => (await fetch(`${url}/w/api.php?action=query&format=json`)).ok, {
      what: 'MediaWiki to answer',
    });
    return { url, maintain, evaluate: (code, data) => evaluate(folder, maintain, code, data), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** `eval.php` reads lines of a kilobyte, so it is only told where the code is; and it goes on after whatever is thrown. */
async function evaluate(
  folder: string,
  maintain: MediaWiki['maintain'],
  code: string,
  data: unknown,
): Promise<void> {
  const file = path.join(folder, 'evaluate.php');
  writeFileSync(`${file}.json`, JSON.stringify(data));
  const given = `$data = json_decode(file_get_contents('${file}.json'), true);`;
  writeFileSync(file, `<?php\n${given}\n${code}\necho 'came to its end';\n`);
  const said = await maintain('eval.php', [], `require '${file}';\n`);
  if (!said.includes('came to its end')) throw new Error(`MediaWiki said: ${said}`);
}

/** PHP's own server. Its workers outlive it when it is killed, so it leads a process group that is killed whole. */
function serve(site: string, port: number, env: NodeJS.ProcessEnv): ChildProcess {
  mkdirSync(site);
  symlinkSync(INSTALLED, path.join(site, 'w'));
  const server = spawn(PHP, ['-S', `127.0.0.1:${port}`, '-t', site], {
    env: { ...env, PHP_CLI_SERVER_WORKERS: '4' },
    stdio: 'ignore',
    detached: true,
  });
  process.once('exit', () => endGroup(server));
  return server;
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const ended = once(server, 'exit');
    endGroup(server);
    await ended;
  }
}

function endGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) signalProcess(-pid, 'SIGKILL');
}

async function run(
  script: string,
  args: readonly string[],
  { env, input }: { readonly env: NodeJS.ProcessEnv; readonly input: string },
): Promise<string> {
  const child = spawn(PHP, [script, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(input);
  const [said, complained, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  if (status !== 0) throw new Error(`${path.basename(script)} ended with ${status}: ${complained}${said}`);
  return said;
}
