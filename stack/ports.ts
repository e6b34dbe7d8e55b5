import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { isNodeError } from './processes.ts';

const LOOPBACK = '127.0.0.1';

/** The first of the wished ports that is free on the loopback address, else any free one. */
export async function choosePort(wished: readonly (number | undefined)[]): Promise<number> {
  for (const port of wished) {
    if (port !== undefined && (await isFree(port))) return port;
  }
  return anyFreePort();
}

/** A port that was free a moment ago; not one of `except`. */
export async function anyFreePort(except: readonly number[] = []): Promise<number> {
  for (;;) {
    const port = await listenOnce(0);
    if (port !== undefined && !except.includes(port)) return port;
  }
}

/** True when nothing listens on the port, neither on the loopback address nor on all addresses. */
async function isFree(port: number): Promise<boolean> {
  // Some systems let a second server bind the loopback address of a port that the first holds on all addresses.
  return !(await answers(port)) && (await listenOnce(port)) !== undefined;
}

/** The port that `rememberPort` kept in this file; undefined when there is none. */
export function rememberedPort(file: string): number | undefined {
  try {
    const port = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch (error) {
    if (isNodeError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Keeps a port in a file, so that the next start asks for it first. */
export function rememberPort(file: string, port: number): void {
  writeFileSync(file, `${port}\n`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: LOOPBACK, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

/** Binds the port and lets it go; 0 binds any. Undefined when it cannot be bound. */
function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(undefined);
    });
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : undefined;
      server.close(() => {
        resolve(bound);
      });
    });
  });
}
