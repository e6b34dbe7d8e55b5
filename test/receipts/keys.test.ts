import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { knownSigningKeys } from '../../receipts/kept-keys.ts';
import { pemOf, signText, signingKeyFrom, verifyingKeyFromPem } from '../../receipts/signing-keys.ts';
import { tokenKeyFrom, tokenOf } from '../../receipts/tokens.ts';
import { keyNumber } from './small-chain.ts';

describe('tokens', () => {
  const key = tokenKeyFrom(new Uint8Array(32).fill(9));

  it('are the same for a name in any case and any composition', () => {
    expect(tokenOf(key, 'email', 'Zoë@Example.com')).toBe(tokenOf(key, 'email', 'zoe\u0308@example.COM'));
    expect(tokenOf(key, 'username', 'Ada')).toBe(tokenOf(key, 'username', 'ada'));
    expect(tokenOf(key, 'username', 'ada')).not.toBe(tokenOf(key, 'username', 'ida'));
  });

  it('differ for a username and an address of the same text, and for another key', () => {
    const token = tokenOf(key, 'email', 'ada@example.com');
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(tokenOf(key, 'username', 'ada@example.com')).not.toBe(token);
    expect(tokenOf(tokenKeyFrom(new Uint8Array(32).fill(8)), 'email', 'ada@example.com')).not.toBe(token);
  });
});

describe('keys', () => {
  it('have ids of 16 hexadecimal digits and print no secret', () => {
    const secret = new Uint8Array(32).fill(0xab);
    for (const key of [signingKeyFrom(secret), tokenKeyFrom(secret)]) {
      expect(key.keyId).toMatch(/^[0-9a-f]{16}$/);
      expect(inspect(key, { depth: 9 })).not.toContain('abababab');
    }
    expect(signingKeyFrom(secret).keyId).not.toBe(tokenKeyFrom(secret).keyId);
  });

  it('sign as Ed25519 of RFC 8032 does', () => {
    // Test 1 of its section 7.1: the empty message.
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    const key = signingKeyFrom(seed);
    expect(Buffer.from(key.publicKey).toString('hex')).toBe(
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    );
    expect(Buffer.from(signText('', key), 'base64').toString('hex')).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
  });

  it('travel as PEM that other tools read, also with words before it', () => {
    const key = keyNumber(5);
    const signature = Buffer.from(signText('some text', key), 'base64');
    expect(verify(null, Buffer.from('some text'), createPublicKey(pemOf(key)), signature)).toBe(true);
    expect(verifyingKeyFromPem(`Key ${key.keyId}\n${pemOf(key)}`)?.keyId).toBe(key.keyId);
  });

  it('are read from no private key, no other kind of key and no nonsense', () => {
    const { privateKey } = keyNumber(5);
    expect(verifyingKeyFromPem(String(privateKey.export({ format: 'pem', type: 'pkcs8' })))).toBeUndefined();
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
    expect(verifyingKeyFromPem(String(other.export({ format: 'pem', type: 'spki' })))).toBeUndefined();
    expect(verifyingKeyFromPem('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----')).toBeUndefined();
  });

  it('that a database keeps under an id that they do not make are none', () => {
    const [right, wrong] = [keyNumber(5), keyNumber(6)];
    const kept = { purpose: 'signing', secret: null, publicKey: right.publicKey } as const;
    expect(knownSigningKeys([{ ...kept, keyId: right.keyId }])).toHaveLength(1);
    expect(knownSigningKeys([{ ...kept, keyId: wrong.keyId }])).toEqual([]);
    expect(knownSigningKeys([{ ...kept, keyId: right.keyId, publicKey: new Uint8Array(3) }])).toEqual([]);
  });
});
