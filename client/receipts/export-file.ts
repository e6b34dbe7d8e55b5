import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { readExportLine } from '../../receipts/export-lines.ts';
import { verifyingKeyFromPem, type VerifyingKey } from '../../receipts/signing-keys.ts';
import { failed, notFound, wrongUsage } from '../operation-error.ts';
import { keyById } from './keys.ts';

/** Lines of a file, by line feeds alone: a reader of lines would also break at characters that a receipt may hold. */
export async function* linesOf(path: string): AsyncGenerator<string> {
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

/** The keys in an exported file, which stand before the first receipt. */
export async function keysIn(path: string): Promise<readonly VerifyingKey[]> {
  const keys: VerifyingKey[] = [];
  for await (const line of linesOf(path)) {
    const said = readExportLine(line);
    if (said.kind === 'receipt') break;
    if (said.kind === 'key') keys.push(said.key);
  }
  return keys;
}

/** A key by its id, of those in the file at `path`, or by the name of a PEM file. Throws when it is neither. */
export async function readKey(text: string, path: string): Promise<VerifyingKey> {
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

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown trouble';
}
