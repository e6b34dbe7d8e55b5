import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadConfiguration } from '../../config/load.ts';
import { configurationOf, lines, load, warnings } from './written-file.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const example = fileURLToPath(new URL('../../registrar.example.yml', import.meta.url));

const secrets = {
  LMS_CLIENT_ID: 'large-client-id',
  LMS_CLIENT_SECRET: 'large-client-secret',
  SEGMENT_TOKEN: 'segment-token-1',
  BRAZE_KEY: 'braze-key-1',
  AMPLITUDE_KEY: 'amplitude-key-1',
  AMPLITUDE_SECRET: 'amplitude-secret-1',
  HUBSPOT_KEY: 'hubspot-key-1',
  SALESFORCE_PASSWORD: 'salesforce-password-1',
  SALESFORCE_TOKEN: 'salesforce-token-1',
  LMS_CONCURRENCY: '12',
  CRM_KEY: 'crm-key-1',
};

it('loads a Tutor-like file with defaults for everything of our own', async () => {
  const loaded = await loadConfiguration({ path: fixture('tutor.yml'), env: {} });
  expect(warnings(loaded)).toEqual([]);
  const configuration = configurationOf(loaded);
  expect(configuration.baseUrls).toEqual({ lms: 'https://courses.tutor.example' });
  expect(configuration.pipeline).toHaveLength(5);
  expect(configuration.pipeline[1]).toEqual({
    startState: 'RETIRING_FORUMS',
    endState: 'FORUMS_COMPLETE',
    service: 'LMS',
    method: 'retirement_retire_forum',
  });
  expect(configuration.registrar).toEqual({
    coolOffDays: 7,
    deadlineDays: 30,
    deadlineWarningDays: 5,
    receipts: {},
    retryBudgetMs: 600_000,
    retryInitialMs: 1000,
    retryMaximumMs: 60_000,
    requestTimeoutMs: 30_000,
    collectEveryMs: 3_600_000,
    lmsConcurrency: 8,
    userCountErrorThreshold: 300,
    maxUserBatchSize: 200,
    systemOauthIds: [],
    canary: false,
    services: {},
  });
});

it('loads a large site with third parties, partners, an archive and secrets from the environment', async () => {
  const loaded = await loadConfiguration({ path: fixture('large-site.yml'), env: secrets });
  expect(warnings(loaded)).toEqual([]);
  const configuration = configurationOf(loaded);
  expect(configuration.clientSecret).toBe('large-client-secret');
  expect(configuration.fetchEcommerceSegmentId).toBe(true);
  expect(configuration.baseUrls['segment']).toBe('https://platform.segment.example');
  expect(configuration.thirdParties).toEqual({
    braze: { apiKey: 'braze-key-1', instance: 'iad-06' },
    segment: { authToken: 'segment-token-1', workspaceSlug: 'large-site' },
    amplitude: { apiKey: 'amplitude-key-1', secretKey: 'amplitude-secret-1' },
    hubspot: {
      apiKey: 'hubspot-key-1',
      awsRegion: 'us-east-1',
      fromAddress: 'privacy@large.example',
      alertEmail: 'marketing@large.example',
    },
    salesforce: {
      user: 'robot@large.example',
      password: 'salesforce-password-1',
      token: 'salesforce-token-1',
      domain: 'large.my',
      assignee: 'privacy@large.example',
    },
  });
  expect(configuration.partnerReport).toEqual({
    orgPartnerMapping: { OrgOne: ['Partner One'], OrgTwo: ['Partner One', 'Partner Two'], N: ['Partner N'] },
    deniedNotificationDomains: ['@large.example', '@noreply.example'],
    platformName: 'large',
    drivePartnersFolder: '1aBcDeF',
  });
  expect(configuration.s3Archive).toEqual({ bucketName: 'large-retirement-archive', region: 'us-east-1' });
  expect(configuration.registrar).toMatchObject({
    coolOffDays: 14.5,
    retryBudgetMs: 1_200_000,
    lmsConcurrency: 12,
  });
  expect(configuration.registrar.services['CRM']).toEqual({
    kind: 'http',
    baseUrl: 'https://crm.large.example/api',
    auth: { kind: 'header', name: 'X-Api-Key', value: 'crm-key-1' },
    methods: {
      erase: {
        verb: 'POST',
        path: '/people/{original_email}/erase',
        body: { id: '{user_id}', reason: 'learner {user_id} asked for it' },
        ok: [200, 201, 202, 204],
        nothingToErase: [404],
        verify: { verb: 'GET', path: '/people/{original_email}', gone: [404] },
      },
    },
  });
});

it('names every variable of the large site that is unset, each with its key, and nothing else', async () => {
  const found = lines(await loadConfiguration({ path: fixture('large-site.yml'), env: {} }));
  expect(found).toHaveLength(Object.keys(secrets).length);
  expect(found).toContain(
    'braze_api_key: the environment variable BRAZE_KEY is not set; set it, or write the value in place of ${BRAZE_KEY}',
  );
  expect(found.some((line) => line.startsWith('registrar.services.CRM.auth.header.value: '))).toBe(true);
});

it('explains the one row of the documented sample whose endpoint is gone', async () => {
  const found = lines(await loadConfiguration({ path: fixture('documented-sample.yml'), env: {} }));
  expect(found).toEqual([
    'retirement_pipeline[0]: LMS.retirement_retire_mailings no longer works: the LMS removed this endpoint long ago and ' +
      'clears mailing lists in retirement_lms_retire_misc: remove this row and keep a row with that method',
  ]);
});

it('loads the documented sample without that row', async () => {
  const text = await readFile(fixture('documented-sample.yml'), 'utf8');
  const loaded = await load(text.replace(/^.*retirement_retire_mailings.*\n/m, ''));
  expect(warnings(loaded)).toEqual([]);
  expect(configurationOf(loaded).pipeline.map((stage) => stage.method)).toEqual([
    'retirement_unenroll',
    'retirement_lms_retire_misc',
    'retirement_lms_retire',
  ]);
});

it('loads the example that the product ships', async () => {
  const env = { LMS_CLIENT_ID: 'a', LMS_CLIENT_SECRET: 'b', NEWSLETTER_TOKEN: 'c' };
  const loaded = await loadConfiguration({ path: example, env });
  expect(warnings(loaded)).toEqual([]);
  expect(Object.keys(configurationOf(loaded).registrar.services)).toEqual(['NEWSLETTER']);
});
