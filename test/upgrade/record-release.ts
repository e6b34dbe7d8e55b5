// Records the state that this release leaves behind, for the upgrade tests of the releases after it: `npm run record-release`,
// from a clean checkout of the release, once in its life. docs/upgrading.md says when.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import { openDatabase } from '../../db/database.ts';
import { startPostgres } from '../../stack/postgres.ts';
import { names, readHistory } from '../replay/stored-histories.ts';
import { startSubscriberService } from '../support/subscriber-service.ts';
import { dumpDatabase } from './dump-database.ts';
import { recordedConfiguration } from './recorded-configuration.ts';
import { recordMarkedCourse, recordUpdatingCourse } from './recorded-courses.ts';
import { archiveHalf, keepReport, setInMotion, settle, type RecordedStage } from './recorded-learners.ts';
import { fixedEnvironment, startRecordedProduct } from './recorded-product.ts';
import { startRecordedTemporal } from './recorded-temporal.ts';
import {
  files,
  RELEASES,
  withoutPlace,
  type Place,
  type RecordedCourse,
  type RecordedLearner,
  type ReleaseManifest,
} from './release-manifest.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
};

interface Recording {
  readonly temporalFile: string;
  readonly place: Place;
  readonly learners: readonly RecordedLearner[];
  readonly courses: readonly RecordedCourse[];
}

async function record(home: string): Promise<Recording> {
  const configurationPath = path.join(home, files.configuration);
  writeFileSync(configurationPath, recordedConfiguration({ looksLater: false }));
  const newsletter = await startSubscriberService();
  const temporal = await startRecordedTemporal(home);
  try {
    const { address } = temporal;
    const product = await startRecordedProduct({
      ...{ home, configurationPath, newsletter },
      temporalAddress: address,
    });
    const { DATABASE_URL = '' } = product.environment;
    const database = openDatabase({ url: DATABASE_URL });
    const connection = await Connection.connect({ address });
    const stage: RecordedStage = { product, database, client: new Client({ connection }) };
    const tell = (line: string): void => void process.stderr.write(`${line}\n`);

    tell('an archive that was left in the middle');
    const archived = await archiveHalf(stage);
    writeFileSync(configurationPath, recordedConfiguration({ looksLater: true }));
    tell('learners at rest');
    const settled = await settle(stage);
    tell('a report that was left in the middle');
    await keepReport(stage);
    tell('courses');
    const marked = await recordMarkedCourse(stage, home);
    const updating = await recordUpdatingCourse(stage, home);
    tell('learners in motion');
    const inMotion = await setInMotion(stage);
    tell('stopping');
    await connection.close();
    await database.close();
    await product.stop();
    await temporal.stop();
    return {
      temporalFile: temporal.file,
      place: product.place,
      learners: [...archived, ...settled, ...inMotion],
      courses: [marked, updating],
    };
  } finally {
    await newsletter.close();
  }
}

/** The servers are down: the database is started alone, for nobody to change it while it is read. */
async function dump(home: string): Promise<string> {
  const postgres = await startPostgres({ directory: path.join(home, 'postgres'), log: () => undefined });
  const database = openDatabase({ url: postgres.url('registrar') });
  try {
    return await dumpDatabase(database);
  } finally {
    await database.close();
    await postgres.stop();
  }
}

/** Workers name themselves after the machine, stack traces its folders: as many letters stand there, so that the file stays whole. */
function withoutMachine(bytes: Buffer, home: string): Buffer {
  const crossed = (name: string): string => 'x'.repeat(name.length);
  const host = os.hostname();
  const text = bytes
    .toString('latin1')
    .replaceAll(ROOT, crossed(ROOT))
    .replaceAll(home, crossed(home))
    .replace(new RegExp(`(?<=\\d@)${host}`, 'g'), crossed(host));
  return Buffer.from(text, 'latin1');
}

function pack(folder: string): void {
  const archive = path.join(folder, files.dist);
  const left = ['*.map', '*.tsbuildinfo', 'dist/bench'].map((pattern) => `--exclude=${pattern}`);
  const { status, stderr } = spawnSync(
    'tar',
    ['-czf', archive, ...left, '--owner=0', '--group=0', '-C', ROOT, 'package.json', 'dist'],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`tar failed: ${stderr}`);
}

function store(
  home: string,
  folder: string,
  { temporalFile, place, learners, courses }: Recording,
  sql: string,
): void {
  if (existsSync(`${temporalFile}-journal`)) throw new Error('Temporal was not stopped in order');
  mkdirSync(folder, { recursive: true });
  const put = (name: string, content: string | Uint8Array): void =>
    writeFileSync(path.join(folder, name), content);
  const manifest: ReleaseManifest = {
    version,
    recordedAt: new Date().toISOString(),
    learners,
    courses,
    environment: fixedEnvironment,
  };
  put(files.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
  put(files.configuration, readFileSync(path.join(home, files.configuration), 'utf8'));
  put(files.database, gzipSync(withoutPlace(sql, place), { level: 9 }));
  put(files.temporal, gzipSync(withoutMachine(readFileSync(temporalFile), home), { level: 9 }));
  const histories = Object.fromEntries(names.map((name) => [name, readHistory(name)]));
  put(files.histories, gzipSync(JSON.stringify(histories), { level: 9 }));
  pack(folder);
}

const folder = path.join(RELEASES, version);
if (existsSync(folder)) {
  process.stderr.write(`${folder} is there already: a release is recorded once; raise "version" first\n`);
  process.exit(1);
}
const home = mkdtempSync(path.join(os.tmpdir(), 'registrar-release-'));
spawnSync('chmod', ['711', home]);
const began = Date.now();
const recording = await record(home);
store(home, folder, recording, await dump(home));
rmSync(home, { recursive: true, force: true });
process.stderr.write(`recorded ${version} in ${folder}, ${Math.round((Date.now() - began) / 1000)} s\n`);
process.exit(0);
