/** Where files are delivered to. */
export type Destination =
  /** An absolute path. */
  | { readonly kind: 'folder'; readonly path: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      /** In front of every key, without slashes at its ends; may be empty. */
      readonly prefix: string;
      readonly region?: string;
      /** Of an S3-compatible service; absent = Amazon's. */
      readonly endpoint?: string;
      /** Absent = as the AWS SDK finds them: environment, profile, role of the machine. */
      readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
    };
