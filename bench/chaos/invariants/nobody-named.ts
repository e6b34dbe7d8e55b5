import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { MARKS } from '../cast.ts';
import { filesBelow } from './delivered-files.ts';
import type { Invariant, Scene } from './scene.ts';

/** Four bytes of every text are looked up at each place; nothing shorter is looked for. */
const HEAD_BYTES = 4;

/**
 * Nothing that Temporal stored or a log says names anybody: not by the marks that all names of a run share, in the spellings that
 * payloads, URLs and hexadecimal have, nor by the tokens of receipts or the names that the LMS gives to the erased.
 */
export const nobodyNamed: Invariant = async (scene) => {
  const texts = new Map([...MARKS.flatMap(spellings), ...(await listSecrets(scene))]);
  const heads = new Map<number, [string, Buffer][]>();
  for (const [what, bytes] of texts) {
    const head = bytes.readUInt32LE(0);
    heads.set(head, [...(heads.get(head) ?? []), [what, bytes]]);
  }
  return scene.anonymous.flatMap(filesOf).flatMap((file) => {
    const found = findIn(readFileSync(file), heads);
    return [...found].map((what) => `${path.basename(file)} holds ${what}`);
  });
};

function filesOf(place: string): readonly string[] {
  return statSync(place).isDirectory() ? filesBelow(place) : [place];
}

function spellings(mark: string): readonly (readonly [string, Buffer])[] {
  return [mark, mark.toLowerCase(), mark.toUpperCase()].flatMap((text) => {
    const bytes = Buffer.from(text);
    const hex = bytes.toString('hex');
    return [
      [`the mark "${text}"`, bytes] as const,
      [`the mark "${text}" in UTF-16`, Buffer.from(text, 'utf16le')] as const,
      [`the mark "${text}" as hex`, Buffer.from(hex)] as const,
      ...[0, 1, 2].map((lead) => {
        const whole = Buffer.concat([Buffer.alloc(lead), bytes]).toString('base64');
        // Groups that hold other bytes too are not the mark's alone.
        const own = whole.slice(lead === 0 ? 0 : 4, Math.floor((lead + bytes.length) / 3) * 4);
        return [`the mark "${text}" in base64`, Buffer.from(own)] as const;
      }),
    ];
  });
}

/** Whoever knows a name and a key could recognise somebody by these. */
async function listSecrets({ database, outside }: Scene): Promise<readonly (readonly [string, Buffer])[]> {
  const tokens = await database.query<{ id: number; token: string }>(
    `select user_id as id, unnest(array[username_token, email_token]) as token from erasure_receipts`,
  );
  const names = await outside.query<{ id: number; name: string }>(
    `select user_id as id, retired_username as name from sandbox_lms.retirements
     union select id, username from sandbox_lms.users where username <> known_as`,
  );
  return [
    ...tokens.rows.map(({ id, token }) => [`a token of LMS user ${id}`, Buffer.from(token)] as const),
    ...names.rows.map(({ id, name }) => [`the retired name of LMS user ${id}`, Buffer.from(name)] as const),
  ];
}

function findIn(bytes: Buffer, heads: ReadonlyMap<number, readonly [string, Buffer][]>): ReadonlySet<string> {
  const found = new Set<string>();
  const firstBytes = new Uint8Array(1 << 16);
  for (const head of heads.keys()) firstBytes[head & 0xffff] = 1;
  for (let at = 0; at + HEAD_BYTES <= bytes.length; at += 1) {
    if (firstBytes[((bytes[at + 1] ?? 0) << 8) | (bytes[at] ?? 0)] === 0) continue;
    for (const [what, text] of heads.get(bytes.readUInt32LE(at)) ?? []) {
      if (bytes.compare(text, 0, text.length, at, Math.min(bytes.length, at + text.length)) === 0)
        found.add(what);
    }
  }
  return found;
}
