import { expect, it } from 'vitest';
import { configurationOf, lines, load, minimal, warnings, withRegistrar } from './written-file.ts';

const wrong: readonly (readonly [inside: string, line: string])[] = [
  [
    'cool_off_days: -1',
    'registrar.cool_off_days: must be a number of days from 0 to 36500, found the number -1; correct it',
  ],
  [
    'cool_off_days: .nan',
    'registrar.cool_off_days: must be a number of days from 0 to 36500, found the number NaN; correct it',
  ],
  [
    'deadline_days: a month',
    'registrar.deadline_days: must be a number of days from 0 to 36500, found "a month"; correct it',
  ],
  [
    'retry_budget: ten minutes',
    'registrar.retry_budget: must be a duration, found "ten minutes"; write seconds such as 90, or 500ms, 10m, 1h30m, 2d',
  ],
  [
    'request_timeout: 0',
    'registrar.request_timeout: must be from 100ms to 1h, found the number 0; correct it',
  ],
  ['collect_every: 31d', 'registrar.collect_every: must be from 1s to 30d, found "31d"; correct it'],
  [
    'retry_initial: 2m',
    'registrar.retry_initial: is longer than retry_maximum; shorten it, or lengthen retry_maximum',
  ],
  [
    'lms_concurrency: 0',
    'registrar.lms_concurrency: must be a whole number from 1 to 64, found the number 0; correct it',
  ],
  [
    'lms_concurrency: 65',
    'registrar.lms_concurrency: must be a whole number from 1 to 64, found the number 65; correct it',
  ],
  [
    'lms_concurrency: 2.5',
    'registrar.lms_concurrency: must be a whole number from 1 to 64, found the number 2.5; correct it',
  ],
  [
    'user_count_error_threshold: [1]',
    'registrar.user_count_error_threshold: must be a whole number from 1 to 1000000, found a list; correct it',
  ],
  [
    'max_user_batch_size: 0',
    'registrar.max_user_batch_size: must be a whole number from 1 to 1000000, found the number 0; correct it',
  ],
  [
    'reference_counter_url: counter.example',
    'registrar.reference_counter_url: must be an absolute address, found "counter.example"; write it as https://host or http://host',
  ],
  [
    'system_oauth_ids: [1, two]',
    'registrar.system_oauth_ids[1]: must be a whole number from 1 to 9007199254740991, found "two"; correct it',
  ],
  [
    'system_oauth_ids: 252',
    'registrar.system_oauth_ids: must be a list of whole numbers, found the number 252; begin each item with "- "',
  ],
  ['contact: "a\\nb"', 'registrar.contact: has a line break or another control character; remove it'],
  ['canary: maybe', 'registrar.canary: must be true or false, found "maybe"; write one of the two'],
  ['archive: daily', 'registrar.archive: must be a mapping of keys, found text; indent its keys below it'],
  [
    'archive: {after_days: 40}',
    'registrar.archive: has no destination; set it to a folder or to s3://bucket/prefix',
  ],
  [
    'archive: {destination: a, identity: yes}',
    'registrar.archive.identity: must be text, found the truth value true; put the value in quotes',
  ],
  [
    'partner_reports: {destination: "gdrive://folder"}',
    'registrar.partner_reports.destination: must be a folder or s3://bucket/prefix; Google Drive is not supported',
  ],
  [
    'partner_reports: {destination: "s3://B!"}',
    'registrar.partner_reports.destination: names no bucket; write s3://bucket or s3://bucket/prefix, in lower case',
  ],
  [
    'partner_reports: {destination: "s3://reports", access_key_id: A1}',
    'registrar.partner_reports: access_key_id and secret_access_key go together; set both, or none to use those of the AWS environment',
  ],
  [
    'receipts: {signing_key: short}',
    'registrar.receipts.signing_key: must be 32 random bytes; make them with `openssl rand -base64 32`',
  ],
  [
    'receipts: {earlier_keys: [0123456789abcdef, 1234567890123456]}',
    'registrar.receipts.earlier_keys[1]: must be the id of a key, 16 hexadecimal digits, in quotes; `registrar receipts key` prints it',
  ],
  [
    'receipts: {earlier_token_keys: [short]}',
    'registrar.receipts.earlier_token_keys[0]: must be 32 random bytes; make them with `openssl rand -base64 32`',
  ],
  [
    'receipts: {earlier_token_keys: [""]}',
    'registrar.receipts.earlier_token_keys[0]: is empty; give it a value or remove it',
  ],
];

for (const [inside, line] of wrong) {
  it(`refuses registrar: ${inside}`, async () => {
    expect(lines(await load(withRegistrar(inside)))).toEqual([line]);
  });
}

it('takes every key of registrar:, with fractions, durations and variables', async () => {
  const loaded = await load(
    withRegistrar(
      'cool_off_days: 0.001',
      'deadline_days: ${DAYS}',
      'retry_budget: 0',
      'retry_initial: 500ms',
      'retry_maximum: 90',
      'request_timeout: "45"',
      'collect_every: 1h30m',
      'lms_concurrency: 64',
      'user_count_error_threshold: 5',
      'max_user_batch_size: 3',
      'reference_counter_url: https://counter.example/api/',
      'system_oauth_ids: [252]',
      'contact: ops@example.org',
      'probe_after_days: 2.5',
      'canary: ${CANARY}',
      'deadline_warning_days: 3',
      'partner_reports: {destination: /srv/reports, age_in_days: 60}',
      'archive: {destination: "s3://archive/erased/", region: eu-west-1, after_days: 40, identity: keep}',
      'receipts: {signing_key: "${KEY}", earlier_keys: ["0123456789abcdef"], earlier_token_keys: ["${KEY}"]}',
    ),
    { DAYS: '20', CANARY: 'true', KEY: '0f'.repeat(32) },
  );
  expect(warnings(loaded)).toEqual([
    'org_partner_mapping: is missing; partner reports need it: set it, or remove registrar.partner_reports',
    'partner_report_platform_name: is missing; partner reports need it: set it, or remove registrar.partner_reports',
  ]);
  expect(configurationOf(loaded).registrar).toEqual({
    coolOffDays: 0.001,
    deadlineDays: 20,
    retryBudgetMs: 0,
    retryInitialMs: 500,
    retryMaximumMs: 90_000,
    requestTimeoutMs: 45_000,
    collectEveryMs: 5_400_000,
    lmsConcurrency: 64,
    userCountErrorThreshold: 5,
    maxUserBatchSize: 3,
    referenceCounterUrl: 'https://counter.example/api',
    systemOauthIds: [252],
    contact: 'ops@example.org',
    probeAfterDays: 2.5,
    canary: true,
    deadlineWarningDays: 3,
    partnerReports: {
      destination: { kind: 'folder', path: '/srv/reports' },
      everyMs: 604_800_000,
      ageInDays: 60,
    },
    archive: {
      destination: { kind: 's3', bucket: 'archive', prefix: 'erased', region: 'eu-west-1' },
      identity: 'keep',
      afterDays: 40,
      batchSize: 200,
      everyMs: 86_400_000,
    },
    receipts: {
      signingKey: Buffer.alloc(32, 15),
      earlierKeys: ['0123456789abcdef'],
      earlierTokenKeys: [Buffer.alloc(32, 15)],
    },
    services: {},
  });
});

it('warns of unknown keys by name, at the top, under base_urls and under registrar, and loads', async () => {
  const text = minimal(
    'client_idd: x\nwholly_unknown: 1\ncool_off_days: 3\nregistrar: {lms_concurency: 3, rate: 1}',
  ).replace('"https://lms.example"', '"https://lms.example", ecomerce: nonsense');
  const loaded = await load(text);
  expect(loaded.kind).toBe('valid');
  expect(warnings(loaded)).toEqual([
    'cool_off_days: unknown key, ignored; it belongs under registrar: as registrar.cool_off_days',
    'client_idd: unknown key, ignored; did you mean client_id?',
    'wholly_unknown: unknown key, ignored; remove it or check its spelling',
    'base_urls.ecomerce: unknown key, ignored; did you mean ecommerce?',
    'registrar.lms_concurency: unknown key, ignored; did you mean lms_concurrency?',
    'registrar.rate: unknown key, ignored; remove it or check its spelling',
  ]);
});

it('warns when every retirement would be overdue from the start', async () => {
  expect(warnings(await load(withRegistrar('cool_off_days: 31')))).toEqual([
    'registrar.cool_off_days: is more than deadline_days, so every retirement will be overdue; lower it or raise deadline_days',
  ]);
});

it('requires client_id, client_secret and base_urls.lms', async () => {
  expect(
    lines(await load('retirement_pipeline: [[A, B, LMS, retirement_unenroll]]\nclient_secret: ""\n')),
  ).toEqual([
    "client_id: is missing; set it to the value of the LMS's OAuth application for the retirement service",
    "client_secret: is missing; set it to the value of the LMS's OAuth application for the retirement service",
    'base_urls.lms: is missing; set it to the address of the LMS, such as https://courses.example.org',
  ]);
});

const addresses: readonly (readonly [url: string, line: string])[] = [
  [
    'lms.example',
    'must be an absolute address, found "lms.example"; write it as https://host or http://host',
  ],
  [
    'ftp://lms.example',
    'must be an absolute address, found "ftp://lms.example"; write it as https://host or http://host',
  ],
  ['https://', 'must be an absolute address, found "https://"; write it as https://host or http://host'],
  ['https://root:hush-hush@lms.example', 'must not have a user name or password in it; remove them'],
  ['https://lms.example/?a=1', 'must not have a query or a fragment; remove "?" or "#" and what follows'],
  ['https://{user_id}.example', 'must not have placeholders; put them into paths and bodies of methods'],
];

for (const [url, line] of addresses) {
  it(`refuses ${url} as an address`, async () => {
    expect(lines(await load(minimal().replace('https://lms.example', url)))).toEqual([
      `base_urls.lms: ${line}`,
    ]);
  });
}

it('takes slashes from the end of addresses and keeps their paths', async () => {
  const loaded = await load(minimal().replace('https://lms.example', 'http://127.0.0.1:8000/base//'));
  expect(configurationOf(loaded).baseUrls.lms).toBe('http://127.0.0.1:8000/base');
});

it('needs the address of ecommerce where its segment id is to be fetched', async () => {
  expect(lines(await load(minimal('fetch_ecommerce_segment_id: true')))).toEqual([
    'fetch_ecommerce_segment_id: needs base_urls.ecommerce; set it, or turn fetch_ecommerce_segment_id off',
  ]);
});

it('checks the keys of third parties, partners and the archive also where no row uses them', async () => {
  const text = minimal(
    [
      'braze_instance: https://rest.iad-06.braze.com',
      'org_partner_mapping: {OrgOne: PartnerOne, OrgTwo: }',
      'denied_notification_domains: nobody.example',
      's3_archive: bucket',
    ].join('\n'),
  );
  expect(lines(await load(text))).toEqual([
    'braze_instance: must be a part of a host name (letters, digits, "-" and "."); leave out "https://" and paths',
    'org_partner_mapping.OrgOne: must be a list of partner names, found text; begin each item with "- "',
    'org_partner_mapping.OrgTwo: has no partner; write a list such as [Name], or remove the organisation',
    'denied_notification_domains: must be a list of endings of e-mail addresses, found text; begin each item with "- "',
    's3_archive: must be a mapping of bucket_name and region, found text; indent its keys below it',
  ]);
});

it('warns of names that would stop every partner report', async () => {
  const text = minimal(
    [
      'org_partner_mapping: {OrgOne: [A/B, Fine]}',
      'partner_report_platform_name: edge',
      'registrar: {partner_reports: {destination: /srv/reports}}',
    ].join('\n'),
  );
  expect(warnings(await load(text))).toEqual([
    'org_partner_mapping.OrgOne: "A/B" has a slash, and is part of a file\'s name; correct it',
  ]);
});
