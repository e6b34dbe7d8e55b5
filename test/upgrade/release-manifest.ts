import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { StoredHistory } from '../replay/stored-histories.ts';

/** A folder for each release whose state was recorded. */
export const RELEASES = fileURLToPath(new URL('./releases', import.meta.url));

/** Files in the folder of a release. */
export const files = {
  manifest: 'manifest.json',
  configuration: 'registrar.yml',
  database: 'database.sql.gz',
  temporal: 'temporal.db.gz',
  dist: 'dist.tgz',
  histories: 'histories.json.gz',
} as const;

/** What the recorder did to a learner, so what is to become of them. */
export type Part =
  | 'archived' // COMPLETE, in a batch of the archive that is written and not cleaned up
  | 'complete' // COMPLETE, and the services are to be asked once more
  | 'errored' // parked after a failure
  | 'cancelled' // ABORTED
  | 'cooling' // the cooling-off ends while everything is down
  | 'cooling-for-years'
  | 'retrying' // a stage waits for its next attempt
  | 'uncollected'; // in the LMS, unknown to Registrar

export interface RecordedLearner {
  readonly part: Part;
  readonly userId: number;
  readonly username: string;
  readonly email: string;
}

export interface RecordedCourse {
  readonly slug: string;
  readonly courseId: number;
  /** `marked`: slices wait to be worked again. `updating`: an update was under way. */
  readonly part: 'marked' | 'updating';
  /** What `course show --json` said after the last whole update; absent where there was none. */
  readonly shown?: Readonly<Record<string, unknown>>;
  /** An article that counts no more since then. */
  readonly excluded?: string;
}

/** What a release left behind when its servers were stopped. */
export interface ReleaseManifest {
  readonly version: string;
  readonly recordedAt: string;
  readonly learners: readonly RecordedLearner[];
  readonly courses: readonly RecordedCourse[];
  /** Variables that the configuration names and that are the same everywhere. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Versions whose state was recorded, the oldest first. */
export function listReleases(): readonly string[] {
  return readdirSync(RELEASES).sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
}

export function readManifest(version: string): ReleaseManifest {
  return JSON.parse(readFileSync(path.join(RELEASES, version, files.manifest), 'utf8')) as ReleaseManifest;
}

/** The histories that the release's workflows were checked with, by their names. */
export function readHistories(version: string): ReadonlyMap<string, StoredHistory> {
  const bytes = readFileSync(path.join(RELEASES, version, files.histories));
  return new Map(
    Object.entries(JSON.parse(gunzipSync(bytes).toString('utf8')) as Record<string, StoredHistory>),
  );
}

/** Every file of the release as it was built, by its path: `package.json`, `dist/…`. */
export function readDist(version: string): ReadonlyMap<string, string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-dist-'));
  try {
    unpackDist(version, folder);
    return new Map(
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name))
        .map((file) => [path.relative(folder, file), readFileSync(file, 'utf8')]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function unpackDist(version: string, folder: string): void {
  const archive = path.join(RELEASES, version, files.dist);
  const { status, stderr } = spawnSync('tar', ['-xzf', archive, '-C', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${archive} cannot be unpacked: ${stderr}`);
}

/** Variables of the place, which stand as `${NAME}` in what is stored. */
export const placeVariables = [
  'LMS_URL',
  'WIKI_URL',
  'SECOND_WIKI_URL',
  'NEWSLETTER_URL',
  'DELIVERY_FOLDER',
] as const;

export type Place = Readonly<Record<(typeof placeVariables)[number], string>>;

/** The text with the names of the variables in the place of their values. */
export function withoutPlace(text: string, place: Place): string {
  return placeVariables.reduce((left, name) => left.replaceAll(place[name], `\${${name}}`), text);
}

/** The text with values of this place in the place of the variables' names. */
export function inPlace(text: string, place: Place): string {
  return placeVariables.reduce((left, name) => left.replaceAll(`\${${name}}`, place[name]), text);
}
