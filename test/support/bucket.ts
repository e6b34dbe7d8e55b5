import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import S3rver from 's3rver';
import type { Destination } from '../../domain/retirement/destination.ts';

/** An S3 server of its own. It knows access keys, but does not look at signatures of version 4. */
export interface TestBucket {
  readonly destination: Extract<Destination, { readonly kind: 's3' }>;
  close(): Promise<void>;
}

/** The only key that the server knows. */
const credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' } as const;

export async function startBucket(): Promise<TestBucket> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'registrar-bucket-'));
  const bucket = 'reports';
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: bucket, configs: [] }],
  });
  const { port } = await server.run();
  return {
    destination: { kind: 's3', bucket, prefix: '', endpoint: `http://127.0.0.1:${port}`, credentials },
    close: async () => {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
