import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../../platform/learner.ts';
import { createServices } from '../../../platform/services/index.ts';
import {
  countingTokens,
  failureOf,
  html,
  learnerWith,
  oddValues,
  startStandIn,
  type Answer,
  type Received,
  type StandIn,
} from './stand-in.ts';

/** What every service must do with an answer that is no success, whichever of its requests gets it. */

const secrets = ['braze-key-1', 'segment-token-1', 'amplitude-key-1', 'amplitude-secret-1', 'hubspot-key-1'];
const salesforceSecrets = ['sf-pass<word>', 'sf-token-1', 'sf-session-1'];

const wanted = [
  { service: 'BRAZE', method: 'delete_user', request: 'POST /users/delete', nobody: false },
  { service: 'AMPLITUDE', method: 'delete_user', request: 'POST /api/2/deletions/users', nobody: false },
  { service: 'SEGMENT', method: 'delete_and_suppress_learner', request: 'POST /v1beta', nobody: false },
  { service: 'HUBSPOT', method: 'delete_user', request: 'GET /contacts', nobody: true },
  { service: 'HUBSPOT', method: 'delete_user', request: 'DELETE /contacts', nobody: false },
  { service: 'SALESFORCE', method: 'retire_learner', request: 'POST /services/Soap', nobody: false },
  { service: 'SALESFORCE', method: 'retire_learner', request: 'GET /services/data', nobody: false },
  { service: 'SALESFORCE', method: 'retire_learner', request: 'POST /services/data', nobody: false },
  {
    service: 'LICENSE_MANAGER',
    method: 'retire_learner',
    request: 'POST /api/v1/retire_user/',
    nobody: true,
  },
  { service: 'DEMOGRAPHICS', method: 'retire_learner', request: 'POST /demographics', nobody: true },
  { service: 'CRM', method: 'erase', request: 'DELETE /people', nobody: false },
] as const;

let server: StandIn;
beforeAll(async () => {
  server = await startStandIn();
});
afterAll(() => server.close());

async function service(name: string, timeoutMs = 5000): Promise<Service> {
  const { url } = server;
  const names = ['braze', 'segment', 'amplitude', 'hubspot', 'salesforce', 'license_manager', 'demographics'];
  const services = await createServices({
    thirdParties: {
      braze: { apiKey: 'braze-key-1', instance: 'iad-01' },
      segment: { authToken: 'segment-token-1', workspaceSlug: 'acme' },
      amplitude: { apiKey: 'amplitude-key-1', secretKey: 'amplitude-secret-1' },
      hubspot: { apiKey: 'hubspot-key-1' },
      salesforce: {
        user: 'robot@acme.example',
        password: 'sf-pass<word>',
        token: 'sf-token-1',
        domain: 'login',
        assignee: 'clerk@acme.example',
      },
    },
    baseUrls: Object.fromEntries(names.map((each) => [each, url])),
    declarations: {
      CRM: {
        kind: 'http',
        baseUrl: url,
        auth: { kind: 'bearer', token: 'crm-token-1' },
        methods: {
          erase: { verb: 'DELETE', path: '/people/{original_email}', ok: [200, 204], nothingToErase: [410] },
        },
      },
    },
    lmsTokens: countingTokens(),
    timeoutMs,
  });
  const found = services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
}

/** What the requests before the one under test are answered. */
function prelude({ verb, path }: Received): Answer {
  if (path.startsWith('/services/Soap')) return salesforceLogin();
  if (path.includes('Task')) return { status: 200, body: { records: [] } };
  if (path.startsWith('/services/data')) return { status: 200, body: { records: [{ Id: '00Q1' }] } };
  if (verb === 'GET') return { status: 200, body: { vid: 9 } };
  return { status: 200 };
}

function salesforceLogin(): Answer {
  const result = `<serverUrl>${server.url}/services/Soap/u/59.0/00D</serverUrl><sessionId>sf-session-1</sessionId>`;
  const body = `<x:Envelope xmlns:x="x"><x:Body><loginResponse><result>${result}</result></loginResponse></x:Body></x:Envelope>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}

function answerOnly(request: string, answer: Answer | ((received: Received) => Answer)): void {
  const [verb, path = ''] = request.split(' ');
  server.behave((received) => {
    if (received.verb !== verb || !received.path.startsWith(path)) return prelude(received);
    return typeof answer === 'function' ? answer(received) : answer;
  });
}

async function failureFor(
  target: (typeof wanted)[number],
  answer: Answer | ((received: Received) => Answer),
  { learner = learnerWith(), timeoutMs = 5000 } = {},
) {
  answerOnly(target.request, answer);
  const method = (await service(target.service, timeoutMs))[target.method];
  if (method === undefined) throw new Error(`no method ${target.method}`);
  return failureOf(method({ learner }));
}

describe.each(wanted)('$service, at $request', (target) => {
  it.each([400, 401, 403, 405, 409, 422, 302])('fails for good on %i', async (status) => {
    const failure = await failureFor(target, { status, body: { error: 'so it is' } });
    expect(failure.exchange).toMatchObject({
      service: target.service,
      verb: target.request.split(' ')[0],
      status,
      transient: false,
      body: '{"error":"so it is"}',
    });
    expect(failure.message).toContain(`answered ${status}`);
  });

  it.each([500, 502, 503, 504])('is worth another try after %i', async (status) => {
    const failure = await failureFor(target, { status, body: 'busy' });
    expect(failure.exchange).toMatchObject({ status, transient: true, body: 'busy' });
  });

  it('hands on how long to wait, in seconds or as a date', async () => {
    const seconds = await failureFor(target, { status: 429, headers: { 'retry-after': '7' } });
    expect(seconds.exchange).toMatchObject({ status: 429, transient: true, retryAfterMs: 7000 });
    const inADay = new Date(Date.now() + 86_400_000).toUTCString();
    const dated = await failureFor(target, { status: 429, headers: { 'retry-after': inADay } });
    expect(dated.exchange.retryAfterMs).toBeGreaterThan(80_000_000);
    expect(dated.exchange.retryAfterMs).toBeLessThanOrEqual(86_400_000);
  });

  it('takes HTML with a 200 for a proxy that spoke', async () => {
    const failure = await failureFor(target, html);
    expect(failure.exchange).toMatchObject({ status: 200, transient: true });
    expect(failure.message).toContain('HTML');
  });

  it('is worth another try when the connection closes or no answer comes in time', async () => {
    expect((await failureFor(target, 'drop')).exchange.transient).toBe(true);
    const late = await failureFor(target, 'hang', { timeoutMs: 150 });
    expect(late.exchange).toMatchObject({ transient: true, what: 'did not answer within 0.15 s' });
    expect(late.exchange.status).toBeUndefined();
  });

  it('stops waiting when the call is aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('worker shuts down');
    answerOnly(target.request, () => {
      controller.abort(reason);
      return 'hang';
    });
    const method = (await service(target.service))[target.method];
    await expect(method?.({ learner: learnerWith(), signal: controller.signal })).rejects.toBe(reason);
  });

  it('repeats no secret, whatever the service sends back', async () => {
    const failure = await failureFor(target, ({ headers, body }) => ({
      status: 400,
      body: JSON.stringify([headers, body, ...secrets, ...salesforceSecrets]),
    }));
    const own = [...ownSecrets(target.service), ...Object.values(failure.exchange).flatMap(bearerTokens)];
    for (const secret of own) {
      expect(failure.exchange.body).not.toContain(secret);
      expect(failure.message).not.toContain(secret);
    }
    expect(failure.exchange.body).toContain('***');
  });

  it.each(oddValues)('names nobody in its message: %j', async (value) => {
    const email = `${value}@example.com`;
    const learner = learnerWith({ originalUsername: value, originalEmail: email, originalName: value });
    const failure = await failureFor(target, ({ path, body }) => ({ status: 400, body: `${path} ${body}` }), {
      learner,
    });
    for (const identity of [value, encodeURIComponent(value), 'example.com']) {
      if (identity !== '{user_id}') expect(failure.message).not.toContain(identity);
    }
  });
});

describe.each(wanted.filter((target) => !target.nobody))('$service, at $request', (target) => {
  it('fails for good on 404', async () => {
    const failure = await failureFor(target, { status: 404, body: { message: 'nobody' } });
    expect(failure.exchange).toMatchObject({ status: 404, transient: false });
  });
});

function ownSecrets(name: string): readonly string[] {
  if (name === 'SALESFORCE') return ['sf-pass', 'sf-token-1'];
  if (name === 'CRM') return ['crm-token-1'];
  if (name === 'AMPLITUDE') return [...secrets.filter((secret) => secret.startsWith('amplitude')), btoaKey()];
  return secrets.filter((secret) => secret.startsWith(name.toLowerCase()));
}

function btoaKey(): string {
  return Buffer.from('amplitude-key-1:amplitude-secret-1').toString('base64');
}

/** Whatever still looks like a credential. */
function bearerTokens(value: unknown): readonly string[] {
  return typeof value === 'string' ? (value.match(/(?:Bearer|JWT|Basic) [^*"\s]+/g) ?? []) : [];
}
