import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeclaredService, ServiceDeclaration } from '../../domain/retirement/service-declaration.ts';
import { isLinkLocal } from '../../domain/link-local.ts';
import { readCourse } from '../../domain/timeslices/course-file.ts';
import { createLmsClient } from '../../platform/lms/client.ts';
import type { Service } from '../../platform/learner.ts';
import { createDeclaredService } from '../../platform/services/declared.ts';
import { createGuardedAgent } from '../../platform/services/guarded-agent.ts';
import { createProbes, createSegmentIdSource, createServices } from '../../platform/services/index.ts';
import { createActionApi } from '../../platform/wiki/action-api.ts';
import { createReferenceCounter } from '../../platform/wiki/reference-counter.ts';
import { configurationOf, lines, load, minimal, warnings } from '../config/written-file.ts';
import {
  countingTokens,
  failureOf,
  learnerWith,
  startStandIn,
  type StandIn,
} from '../platform/services/stand-in.ts';

let server: StandIn;
let folder: string;
beforeAll(async () => {
  server = await startStandIn();
  server.behave(() => ({ status: 200, body: {} }));
  folder = await mkdtemp(join(tmpdir(), 'registrar-ssrf-'));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** The same few places, as people write them who hope that nobody looks twice. */
const linkLocal: readonly string[] = [
  'http://169.254.169.254',
  'http://169.254.1.1:8080',
  'http://2852039166',
  'http://0xA9FEA9FE',
  'http://0251.0376.0251.0376',
  'http://169.254.43518',
  'http://169.254.169.254.',
  'http://[::ffff:169.254.169.254]',
  'http://[::ffff:a9fe:a9fe]',
  'http://[64:ff9b::169.254.169.254]',
  'http://[fe80::1]',
  'http://[febf::1]',
  'http://[fd00:ec2::254]',
  'http://[fd00:0ec2:0:0:0:0:0:254]',
  'http://100.100.100.200',
  'http://168.63.129.16',
  'http://metadata.google.internal',
  'http://METADATA.google.internal.',
  'http://metadata',
];

const elsewhere: readonly string[] = [
  'https://crm.example',
  'https://10.0.0.7',
  'https://172.16.3.4',
  'https://192.168.1.1',
  'https://[fd12:3456::1]',
  'https://[::ffff:10.0.0.7]',
  'https://169.253.1.1',
  'https://metadata.example.org',
  'https://fe80.example',
];

const declarationAt = (baseUrl: string, more: Partial<DeclaredService> = {}): DeclaredService => ({
  kind: 'http',
  baseUrl,
  auth: { kind: 'none' },
  methods: {
    erase: {
      verb: 'POST',
      path: '/erase/{user_id}',
      ok: [200],
      nothingToErase: [],
      verify: { verb: 'GET', path: '/people/{user_id}', gone: [404] },
    },
  },
  ...more,
});

async function servicesOf(declaration: ServiceDeclaration): Promise<Service | undefined> {
  const services = await createServices({
    thirdParties: {},
    baseUrls: {},
    declarations: { CRM: declaration },
    lmsTokens: countingTokens(),
    timeoutMs: 10_000,
  });
  return services['CRM'];
}

const call = { learner: learnerWith() };

describe('an address of a declared service', () => {
  const withService = (service: string): string =>
    minimal(`registrar: {services: {CRM: ${service}}}`, '[[A, B, CRM, erase]]');
  const method = 'methods: {erase: {verb: POST, path: "/erase/{user_id}"}}';

  it.each(linkLocal)('is refused by the configuration: %s', async (address) => {
    const found = lines(await load(withService(`{base_url: "${address}", ${method}}`)));
    expect(found).toEqual([
      expect.stringMatching(
        /^registrar\.services\.CRM\.base_url: is a link-local or metadata address.*allow_link_local/,
      ),
    ]);
    expect(isLinkLocal(new URL(address).hostname)).toBe(true);
  });

  it.each(linkLocal)('is refused as the place of tokens: %s', async (address) => {
    const oauth = `{oauth: {token_url: "${address}/token", client_id: a, client_secret: secret-7731}}`;
    const found = lines(
      await load(withService(`{base_url: "https://crm.example", auth: ${oauth}, ${method}}`)),
    );
    expect(found).toEqual([
      expect.stringMatching(/^registrar\.services\.CRM\.auth\.oauth\.token_url: is a link-local/),
    ]);
  });

  it.each(elsewhere)('may be in a private network, or anywhere else: %s', async (address) => {
    const loaded = await load(withService(`{base_url: "${address}", ${method}}`));
    expect([...lines(loaded), ...warnings(loaded)]).toEqual([]);
    expect(isLinkLocal(new URL(address).hostname)).toBe(false);
  });

  it('may be link-local where the file says so', async () => {
    const loaded = await load(
      withService(`{base_url: "https://169.254.169.254", allow_link_local: true, ${method}}`),
    );
    expect(lines(loaded)).toEqual([]);
    expect(configurationOf(loaded).registrar.services['CRM']).toMatchObject({ allowLinkLocal: true });
  });

  it.each([
    ['http://crm.example', true],
    ['http://10.0.0.7:8080', true],
    ['http://127.0.0.1:8080', false],
    ['http://localhost:8080', false],
    ['http://[::1]:8080', false],
    ['https://crm.example', false],
  ])('that is %s is warned of: %s', async (address, isWarned) => {
    const loaded = await load(withService(`{base_url: "${address}", ${method}}`));
    expect(warnings(loaded).some((line) => line.includes('plain http'))).toBe(isWarned);
  });
});

describe('an address of the platform', () => {
  const ownBaseUrls = 'base_urls: {lms: "https://lms.example"}';
  const baseUrls = (inside: string): string => minimal().replace(ownBaseUrls, `base_urls: {${inside}}`);
  const keys: readonly (readonly [string, (address: string) => string])[] = [
    ['base_urls.lms', (address) => baseUrls(`lms: "${address}"`)],
    ...['ecommerce', 'license_manager', 'demographics', 'segment'].map(
      (key) =>
        [
          `base_urls.${key}`,
          (address: string) => baseUrls(`lms: "https://lms.example", ${key}: "${address}"`),
        ] as const,
    ),
    [
      'registrar.reference_counter_url',
      (address) => minimal(`registrar: {reference_counter_url: "${address}"}`),
    ],
  ];

  it.each(keys)('is refused by the configuration at %s', async (where, fileWith) => {
    for (const address of linkLocal) {
      expect(lines(await load(fileWith(address)))).toEqual([
        `${where}: is a link-local or metadata address, where clouds give out credentials; correct it`,
      ]);
    }
  });

  it.each(keys)('may be in a private network, or on this machine: %s', async (_where, fileWith) => {
    for (const address of [...elsewhere, 'http://127.0.0.1:8080', 'http://localhost', 'http://[::1]:8000']) {
      const loaded = await load(fileWith(address));
      expect([...lines(loaded), ...warnings(loaded)]).toEqual([]);
    }
  });

  it.each(keys)('that is plain http beyond this machine is warned of: %s', async (where, fileWith) => {
    const loaded = await load(fileWith('http://10.0.0.7:8000'));
    expect(lines(loaded)).toEqual([]);
    expect(warnings(loaded)).toEqual([expect.stringContaining(`${where}: is plain http, so names`)]);
  });
});

describe('a wiki in a course file', () => {
  const placesOf = (apiUrl: string): readonly string[] => {
    const read = readCourse({
      slug: 'botany',
      title: 'Botany',
      starts_at: '2026-03-01',
      ends_at: '2026-03-10',
      wikis: [{ project: 'mywiki', api_url: `${apiUrl}/w/api.php` }],
      students: [],
    });
    return read.kind === 'valid' ? [] : read.mistakes.map(({ where, message }) => `${where}: ${message}`);
  };

  it.each(linkLocal)('is refused at %s', (address) => {
    expect(placesOf(address)).toEqual([
      'wikis[0].api_url: is a link-local or metadata address, where clouds give out credentials; correct it',
    ]);
  });

  it.each([...elsewhere, 'http://127.0.0.1:8080', 'http://localhost:8080'])('may be at %s', (address) => {
    expect(placesOf(address)).toEqual([]);
  });
});

describe('a part of the platform, whatever its address was when it was read', () => {
  it.each(linkLocal)('is never connected to at %s', async (address) => {
    const timeoutMs = 2_000;
    const userAgent = 'registrar-test';
    const lms = createLmsClient({
      baseUrl: address,
      clientId: 'a',
      clientSecret: 'secret-7731',
      timeoutMs,
      concurrency: 1,
    });
    const wiki = createActionApi({ apiUrl: `${address}/w/api.php`, userAgent, timeoutMs });
    const counter = createReferenceCounter({ baseUrl: address, userAgent, timeoutMs });
    const segmentId = createSegmentIdSource({ baseUrl: address, tokens: countingTokens(), timeoutMs });
    const asked: readonly (() => Promise<unknown>)[] = [
      () => lms.send({ verb: 'GET', route: '/api/' }),
      () => wiki.query({ module: 'meta=siteinfo', parameters: { meta: 'siteinfo' } }),
      () => counter.count({ project: 'wikipedia', language: 'en', revisionIds: [1] }),
      () => segmentId({ username: 'someone' }),
    ];
    for (const request of asked) {
      const { exchange } = await failureOf(request());
      expect(exchange).toMatchObject({ transient: false, status: undefined });
      expect(exchange.what).toMatch(/^is at a link-local or metadata address/);
    }
    await Promise.all([lms.close(), wiki.close(), counter.close()]);
  });
});

describe('a service', () => {
  it.each(linkLocal)('at %s is never connected to', async (address) => {
    const service = await servicesOf(declarationAt(address));
    const { exchange } = await failureOf(Promise.resolve(service?.['erase']?.(call)));
    expect(exchange).toMatchObject({ transient: false, status: undefined });
    expect(exchange.what).toMatch(/^is at a link-local or metadata address/);
  });

  it.each([
    ['one such address', [{ address: '169.254.169.254', family: 4 }]],
    [
      'one among others',
      [
        { address: '127.0.0.1', family: 4 },
        { address: 'fe80::1', family: 6 },
      ],
    ],
    ['one in disguise', [{ address: '::ffff:169.254.169.254', family: 6 }]],
  ])('whose name leads to %s is never connected to', async (_, addresses) => {
    const dispatcher = createGuardedAgent({ resolveAll: (_name, _options, done) => done(null, addresses) });
    const { port } = new URL(server.url);
    const service = createDeclaredService('CRM', declarationAt(`http://crm.example:${port}`), {
      timeoutMs: 10_000,
      dispatcher,
    });
    const { exchange } = await failureOf(Promise.resolve(service['erase']?.(call)));
    expect(exchange).toMatchObject({ transient: false, status: undefined });
    expect(exchange.what).toMatch(/^is at a link-local or metadata address/);
  });

  it('whose name leads to a private address is called there', async () => {
    server.behave(() => ({ status: 200, body: {} }));
    const dispatcher = createGuardedAgent({
      resolveAll: (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    const { port } = new URL(server.url);
    const service = createDeclaredService('CRM', declarationAt(`http://crm.example:${port}`), {
      timeoutMs: 10_000,
      dispatcher,
    });
    expect(await service['erase']?.(call)).toMatchObject({ kind: 'erased' });
    expect(server.received).toHaveLength(1);
  });

  it('whose name nobody knows fails as before', async () => {
    const unknown = Object.assign(new Error('nobody'), { code: 'ENOTFOUND' });
    const dispatcher = createGuardedAgent({ resolveAll: (_name, _options, done) => done(unknown, []) });
    const service = createDeclaredService('CRM', declarationAt('http://crm.example'), {
      timeoutMs: 10_000,
      dispatcher,
    });
    const { exchange } = await failureOf(Promise.resolve(service['erase']?.(call)));
    expect(exchange).toMatchObject({ transient: true, what: 'has a host name that cannot be resolved' });
  });

  it('that is allowed to be link-local is tried there', async () => {
    const service = await servicesOf(declarationAt('http://169.254.0.1:1', { allowLinkLocal: true }));
    const { exchange } = await failureOf(Promise.resolve(service?.['erase']?.(call)));
    // What comes of it is up to the network: nobody, a proxy's word.
    expect(exchange.what).not.toMatch(/link-local/);
  });

  it('is not asked for a verification or a token there either', async () => {
    const probes = createProbes({
      declarations: { CRM: declarationAt('http://169.254.169.254') },
      timeoutMs: 10_000,
    });
    const probed = await failureOf(Promise.resolve(probes['CRM']?.['erase']?.(call)));
    expect(probed.exchange.what).toMatch(/^is at a link-local/);

    const auth = {
      kind: 'oauth',
      tokenUrl: 'http://169.254.169.254/token',
      clientId: 'a',
      clientSecret: 'secret-7731',
      scheme: 'Bearer',
    } as const;
    const service = await servicesOf(declarationAt(server.url, { auth }));
    server.behave(() => ({ status: 200, body: {} }));
    const asked = await failureOf(Promise.resolve(service?.['erase']?.(call)));
    expect(asked.exchange.what).toMatch(/^is at a link-local/);
    expect(server.received).toEqual([]);
  });

  it('that is a module is kept from there by the fetch that it is given', async () => {
    const path = join(folder, 'module.mjs');
    await writeFile(
      path,
      `export const erase = async ({ fetch }) => (await fetch('http://169.254.169.254/latest/')).text();`,
    );
    const service = await servicesOf({ kind: 'module', path });
    const { exchange } = await failureOf(Promise.resolve(service?.['erase']?.(call)));
    expect(exchange.transient).toBe(false);
  });
});
