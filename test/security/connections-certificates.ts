import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto';
import net from 'node:net';

/** Certificate and private key in PEM form. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface Wanted {
  /** Common name. */
  readonly name: string;
  /** DNS names and IP addresses that a server's certificate is for. */
  readonly hosts?: readonly string[];
  /** Default: a day from now. */
  readonly expiresAt?: Date;
}

export interface Authority extends Issued {
  issue(wanted: Wanted): Issued;
}

const DAY_MS = 86_400_000;

/** A certificate authority of this test: written by hand because Node makes no certificates, and `openssl` none that have expired. */
export function createAuthority(name: string): Authority {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const cert = certificate({ name, isAuthority: true }, privateKey, { name, key: privateKey });
  return {
    cert,
    key: pemOf(privateKey),
    issue: (wanted) => {
      const { privateKey: own } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      return { cert: certificate(wanted, own, { name, key: privateKey }), key: pemOf(own) };
    },
  };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function certificate(
  wanted: Wanted & { readonly isAuthority?: boolean },
  own: KeyObject,
  issuer: { readonly name: string; readonly key: KeyObject },
): string {
  const publicKey = createPublicKey(createPrivateKey(pemOf(own))).export({ type: 'spki', format: 'der' });
  const expiresAt = wanted.expiresAt ?? new Date(Date.now() + DAY_MS);
  const body = sequence(
    tagged(0xa0, integer([2])),
    integer([1, ...randomBytes(8)]),
    ecdsaWithSha256,
    nameOf(issuer.name),
    sequence(time(new Date(Math.min(Date.now(), expiresAt.getTime()) - DAY_MS)), time(expiresAt)),
    nameOf(wanted.name),
    publicKey,
    tagged(0xa3, sequence(...extensionsOf(wanted))),
  );
  const signature = sign('sha256', body, issuer.key);
  const der = sequence(body, ecdsaWithSha256, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function extensionsOf({
  hosts = [],
  isAuthority = false,
}: Wanted & { readonly isAuthority?: boolean }): readonly Buffer[] {
  const constraints = isAuthority ? sequence(tagged(0x01, Buffer.from([0xff]))) : sequence();
  const names = hosts.map((host) =>
    net.isIP(host) === 0
      ? tagged(0x82, Buffer.from(host))
      : tagged(0x87, Buffer.from(host.split('.').map(Number))),
  );
  return [
    extension([0x55, 0x1d, 0x13], constraints, true),
    ...(names.length === 0 ? [] : [extension([0x55, 0x1d, 0x11], sequence(...names))]),
  ];
}

function extension(id: readonly number[], value: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [tagged(0x01, Buffer.from([0xff]))] : [];
  return sequence(objectId(id), ...critical, tagged(0x04, value));
}

const ecdsaWithSha256 = sequence(objectId([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));

function nameOf(commonName: string): Buffer {
  return sequence(
    tagged(0x31, sequence(objectId([0x55, 0x04, 0x03]), tagged(0x0c, Buffer.from(commonName)))),
  );
}

function time(at: Date): Buffer {
  return tagged(
    0x17,
    Buffer.from(
      at
        .toISOString()
        .slice(2)
        .replace(/[-:T]|\.\d+/g, ''),
    ),
  );
}

function objectId(bytes: readonly number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes));
}

function integer(bytes: readonly number[]): Buffer {
  return tagged(0x02, Buffer.from(bytes));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
