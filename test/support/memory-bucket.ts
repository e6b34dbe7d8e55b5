import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listenOnLoopback } from './loopback.ts';

export type BucketFault = 'none' | 'drop-before' | 'drop-after' | 'answer-500' | 'give-back-less';

/** As much of S3 as writing a file and reading it back needs, with faults. */
export interface MemoryBucket {
  /** For `registrar.archive`, beside the destination. */
  readonly settings: Readonly<Record<string, string>>;
  readonly files: ReadonlyMap<string, Buffer>;
  /** The next requests meet these faults, one each. */
  misbehave(...faults: readonly BucketFault[]): void;
  /** Called at each request, before it is answered. */
  onRequest(look: (method: string) => Promise<void>): void;
  /** Methods of the requests so far. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export async function startMemoryBucket(): Promise<MemoryBucket> {
  const files = new Map<string, Buffer>();
  const faults: BucketFault[] = [];
  const requests: string[] = [];
  let onRequest = (_method: string): Promise<void> => Promise.resolve();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '' } = request;
    const key = decodeURIComponent(new URL(request.url ?? '/', 'http://bucket').pathname.slice(1));
    const body = await buffer(request);
    requests.push(method);
    await onRequest(method);
    const fault = faults.shift();
    if (fault === 'drop-before') return void request.socket.destroy();
    if (fault === 'answer-500') return void response.writeHead(500).end();
    if (method === 'PUT') files.set(key, body);
    if (fault === 'drop-after') return void request.socket.destroy();
    if (method === 'PUT') return void response.writeHead(200, { etag: '"1"' }).end();
    const content = files.get(key);
    if (content === undefined) return void response.writeHead(404).end(NO_SUCH_KEY);
    response.writeHead(200).end(fault === 'give-back-less' ? content.subarray(0, -1) : content);
  };

  const server = createServer((request, response) => void handle(request, response));
  const listening = await listenOnLoopback(server);
  return {
    settings: {
      destination: 's3://archive/erased',
      endpoint: listening.url,
      access_key_id: 'AKIATEST',
      secret_access_key: 'not-looked-at',
    },
    files,
    requests,
    onRequest: (look) => {
      onRequest = look;
    },
    misbehave: (...more) => void faults.push(...more),
    close: () => listening.close(),
  };
}

const NO_SUCH_KEY = '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>';
