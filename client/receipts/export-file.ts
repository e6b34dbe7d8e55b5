import { constants, open, readFile } from 'node:fs/promises';
import { readExportLine } from '../../receipts/export-lines.ts';
import { verifyingKeyFromPem, type VerifyingKey } from '../../receipts/signing-keys.ts';
import { failed, notFound, OperationError, wrongUsage } from '../operation-error.ts';
import { keyById } from './keys.ts';

/** Far more than any line of an export has, in characters: text without an end must not fill the memory. */
const LONGEST_LINE = 16 * 1024 * 1024;

/**
 * Lines of a file, by line feeds alone: a reader of lines would also break at characters that a receipt may hold. Throws
 * `not-found`, wrong usage for what is no plain file, and `failed` for what cannot be read or has a line of more than 16 MiB.
 */
export async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunksOf(path)) {
    const [first = '', ...others] = chunk.split('\n');
    rest += first;
    if (rest.length > LONGEST_LINE) {
      throw failed(`${path} has a line of more than 16 MiB, which no export has: name another file`);
    }
    for (const line of others) {
      yield rest;
      rest = line;
    }
  }
  if (rest !== '') yield rest;
}

async function* chunksOf(path: string): AsyncGenerator<string> {
  try {
    // Opening a pipe that nobody writes would wait for somebody.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) {
        throw wrongUsage(`${path} is no plain file: name one that \`registrar receipts export\` wrote`);
      }
      for await (const chunk of file.createReadStream({ encoding: 'utf8' })) yield String(chunk);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof OperationError) throw error;
    const code = codeOf(error);
    if (code === 'ENOENT') throw notFound(`there is no file ${path}: correct its name`);
    throw failed(`cannot read ${path} (${code}): name a file that this user may read`, { cause: error });
  }
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
