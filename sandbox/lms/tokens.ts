import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
  /** A client without the right to retire anybody. */
  readonly plainClientId: string;
  readonly plainClientSecret: string;
}

/** Who calls: `retire` may use the retirement endpoints, `plain` may not. */
export type Caller = 'retire' | 'plain';

export type Verified =
  | { readonly kind: 'caller'; readonly caller: Caller }
  | { readonly kind: 'refused'; readonly detail: string };

export interface IssuedToken {
  readonly access_token: string;
  readonly expires_in: number;
  readonly token_type: 'JWT';
  readonly scope: string;
}

interface Known {
  readonly caller: Caller;
  readonly expiresAtMs: number;
}

const SCOPE = 'read write profile email';
const MOST_CACHED = 10_000;

/** Issues and checks JWTs. The key comes from the credentials, so that tokens outlive a restart of the sandbox. */
export class TokenOffice {
  readonly #credentials: Credentials;
  readonly #lifetimeSeconds: number;
  readonly #key: Buffer;
  readonly #verified = new Map<string, Known>();

  constructor(credentials: Credentials, lifetimeSeconds: number) {
    this.#credentials = credentials;
    this.#lifetimeSeconds = lifetimeSeconds;
    this.#key = createHash('sha256').update(JSON.stringify(credentials)).digest();
  }

  /** Undefined for a client that is unknown or gives a wrong secret. */
  authenticate(clientId: string, clientSecret: string): Caller | undefined {
    const credentials = this.#credentials;
    if (clientId === credentials.clientId && same(clientSecret, credentials.clientSecret)) return 'retire';
    if (clientId === credentials.plainClientId && same(clientSecret, credentials.plainClientSecret))
      return 'plain';
    return undefined;
  }

  issue(caller: Caller): IssuedToken {
    const now = Date.now() / 1000;
    const username = caller === 'retire' ? 'retirement_service_worker' : 'plain_service_worker';
    const payload = {
      aud: 'sandbox',
      exp: now + this.#lifetimeSeconds,
      iat: Math.floor(now),
      grant_type: 'client-credentials',
      iss: 'registrar-sandbox-lms',
      preferred_username: username,
      scopes: SCOPE.split(' '),
      sub: caller,
      jti: randomBytes(9).toString('base64url'),
      version: '1.2.0',
    };
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
    return {
      access_token: `${signed}.${this.#sign(signed)}`,
      expires_in: this.#lifetimeSeconds,
      token_type: 'JWT',
      scope: SCOPE,
    };
  }

  /** Checks an Authorization header. */
  verify(header: string | undefined): Verified {
    if (header === undefined || !/^jwt( |$)/i.test(header)) {
      return { kind: 'refused', detail: 'Authentication credentials were not provided.' };
    }
    const token = header.slice(4).trim();
    const known = this.#verified.get(token) ?? this.#check(token);
    if (known === undefined) return { kind: 'refused', detail: 'Invalid token.' };
    if (known.expiresAtMs <= Date.now()) {
      this.#verified.delete(token);
      return { kind: 'refused', detail: 'Token has expired.' };
    }
    return { kind: 'caller', caller: known.caller };
  }

  #check(token: string): Known | undefined {
    const [header, payload, signature, ...rest] = token.split('.');
    if (header === undefined || payload === undefined || signature === undefined || rest.length > 0)
      return undefined;
    if (!same(signature, this.#sign(`${header}.${payload}`))) return undefined;
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('exp' in claims) || !('sub' in claims))
      return undefined;
    if (claims.sub !== 'retire' && claims.sub !== 'plain') return undefined;
    const known: Known = { caller: claims.sub, expiresAtMs: Number(claims.exp) * 1000 };
    if (this.#verified.size >= MOST_CACHED) this.#verified.clear();
    this.#verified.set(token, known);
    return known;
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function same(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
