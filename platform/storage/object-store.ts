/** A folder or a bucket that files are delivered to. Everything throws a `ServiceFailure` on trouble. */
export interface ObjectStore {
  /** For messages: `folder /srv/reports`, `s3://bucket/prefix`. */
  readonly name: string;
  /** Writes the whole file or nothing, replacing one of that key. Keys are relative, with `/` between their parts. */
  put(key: string, content: Uint8Array, contentType: string): Promise<void>;
  /** Undefined when there is no such file. */
  read(key: string): Promise<Uint8Array | undefined>;
  /** Files whose keys begin with `prefix`, in the order of their keys, also those in folders below. */
  list(prefix: string): Promise<readonly StoredObject[]>;
  /** A file that is gone already is no trouble. */
  remove(key: string): Promise<void>;
  close(): Promise<void>;
}

export interface StoredObject {
  readonly key: string;
  readonly modifiedAt: Date;
}
