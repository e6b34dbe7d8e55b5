import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Learner } from '../../../platform/learner.ts';
import { createSalesforce } from '../../../platform/services/salesforce.ts';
import {
  failureOf,
  learnerWith,
  oddValues,
  startStandIn,
  type Answer,
  type Received,
  type StandIn,
} from './stand-in.ts';

let server: StandIn;
beforeAll(async () => {
  server = await startStandIn();
});
afterAll(() => server.close());

interface Org {
  /** Ids of leads by e-mail address. */
  readonly leads: Record<string, readonly string[]>;
  readonly tasks: Record<string, unknown>[];
  sessions: number;
  /** Sessions up to this one have ended. */
  endedSessions: number;
  /** Does the work of a creation and then closes the connection. */
  loseNextAnswer: boolean;
}

/** A Salesforce of leads, users and tasks that understands the queries it is expected to get. */
function playSalesforce(differences: Partial<Org> = {}): Org {
  const org = { leads: {}, tasks: [], sessions: 0, endedSessions: 0, loseNextAnswer: false, ...differences };
  server.behave((received) => {
    if (received.path === '/services/Soap/u/59.0') return loginAnswer(++org.sessions);
    const session = Number(/^Bearer session-(\d+)$/.exec(received.headers.authorization ?? '')?.[1]);
    if (!(session > org.endedSessions)) return { status: 401, body: [{ errorCode: 'INVALID_SESSION_ID' }] };
    if (received.verb === 'GET')
      return { status: 200, body: { done: true, records: select(org, queryOf(received)) } };
    return createTask(org, received);
  });
  return org;
}

function loginAnswer(number: number): Answer {
  const parts = [
    `<serverUrl>${server.url}/services/Soap/u/59.0/00D1</serverUrl>`,
    `<sessionId>session-${number}</sessionId>`,
    '<userInfo><sessionSecondsValid>7200</sessionSecondsValid></userInfo>',
  ];
  const body = `<s:Envelope xmlns:s="s"><s:Body><loginResponse><result>${parts.join('')}</result></loginResponse></s:Body></s:Envelope>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}

function queryOf({ path }: Received): string {
  return new URL(path, server.url).searchParams.get('q') ?? '';
}

function select(org: Org, soql: string): readonly { readonly Id: string }[] {
  const [first = '', second = ''] = literals(soql);
  if (soql.includes(' FROM Lead WHERE Email = ')) return (org.leads[first] ?? []).map((Id) => ({ Id }));
  if (soql.includes(' FROM User WHERE Username = '))
    return first === 'clerk@acme.example' ? [{ Id: '005C' }] : [];
  const found = org.tasks.findIndex((task) => task['Subject'] === first && task['WhoId'] === second);
  return found >= 0 ? [{ Id: `00T${found}` }] : [];
}

/** The text literals of a query, as Salesforce reads them. */
function literals(soql: string): readonly string[] {
  const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t' };
  return [...soql.matchAll(/'((?:[^'\\]|\\.)*)'/gs)].map(([, literal = '']) =>
    literal.replace(/\\(.)/g, (_, character: string) => escapes[character] ?? character),
  );
}

function createTask(org: Org, { body }: Received): Answer {
  org.tasks.push(JSON.parse(body) as Record<string, unknown>);
  if (!org.loseNextAnswer)
    return { status: 201, body: { id: `00T${org.tasks.length - 1}`, success: true, errors: [] } };
  org.loseNextAnswer = false;
  return 'drop';
}

function salesforce(differences: { readonly assignee?: string; readonly password?: string } = {}) {
  const keys = {
    user: 'robot@acme.example',
    password: 'pass&word',
    token: 'tok',
    domain: 'login',
    assignee: 'clerk@acme.example',
  };
  const service = createSalesforce({ ...keys, ...differences }, { baseUrl: server.url, timeoutMs: 5000 });
  return async (learner: Partial<Learner> = {}) =>
    service['retire_learner']?.({ learner: learnerWith(learner) });
}

describe('Salesforce', () => {
  it('opens a task on the lead for the assignee', async () => {
    const org = playSalesforce({ leads: { 'ada@example.com': ['00Q1'] } });
    expect(await salesforce()()).toEqual({ kind: 'erased', response: 'task 00T0 opened' });
    expect(org.tasks).toEqual([
      {
        Subject: 'GDPR Request: ada@example.com',
        Description: expect.stringContaining('ada@example.com') as string,
        WhoId: '00Q1',
        OwnerId: '005C',
      },
    ]);
    expect(org.tasks[0]?.['Description']).not.toContain('00Q1');
  });

  it('logs in with the token after the password, written as XML', async () => {
    playSalesforce();
    await salesforce()();
    const [login] = server.received;
    expect(login).toMatchObject({ verb: 'POST', path: '/services/Soap/u/59.0' });
    expect(login?.headers).toMatchObject({ 'content-type': 'text/xml; charset=UTF-8', soapaction: 'login' });
    expect(login?.body).toContain('<p:username>robot@acme.example</p:username>');
    expect(login?.body).toContain('<p:password>pass&amp;wordtok</p:password>');
  });

  it('has nothing to erase without a lead, and then needs no assignee', async () => {
    const org = playSalesforce();
    expect(await salesforce({ assignee: 'nobody' })()).toMatchObject({ kind: 'nothing-to-erase' });
    expect(org.tasks).toHaveLength(0);
  });

  it('does not ask for leads without an address when the learner has none', async () => {
    const org = playSalesforce({ leads: { '': ['00Q1'] } });
    expect(await salesforce()({ originalEmail: '' })).toMatchObject({ kind: 'nothing-to-erase' });
    expect(org.sessions).toBe(0);
  });

  it('names all leads where several have the address', async () => {
    const org = playSalesforce({ leads: { 'ada@example.com': ['00Q1', '00Q2'] } });
    await salesforce()();
    expect(org.tasks[0]).toMatchObject({
      WhoId: '00Q1',
      Description: expect.stringContaining('00Q1, 00Q2') as string,
    });
  });

  it('opens one task however often it is called, also when its answer was lost', async () => {
    const org = playSalesforce({ leads: { 'ada@example.com': ['00Q1'] }, loseNextAnswer: true });
    const retire = salesforce();
    expect((await failureOf(retire())).exchange.transient).toBe(true);
    expect(await retire()).toEqual({ kind: 'erased', response: 'task 00T0 is open already' });
    await retire();
    expect(org.tasks).toHaveLength(1);
  });

  it.each(oddValues)('finds the lead of %j and nobody else', async (originalEmail) => {
    const org = playSalesforce({ leads: { [originalEmail]: ['00Q1'] } });
    const retire = salesforce();
    await retire({ originalEmail });
    await retire({ originalEmail });
    expect(org.tasks).toMatchObject([{ Subject: `GDPR Request: ${originalEmail}` }]);
  });

  it('keeps the subject within what Salesforce takes', async () => {
    const originalEmail = `${'a'.repeat(242)}@example.com`;
    const org = playSalesforce({ leads: { [originalEmail]: ['00Q1'] } });
    await salesforce()({ originalEmail });
    expect(org.tasks[0]?.['Subject']).toHaveLength(255);
  });

  it('logs in once for many, and once more when the session has ended', async () => {
    const org = playSalesforce();
    const retire = salesforce();
    await Promise.all([retire(), retire(), retire()]);
    expect(org.sessions).toBe(1);
    org.endedSessions = 1;
    expect(await retire()).toMatchObject({ kind: 'nothing-to-erase' });
    expect(org.sessions).toBe(2);
  });

  it('fails for good where the assignee does not exist, naming the key to correct', async () => {
    playSalesforce({ leads: { 'ada@example.com': ['00Q1'] } });
    const { exchange, message } = await failureOf(salesforce({ assignee: 'gone@acme.example' })());
    expect(exchange.transient).toBe(false);
    expect(message).toContain('salesforce_assignee');
    expect(message).not.toContain('gone@');
  });

  it.each([
    { fault: 'INVALID_LOGIN', transient: false },
    { fault: 'LOGIN_MUST_USE_SECURITY_TOKEN', transient: false },
    { fault: 'SERVER_UNAVAILABLE', transient: true },
  ])('judges the login fault $fault by its code, not by its 500', async ({ fault, transient }) => {
    const body = `<s:Envelope xmlns:s="s"><s:Body><s:Fault><faultcode>sf:${fault}</faultcode></s:Fault></s:Body></s:Envelope>`;
    server.behave(() => ({ status: 500, headers: { 'content-type': 'text/xml' }, body }));
    expect((await failureOf(salesforce()())).exchange).toMatchObject({ status: 500, transient });
  });

  it('keeps no part of a session that it cannot use', async () => {
    const body = '<x><serverUrl>ftp://elsewhere/</serverUrl><sessionId>session-1</sessionId></x>';
    server.behave(() => ({ status: 200, headers: { 'content-type': 'text/xml' }, body }));
    const { exchange } = await failureOf(salesforce()());
    expect(exchange).toMatchObject({ what: 'answered 200 without a usable session', transient: false });
    expect(exchange.body).toBeUndefined();
  });

  it.each([{}, { records: 'none' }, { records: [{}] }, null])(
    'fails for good on the records %j',
    async (body) => {
      server.behave(({ path }) =>
        path.startsWith('/services/Soap') ? loginAnswer(1) : { status: 200, body: JSON.stringify(body) },
      );
      const { exchange } = await failureOf(salesforce()());
      expect(exchange).toMatchObject({ what: 'answered 200 without records', transient: false });
      expect(exchange.route).toBe('/services/data/v59.0/query/?q={soql}');
    },
  );

  it('fails for good when the task was not made', async () => {
    server.behave((received) => {
      if (received.path.startsWith('/services/Soap')) return loginAnswer(1);
      if (received.verb === 'POST')
        return { status: 201, body: { id: '00T1', success: false, errors: ['no'] } };
      return { status: 200, body: { records: received.path.includes('Task') ? [] : [{ Id: '00Q1' }] } };
    });
    const { exchange } = await failureOf(salesforce()());
    expect(exchange).toMatchObject({ what: 'answered 201 without having made the task', transient: false });
  });
});
