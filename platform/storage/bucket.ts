import { addAbortSignal, Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import type { Destination } from '../../domain/retirement/destination.ts';
import { isTransientStatus } from '../http.ts';
import { partsOf, storeFailure } from './key.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';

type Bucket = Extract<Destination, { readonly kind: 's3' }>;

/** Files in a bucket of Amazon's S3 or of a service that speaks its protocol. */
export function createBucketStore(
  destination: Bucket,
  { timeoutMs }: { readonly timeoutMs: number },
): ObjectStore {
  const { bucket, prefix } = destination;
  const name = prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
  const before = prefix === '' ? '' : `${prefix}/`;
  const client = new S3Client(settingsFor(destination, timeoutMs));

  const ask = async <Result>(
    verb: string,
    key: string,
    work: (abortSignal: AbortSignal) => Promise<Result>,
  ): Promise<Result> => {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      return await work(deadline);
    } catch (error) {
      throw troubleWith(error, {
        store: name,
        verb,
        key,
        timedOut: deadline.aborted ? timeoutMs : undefined,
        connectingMs: connectingMsOf(timeoutMs),
      });
    }
  };

  const place = (verb: string, key: string): { readonly Bucket: string; readonly Key: string } => ({
    Bucket: bucket,
    Key: before + partsOf(name, verb, key).join('/'),
  });

  return {
    name,
    put: async (key, content, contentType) => {
      const command = new PutObjectCommand({
        ...place('PUT', key),
        Body: content,
        ContentLength: content.byteLength,
        ContentType: contentType,
      });
      await ask('PUT', key, (abortSignal) => client.send(command, { abortSignal }));
    },

    read: (key) =>
      ask('GET', key, async (abortSignal) => {
        try {
          const { Body } = await client.send(new GetObjectCommand(place('GET', key)), { abortSignal });
          if (!(Body instanceof Readable)) return new Uint8Array();
          return await readWhole(addAbortSignal(abortSignal, Body));
        } catch (error) {
          if (error instanceof S3ServiceException && error.name === 'NoSuchKey') return undefined;
          throw error;
        }
      }),

    list: async (keyPrefix) => {
      const found: StoredObject[] = [];
      let next: string | undefined;
      do {
        const page = await ask('LIST', keyPrefix, (abortSignal) =>
          client.send(
            new ListObjectsV2Command({ Bucket: bucket, Prefix: before + keyPrefix, ContinuationToken: next }),
            { abortSignal },
          ),
        );
        for (const { Key, LastModified } of page.Contents ?? []) {
          if (Key === undefined || LastModified === undefined) continue;
          found.push({ key: Key.slice(before.length), modifiedAt: LastModified });
        }
        next = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (next !== undefined);
      return found;
    },

    remove: async (key) => {
      const command = new DeleteObjectCommand(place('DELETE', key));
      await ask('DELETE', key, (abortSignal) => client.send(command, { abortSignal }));
    },

    close: () => {
      client.destroy();
      return Promise.resolve();
    },
  };
}

/** Far more than any file that is delivered; what a stranger sends in place of one fills no worker's memory. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

async function readWhole(body: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_FILE_BYTES) throw Object.assign(new Error('too large'), { code: 'FILE_TOO_LARGE' });
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** Whoever does not even take a connection by then will not answer either. */
function connectingMsOf(timeoutMs: number): number {
  return Math.min(timeoutMs, 5_000);
}

function settingsFor({ region, endpoint, credentials }: Bucket, timeoutMs: number): S3ClientConfig {
  return {
    region: region ?? 'us-east-1',
    // A bucket of Amazon's in another region says so in its answer.
    ...(endpoint === undefined ? { followRegionRedirects: true } : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
    // Whoever asks tries again by rules of their own, where an operator sees it.
    maxAttempts: 1,
    // Most other services know nothing of the checksums that are Amazon's default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: connectingMsOf(timeoutMs), requestTimeout: timeoutMs },
  };
}

interface Asked {
  readonly store: string;
  readonly verb: string;
  readonly key: string;
  /** Milliseconds, when the time was over. */
  readonly timedOut: number | undefined;
  /** How long a connection may take, in milliseconds. */
  readonly connectingMs: number;
}

/** Only codes and statuses: the service's own sentences may repeat the access key. */
function troubleWith(error: unknown, { timedOut, connectingMs, ...asked }: Asked): Error {
  if (timedOut !== undefined) {
    const what = `was not answered within ${timedOut / 1000} s`;
    return storeFailure(asked.store, { ...asked, what, transient: true });
  }
  if (error instanceof S3ServiceException) {
    const status = error.$metadata.httpStatusCode;
    const what = `was answered ${status ?? 'nothing'} (${error.name})${adviceFor(error.name)}`;
    const transient = status === undefined || isTransientStatus(status) || error.name === 'RequestTimeout';
    return storeFailure(asked.store, { ...asked, what, status, transient });
  }
  if (!(error instanceof Error)) return new Error(String(error));
  if (error.name === 'CredentialsProviderError') {
    const what =
      'is not possible: no credentials; set access_key_id and secret_access_key, or those of the AWS environment';
    return storeFailure(asked.store, { ...asked, what });
  }
  if (error.name === 'TimeoutError') {
    const what = `took no connection within ${connectingMs / 1000} s`;
    return storeFailure(asked.store, { ...asked, what, transient: true });
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  if (code === 'ServiceFailure') return error;
  return storeFailure(asked.store, { ...asked, what: `got no answer (${code})`, transient: true });
}

function adviceFor(code: string): string {
  switch (code) {
    case 'NoSuchBucket':
      return ': create the bucket, or correct the destination';
    case 'AccessDenied':
      return ': allow these credentials to list, read, write and delete there';
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
      return ': correct access_key_id and secret_access_key';
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
      return ": set the bucket's region";
    default:
      return '';
  }
}
