import type { Dispatcher } from 'undici';

/** What every third party is told besides its keys. */
export interface ThirdPartyOptions {
  /** Instead of the vendor's own address: another region of it, or a stand-in. */
  readonly baseUrl?: string | undefined;
  /** Milliseconds for one request. */
  readonly timeoutMs: number;
  readonly dispatcher?: Dispatcher | undefined;
}

/** The header value of HTTP's basic authentication. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
