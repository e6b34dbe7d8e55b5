import { constants, open } from 'node:fs/promises';

/** Longest file that is read whole: a roster of a hundred thousand names has 3 MB. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * The bytes of a file. A pipe, a device or a file of more than 16 MiB is refused before it is read, with the code `NOTAFILE` or
 * `EFBIG` of an error: reading them would last for ever.
 */
export async function readPlainFile(path: string): Promise<Buffer> {
  // Opening a pipe that nobody writes would wait for somebody.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const about = await handle.stat();
    if (about.isDirectory()) throw refusal('EISDIR');
    if (!about.isFile()) throw refusal('NOTAFILE');
    if (about.size > MAX_BYTES) throw refusal('EFBIG');
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function refusal(code: string): Error {
  return Object.assign(new Error(code), { code });
}
