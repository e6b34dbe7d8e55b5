// Asks the registry for known holes in what the product is installed with, and checks by itself what needs nobody: the lock file,
// who may run scripts at installation, licences. `--offline` leaves the registry out, `--root` and `--registry` are for tests of it.
// What was looked at and may stay is in audit-exceptions.json. Exit status: 0 nothing found, 1 something to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = argument('--root') ?? path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const registry = argument('--registry');
const complaints = [];
const complain = (text) => void complaints.push(text);

/** Terms under which nothing of ours has to be given away. */
const FREE_LICENCES = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC-BY-4.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'PostgreSQL',
  'Python-2.0',
  'Unlicense',
];

const TOO_GRAVE = ['high', 'critical'];

const lock = readJson('package-lock.json');
const manifest = readJson('package.json');
const reviewed = existsSync(path.join(root, 'scripts/audit-exceptions.json'))
  ? readJson('scripts/audit-exceptions.json')
  : {};
const installed = Object.entries(lock.packages ?? {}).filter(([place]) => place !== '');

checkLockFile();
checkInstallScripts();
const licences = checkLicences();
checkReviews();
const asked = process.argv.includes('--offline') ? 'the registry was not asked (--offline)' : askRegistry();

console.log(`${installed.length} packages in the lock file; ${licences}`);
console.log(asked);
for (const text of complaints) console.error(`audit: ${text}`);
if (complaints.length > 0) process.exitCode = 1;

function argument(name) {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

function readJson(file) {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8'));
}

/** `@scope/name` of a place such as `node_modules/a/node_modules/@scope/name`. */
function nameOf(place) {
  return place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** What is installed is what was looked at: each package by its hash, from whatever registry, and nothing else. */
function checkLockFile() {
  if (lock.lockfileVersion !== 3)
    complain('package-lock.json is not of version 3: write it anew with this npm');
  for (const [place, { integrity, resolved, link, version, inBundle }] of installed) {
    if (link === true || !place.startsWith('node_modules/')) {
      complain(
        `${place} lies in this repository or a linked folder: only packages of a registry are expected`,
      );
      continue;
    }
    if (!/^\d+\.\d+\.\d+/.test(version ?? '')) complain(`${place} has no version`);
    if (inBundle !== true && !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))
      complain(`${place} has no sha512 in package-lock.json: nobody would notice another content`);
    // A host named here would be asked whatever registry npm is told to use.
    if (resolved !== undefined) complain(`${place} names the address ${shown(resolved)}: remove "resolved"`);
  }
  for (const [name, wanted] of wantedOf(manifest)) {
    if (/[:/]/.test(wanted) && !wanted.startsWith('npm:'))
      complain(`package.json wants ${name} as ${shown(wanted)}: only versions in a registry are expected`);
  }
}

function wantedOf({ dependencies = {}, devDependencies = {}, optionalDependencies = {}, overrides = {} }) {
  return [dependencies, devDependencies, optionalDependencies, overrides].flatMap((group) =>
    Object.entries(group).filter(([, wanted]) => typeof wanted === 'string'),
  );
}

/** A package that may run code at installation is one that somebody has allowed by name. */
function checkInstallScripts() {
  const allowed = manifest.allowScripts ?? {};
  const known = new Set([...Object.keys(allowed), ...Object.keys(reviewed.installScripts ?? {})]);
  for (const [place, entry] of installed) {
    if (entry.hasInstallScript === true && !known.has(nameOf(place)))
      complain(
        `${nameOf(place)} wants to run a script at its installation: allow it in package.json (allowScripts), or say in scripts/audit-exceptions.json (installScripts) why it need not`,
      );
  }
}

function checkLicences() {
  const accepted = reviewed.licences ?? {};
  const counts = new Map();
  for (const [place, { dev, license }] of installed) {
    if (dev === true) continue;
    const name = nameOf(place);
    const licence = license ?? accepted[name]?.licence ?? 'none named';
    counts.set(licence, (counts.get(licence) ?? 0) + 1);
    if (!isFree(licence) && accepted[name]?.licence !== licence)
      complain(
        `${name} has the licence ${shown(licence)}: replace it, or say in scripts/audit-exceptions.json (licences) why it may stay`,
      );
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return `licences at run time: ${sorted.map(([licence, count]) => `${licence} ${count}`).join(', ')}`;
}

/** True when some choice that the expression leaves obliges to nothing. */
function isFree(expression) {
  const plain = String(expression).replace(/[()]/g, ' ');
  return plain
    .split(/\sOR\s/)
    .some((choice) => choice.split(/\sAND\s/).every((term) => FREE_LICENCES.includes(term.trim())));
}

/** An exception is somebody's decision, for a reason and not for ever. */
function checkReviews() {
  const today = new Date().toISOString().slice(0, 10);
  for (const [id, review] of Object.entries(reviewed.advisories ?? {})) {
    if (typeof review?.why !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(review?.until ?? ''))
      complain(`scripts/audit-exceptions.json: ${id} needs "why" and "until": YYYY-MM-DD`);
    else if (review.until < today)
      complain(
        `scripts/audit-exceptions.json: the time of ${id} was over on ${review.until}: look at it again`,
      );
  }
}

function askRegistry() {
  const { stdout, stderr, error } = spawnSync(
    'npm',
    [
      ...['audit', '--omit=dev', '--json', '--fetch-retries=1', '--fetch-timeout=30000'],
      ...(registry === undefined ? [] : [`--registry=${registry}`]),
    ],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const report = parse(stdout);
  if (report?.vulnerabilities === undefined || report?.metadata?.vulnerabilities === undefined) {
    const why = whyNot(report, stderr ?? '', error);
    return `the registry could not be asked for known holes (${why}): nothing is known about them, neither good nor bad`;
  }
  const advisories = advisoriesIn(report.vulnerabilities);
  for (const { id, name, severity, title, range } of advisories.filter(isGrave)) {
    if (isReviewed(id)) continue;
    complain(
      `${name} ${range} has a hole, ${severity}: ${shown(title)} (${id}): take a version without it, or add ${id} to scripts/audit-exceptions.json (advisories) with why and until`,
    );
  }
  const others = advisories.filter((advisory) => !isGrave(advisory) || isReviewed(advisory.id));
  const known = others.map(({ id, name, severity }) => `${name} (${severity}, ${id})`);
  return `the registry knows ${advisories.length} holes in what runs${known.length === 0 ? '' : `; not counted: ${known.join(', ')}`}; ${askSignatures()}`;
}

/** Who signs for the public registry is looked up far away, so this may take a while, and is not tried for another registry. */
function askSignatures() {
  if (registry !== undefined) return 'signatures were not checked (--registry)';
  const { stdout, stderr, status } = spawnSync('npm', ['audit', 'signatures', '--json', '--omit=dev'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 120_000,
  });
  const report = parse(stdout);
  if (!Array.isArray(report?.invalid))
    return `signatures could not be checked (${shown(firstLine(stderr) ?? `npm ended with ${status}`)})`;
  for (const { name, version } of report.invalid)
    complain(`${name} ${version} does not bear a signature of its registry: do not install it`);
  return `signatures: ${report.invalid.length} invalid, ${report.missing?.length ?? 0} missing`;
}

/** Each hole once, however many packages have it through another. */
function advisoriesIn(vulnerabilities) {
  const found = new Map();
  for (const { via = [] } of Object.values(vulnerabilities)) {
    for (const cause of via) {
      if (typeof cause !== 'object' || cause === null) continue;
      const id = /GHSA-[\w-]+/.exec(cause.url ?? '')?.[0] ?? String(cause.source);
      found.set(id, { ...cause, id });
    }
  }
  return [...found.values()];
}

function isGrave({ severity }) {
  return TOO_GRAVE.includes(severity);
}

function isReviewed(id) {
  return Object.hasOwn(reviewed.advisories ?? {}, id);
}

function whyNot(report, stderr, error) {
  if (error !== undefined) return error.message;
  return shown(
    firstLine(report?.message ?? report?.error?.summary ?? report?.error?.code ?? stderr) || 'no answer',
  );
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function firstLine(text) {
  return String(text ?? '')
    .split('\n')
    .find((line) => line.trim() !== '' && !line.includes('npm warn'))
    ?.trim();
}

/** Other people's words, in one line of a sane length. */
function shown(text) {
  return String(text)
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, 200);
}
