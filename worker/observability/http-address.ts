export interface HttpAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Reads `REGISTRAR_HTTP_ADDRESS`, `host:port` or `[::1]:port`; undefined when it is not set. Throws an Error of one line. */
export function readHttpAddress(text: string | undefined): HttpAddress | undefined {
  if (text === undefined || text === '') return undefined;
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  const host = found?.[1] ?? found?.[2];
  if (host === undefined || port > 65_535) {
    throw new Error(`REGISTRAR_HTTP_ADDRESS is "${text}": write host:port, for example 127.0.0.1:9464`);
  }
  return { host, port };
}
