import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { complaints, environmentOf, registrar, type Ran } from '../client/command-line.ts';
import { setRetirementStage, type RetirementStage } from '../support/retirement.ts';
import { startServedWorker } from '../worker/served-worker.ts';
import { createAuthority, type Issued } from './connections-certificates.ts';
import { startKeyFront, startTlsFront, type Front } from './connections-fronts.ts';

const API_KEY = 'tmprl-Wq8Zr2Kx-secret';

const authority = createAuthority('Authority of the servers');
const clients = createAuthority('Authority of the clients');
const strangers = createAuthority('Nobody knows this one');
const hosts = ['temporal.example', '127.0.0.1'];
const yesterday = new Date(Date.now() - 86_400_000);

let folder: string;
let stage: RetirementStage;
let guarded: Front;
let keyed: Front;

/** What Node would have written to standard error beside the commands. */
const warnings: string[] = [];
const note = ({ message }: Error): void => void warnings.push(message);

beforeAll(async () => {
  process.on('warning', note);
  stage = await setRetirementStage();
  folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-connections-'));
  const server = authority.issue({ name: 'temporal', hosts });
  guarded = await startTlsFront(stage.temporal.address, { server, clients });
  keyed = await startKeyFront(stage.temporal.address, { server, apiKey: API_KEY });
  written('authority.pem', authority.cert);
  written('strangers.pem', strangers.cert);
});
afterAll(async () => {
  process.off('warning', note);
  await guarded.close();
  await keyed.close();
  await stage.close();
  rmSync(folder, { recursive: true, force: true });
});

function written(name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

type Variables = Readonly<Record<string, string>>;

let issued = 0;

/** Variables of a client certificate. */
function certificateOf({ cert, key }: Issued): Variables {
  issued += 1;
  return {
    TEMPORAL_TLS_CLIENT_CERT_PATH: written(`client-${issued}.pem`, cert),
    TEMPORAL_TLS_CLIENT_KEY_PATH: written(`client-${issued}.key`, key),
  };
}

const trusting = (): Variables => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: path.join(folder, 'authority.pem') });

async function list(address: string, variables: Variables): Promise<Ran> {
  return registrar(['setup'], {
    env: { ...environmentOf(stage), TEMPORAL_ADDRESS: address, ...variables },
  });
}

/** The one line that a command says when it cannot connect so. */
async function complaint(address: string, variables: Variables): Promise<string> {
  const ran = await list(address, variables);
  expect(ran).toMatchObject({ status: 1, stdout: '' });
  expect(complaints(ran)).toHaveLength(1);
  expect(ran.stderr).not.toMatch(/queryable|terminated|\n\s+at |Error:/);
  expect(ran.stderr).not.toContain(API_KEY);
  return ran.stderr.trim();
}

/** A worker that gets through, and a learner who is erased by it. */
async function retires(address: string, username: string, variables: Variables): Promise<void> {
  const worker = await startServedWorker({
    databaseUrl: stage.databaseUrl,
    temporalAddress: address,
    namespace: stage.temporal.namespace,
    configurationPath: stage.configurationPath,
    env: variables,
  });
  try {
    await worker.ready();
    const [learner] = await stage.ask([{ username }]);
    const env = { ...environmentOf(stage), TEMPORAL_ADDRESS: address, ...variables };
    const started = await registrar(['retirement', 'start', username], { env });
    expect(started).toMatchObject({ status: 0, stderr: '' });
    await stage.reaches(learner?.user_id ?? 0, 'COMPLETE');
    expect(worker.said()).not.toContain(API_KEY);
  } finally {
    worker.signal('SIGTERM');
    await worker.ended();
  }
}

describe('a Temporal server that wants client certificates', () => {
  const client = (): Variables => ({
    ...trusting(),
    ...certificateOf(clients.issue({ name: 'registrar' })),
  });

  it('is used by command and worker', { timeout: 120_000 }, async () => {
    await retires(guarded.address, 'by-certificate', client());
    expect(guarded.passed()).toBeGreaterThan(1);
  });

  it('is used by what temporal.toml says too', async () => {
    const variables = client();
    const toml = written(
      'temporal.toml',
      `[profile.prod]
address = "${guarded.address}"
namespace = "${stage.temporal.namespace}"
[profile.prod.tls]
server_ca_cert_path = "${variables['TEMPORAL_TLS_SERVER_CA_CERT_PATH'] ?? ''}"
client_cert_path = "${variables['TEMPORAL_TLS_CLIENT_CERT_PATH'] ?? ''}"
client_key_path = "${variables['TEMPORAL_TLS_CLIENT_KEY_PATH'] ?? ''}"
`,
    );
    const before = guarded.passed();
    const ran = await registrar(['setup'], {
      env: {
        ...environmentOf(stage),
        TEMPORAL_ADDRESS: '',
        TEMPORAL_NAMESPACE: '',
        TEMPORAL_CONFIG_FILE: toml,
        TEMPORAL_PROFILE: 'prod',
      },
    });
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(guarded.passed()).toBeGreaterThan(before);
  });

  it('is used at an IP address without a word from Node', async () => {
    expect(await list(guarded.address, client())).toMatchObject({ status: 0, stderr: '' });
    // Where it went the first time, which is when Node speaks, makes no difference.
    expect(warnings.filter((line) => line.includes('ServerName'))).toEqual([]);
  });

  it('is not believed at another IP address than its certificate has', async () => {
    const server = authority.issue({ name: 'temporal', hosts: ['127.0.0.2'] });
    const other = await startTlsFront(stage.temporal.address, { server });
    try {
      expect(await complaint(other.address, trusting())).toMatch(
        /another host: set TEMPORAL_TLS_SERVER_NAME/,
      );
    } finally {
      await other.close();
    }
  });

  it.concurrent('is said to want one when there is none', async () => {
    expect(await complaint(guarded.address, trusting())).toMatch(
      /wants a client certificate .*TEMPORAL_TLS_CLIENT_CERT_PATH/,
    );
  });

  it.concurrent('is said to refuse the certificate of another authority', async () => {
    const variables = { ...trusting(), ...certificateOf(strangers.issue({ name: 'registrar' })) };
    expect(await complaint(guarded.address, variables)).toMatch(
      /refuses the client certificate.* check TEMPORAL_TLS_CLIENT_CERT_PATH/,
    );
  });

  it('is not asked with a certificate that has expired, or with the key of another', async () => {
    const expired = clients.issue({ name: 'registrar', expiresAt: yesterday });
    expect(await complaint(guarded.address, { ...trusting(), ...certificateOf(expired) })).toMatch(
      /^registrar: TEMPORAL_TLS_CLIENT_CERT_PATH: the certificate expired on /,
    );
    const mixed = {
      cert: clients.issue({ name: 'one' }).cert,
      key: clients.issue({ name: 'other' }).key,
    };
    expect(await complaint(guarded.address, { ...trusting(), ...certificateOf(mixed) })).toMatch(
      /^registrar: TEMPORAL_TLS_CLIENT_KEY_PATH: the key does not belong to the certificate/,
    );
  });

  it.concurrent('is not believed when nobody known here has signed its certificate', async () => {
    for (const variables of [
      { TEMPORAL_TLS: 'true' },
      { TEMPORAL_TLS_SERVER_CA_CERT_PATH: path.join(folder, 'strangers.pem') },
    ]) {
      expect(await complaint(guarded.address, variables)).toMatch(
        /not signed by an authority known here .*TEMPORAL_TLS_SERVER_CA_CERT_PATH/,
      );
    }
  });

  it.concurrent('is told apart by name, and by another name when one is expected', async () => {
    const other = await startTlsFront(stage.temporal.address, {
      server: authority.issue({ name: 'other', hosts: ['elsewhere.example'] }),
    });
    try {
      expect(await complaint(other.address, trusting())).toMatch(
        /another host: set TEMPORAL_TLS_SERVER_NAME/,
      );
      const named = { ...trusting(), TEMPORAL_TLS_SERVER_NAME: 'elsewhere.example' };
      expect(await list(other.address, named)).toMatchObject({ status: 0, stderr: '' });
    } finally {
      await other.close();
    }
  });

  it.concurrent('is said to have let its own certificate expire', async () => {
    const server = authority.issue({ name: 'temporal', hosts, expiresAt: yesterday });
    const late = await startTlsFront(stage.temporal.address, { server });
    try {
      expect(await complaint(late.address, trusting())).toMatch(/certificate of Temporal at .* has expired/);
    } finally {
      await late.close();
    }
  });
});

describe('a Temporal server that wants an API key', () => {
  it('is used by command and worker', { timeout: 120_000 }, async () => {
    await retires(keyed.address, 'by-key', { ...trusting(), TEMPORAL_API_KEY: API_KEY });
  });

  it('is used with the key of a file', { timeout: 120_000 }, async () => {
    const TEMPORAL_API_KEY_FILE = written('api-key', `${API_KEY}\n`);
    await retires(keyed.address, 'by-key-file', { ...trusting(), TEMPORAL_API_KEY_FILE });
  });

  it.concurrent('is said to refuse a wrong key, and to want one, in words without the key', async () => {
    const wrong = await complaint(keyed.address, { ...trusting(), TEMPORAL_API_KEY: `${API_KEY}-old` });
    expect(wrong).toMatch(/does not accept the API key: check TEMPORAL_API_KEY/);
    expect(await complaint(keyed.address, trusting())).toMatch(
      /does not let this client in: set TEMPORAL_API_KEY/,
    );
  });

  it('is not asked with a key that no header can carry', async () => {
    const variables = { ...trusting(), TEMPORAL_API_KEY: `${API_KEY}\n` };
    expect(await complaint(keyed.address, variables)).toMatch(
      /^registrar: TEMPORAL_API_KEY holds a character/,
    );
  });
});

describe('TLS on one side only', () => {
  it.concurrent('is named, whichever side it is', async () => {
    for (const { address } of [guarded, keyed]) {
      expect(await complaint(address, {})).toMatch(/speaks TLS, .*: set TEMPORAL_TLS=true/);
    }
    expect(await complaint(stage.temporal.address, { TEMPORAL_TLS: '1' })).toMatch(
      /speaks plain text, and this client TLS: /,
    );
    expect(await complaint(stage.temporal.address, { TEMPORAL_API_KEY: API_KEY })).toMatch(
      /this client TLS, which TEMPORAL_API_KEY switches on: /,
    );
  });

  it('is not switched off by a word that the SDK takes for no', async () => {
    for (const TEMPORAL_TLS of ['yes', 'True', 'on']) {
      expect(await complaint(guarded.address, { TEMPORAL_TLS })).toBe(
        'registrar: TEMPORAL_TLS must be true or false; correct it',
      );
    }
  });

  it('is nothing that empty variables ask for', async () => {
    const empty = { TEMPORAL_TLS: '', TEMPORAL_API_KEY: '', TEMPORAL_TLS_SERVER_NAME: '' };
    expect(await list(stage.temporal.address, empty)).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('settings that cannot be meant', () => {
  it.concurrent.each([
    [
      { TEMPORAL_TLS_CLIENT_CERT_PATH: '/nonexistent/cert.pem' },
      /^registrar: TEMPORAL_TLS_CLIENT_CERT_PATH names .*ENOENT/,
    ],
    [
      { TEMPORAL_API_KEY_FILE: '/nonexistent/key' },
      /^registrar: TEMPORAL_API_KEY_FILE names \/nonexistent\/key, which cannot be read \(ENOENT\)/,
    ],
    [
      { TEMPORAL_API_KEY_FILE: '/', TEMPORAL_API_KEY: API_KEY },
      /^registrar: TEMPORAL_API_KEY and TEMPORAL_API_KEY_FILE are both set/,
    ],
    [
      { TEMPORAL_TLS_CLIENT_CERT_DATA: 'no certificate' },
      /^registrar: TEMPORAL_TLS_CLIENT_CERT_PATH is set without TEMPORAL_TLS_CLIENT_KEY_PATH/,
    ],
    [
      { TEMPORAL_TLS_SERVER_CA_CERT_DATA: 'no certificate' },
      /^registrar: TEMPORAL_TLS_SERVER_CA_CERT_PATH: holds no certificate/,
    ],
    [
      { TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: 'true' },
      /^registrar: TEMPORAL_TLS_DISABLE_HOST_VERIFICATION is not supported/,
    ],
    [
      { TEMPORAL_PROFILE: 'nobody' },
      /^registrar: the settings for Temporal cannot be read: Profile 'nobody' not found/,
    ],
    [
      { TEMPORAL_ADDRESS: 'https://temporal.example:7233' },
      /^registrar: TEMPORAL_ADDRESS is no address of a Temporal server; write host:port/,
    ],
    [
      { TEMPORAL_ADDRESS: '127.0.0.1:1' },
      /^registrar: cannot reach Temporal at 127.0.0.1:1 \(ECONNREFUSED\)/,
    ],
    [
      { TEMPORAL_ADDRESS: 'nowhere.invalid:7233', TEMPORAL_TLS: 'true' },
      /^registrar: cannot reach Temporal at nowhere.invalid:7233 \(E/,
    ],
  ])('%j is told in one line', async (variables: Variables, line) => {
    expect(await complaint(stage.temporal.address, variables)).toMatch(line);
  });
});
