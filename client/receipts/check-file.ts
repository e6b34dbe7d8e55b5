import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ChainEnd } from '../../receipts/chain-places.ts';
import { readExportLine } from '../../receipts/export-lines.ts';
import type { Finding } from '../../receipts/finding.ts';
import type { ReceiptBody } from '../../receipts/receipt.ts';
import { verifyingKeyFromPem, type VerifyingKey } from '../../receipts/signing-keys.ts';
import { createExportVerifier } from '../../receipts/verify-export.ts';
import { failed, notFound, wrongUsage } from '../operation-error.ts';
import { erasuresIn, type ProvedErasure } from './erasures.ts';
import { codeOf } from './export.ts';
import { keyById } from './keys.ts';
import { told, type ToldFinding } from './walk.ts';

export interface CheckOptions {
  /** Each a key id, of a key in the file, or the name of a file with a public key in PEM. */
  readonly keys: readonly string[];
  /** Each the id of a key in the file: its receipts count before the first one of `keys`. */
  readonly earlier?: readonly string[];
  readonly expected?: ChainEnd | undefined;
  /** LMS user id of somebody whose erasures are wanted too. */
  readonly userId?: number | undefined;
}

export interface CheckedFile extends ChainEnd {
  readonly holds: boolean;
  readonly receipts: number;
  /** Null when the file has no head. */
  readonly exportedAt: string | null;
  readonly trustedKeys: readonly string[];
  /** Of the user who was asked for; authentic ones only. */
  readonly erasures: readonly ProvedErasure[];
  readonly findings: readonly ToldFinding[];
}

/** Checks an exported file with nothing but the file and a key. Throws when a file or a key is not there. */
export async function checkFile(path: string, options: CheckOptions): Promise<CheckedFile> {
  const { keys, earlier = [], expected, userId } = options;
  const trusted: VerifyingKey[] = [];
  for (const key of keys) trusted.push(await readKey(key, path));
  const inFile = earlier.length === 0 ? [] : await keysIn(path);
  for (const keyId of earlier) keyById(inFile, keyId, `in ${path}`);
  const verifier = createExportVerifier({ trusted, earlier, expected });
  const findings: Finding[] = [];
  const bodies: ReceiptBody[] = [];
  for await (const line of linesOf(path)) {
    const taken = verifier.take(line);
    findings.push(...taken.findings);
    if (taken.body !== undefined && taken.body.userId === userId) bodies.push(taken.body);
  }
  findings.push(...verifier.end());
  const { exportedAt, ...reached } = verifier.reached();
  return {
    holds: findings.length === 0,
    ...reached,
    exportedAt: exportedAt ?? null,
    trustedKeys: trusted.map(({ keyId }) => keyId),
    erasures: erasuresIn(bodies),
    findings: told(findings),
  };
}

async function readKey(text: string, path: string): Promise<VerifyingKey> {
  if (/^[0-9a-f]{16}$/.test(text)) return keyById(await keysIn(path), text, `in ${path}`);
  const pem = await readFile(text, 'utf8').catch((error: unknown) => {
    throw notFound(
      `${text} is neither a key id (16 hexadecimal digits) nor a file that can be read (${codeOf(error)}): \`registrar receipts key\` prints both`,
    );
  });
  const key = verifyingKeyFromPem(pem);
  if (key === undefined) {
    throw wrongUsage(`${text} holds no Ed25519 public key in PEM: write it with \`registrar receipts key\``);
  }
  return key;
}

/** Keys stand before the first receipt. */
async function keysIn(path: string): Promise<readonly VerifyingKey[]> {
  const keys: VerifyingKey[] = [];
  for await (const line of linesOf(path)) {
    const said = readExportLine(line);
    if (said.kind === 'receipt') break;
    if (said.kind === 'key') keys.push(said.key);
  }
  return keys;
}

/** By line feeds alone: a reader of lines would also break at characters that a receipt may hold. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') throw notFound(`there is no file ${path}: correct its name`);
    throw failed(`cannot read ${path} (${code}): name a file that this user may read`, { cause: error });
  }
  if (rest !== '') yield rest;
}
