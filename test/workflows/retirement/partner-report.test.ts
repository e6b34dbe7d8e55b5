import { utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createObjectStore } from '../../../platform/storage/index.ts';
import { startBucket } from '../../support/bucket.ts';
import type { SandboxLearner } from '../../support/retirement.ts';
import { CLEAN_UP, mapping, setPartnerStage, TAKE, type PartnerStage } from '../../support/partner-report.ts';

const HEADER = 'user_id,original_username,original_email,original_name,deletion_completed';

let stage: PartnerStage;
beforeAll(async () => {
  stage = await setPartnerStage();
  await stage.startWorker();
});
beforeEach(() => stage.reset());
afterAll(() => stage.close());

async function retireOne(username: string, orgs: readonly string[]): Promise<SandboxLearner> {
  const [learner] = await stage.retire([{ username, orgs }]);
  if (learner === undefined) throw new Error('nobody was retired');
  return learner;
}

async function requests(route: string): Promise<number> {
  const counts = (await stage.control('GET', '/_sandbox/requests')) as Readonly<Record<string, number>>;
  return counts[`POST ${route}`] ?? 0;
}

/** A learner whom another driver put into the partners' queue: nothing of them is in our database. */
async function queuedElsewhere(username: string, orgs: readonly string[]): Promise<SandboxLearner> {
  const [learner] = await stage.ask([{ username, orgs }]);
  if (learner === undefined) throw new Error('the sandbox created nobody');
  const move = (new_state: string) =>
    stage.asService('PATCH', '/api/user/v1/accounts/update_retirement_status/', {
      username,
      new_state,
      response: 'the other driver',
      force: true,
    });
  await move('ADDING_TO_PARTNER_QUEUE');
  await stage.asService('PUT', TAKE, { username });
  // So that no collection adopts them.
  await move('COMPLETE');
  return learner;
}

const today = (): string => {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()]
    .map((part) => String(part).padStart(2, '0'))
    .join('-');
};

describe('a partner report', () => {
  it('delivers one file a partner, a learner once in each, and has the LMS forget', async () => {
    const [one, two] = await stage.retire([
      { username: 'first.one', orgs: ['AcmeX', 'CumulusX'], name: 'Comma, "Quote"' },
      { username: 'first.two', orgs: ['BorealisX', 'AcmeX'] },
    ]);
    const date = today();
    expect(await stage.report()).toMatchObject({ learners: 2, files: 3, missing: 0, lost: 0, unreadable: 0 });
    const time = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
    const line = (learner: SandboxLearner | undefined, name: string) =>
      [learner?.user_id, learner?.username, learner?.email, name].join(',') + ',';
    const text = stage.read(`user_retirement_edge_Acme_${date}.csv`);
    const [header, first = '', second = '', end] = text.split('\r\n');
    expect([header, end]).toEqual([HEADER, '']);
    expect(first.startsWith(line(one, '"Comma, ""Quote"""'))).toBe(true);
    expect(second.startsWith(line(two, 'Name of first.two'))).toBe(true);
    expect(second.split(',').at(-1)).toMatch(time);
    expect(Object.entries(stage.files()).map(([name, lines]) => [name, lines.length])).toEqual([
      [`user_retirement_edge_Acme_${date}.csv`, 2],
      [`user_retirement_edge_Borealis_${date}.csv`, 1],
      [`user_retirement_edge_North_${date}.csv`, 1],
    ]);
    expect(await stage.held()).toEqual({});
    expect(await stage.keptRows()).toBe(0);
  });

  it('writes no file when nobody waits', async () => {
    expect(await stage.report()).toMatchObject({ batches: [], learners: 0, files: 0, lost: 0 });
    expect(stage.files()).toEqual({});
    expect(await requests(CLEAN_UP)).toBe(0);
  });

  it('leaves the file of an earlier report of the same day, and a file that somebody else put there', async () => {
    await retireOne('again.one', ['AcmeX']);
    await stage.report();
    const [first = ''] = Object.keys(stage.files());
    const before = stage.read(first);
    writeFileSync(path.join(stage.folder, first.replace('.csv', '_2.csv')), 'not ours');
    await retireOne('again.two', ['AcmeX']);
    await stage.report();
    expect(stage.read(first)).toBe(before);
    expect(stage.read(first.replace('.csv', '_2.csv'))).toBe('not ours');
    expect(stage.files()[first.replace('.csv', '_3.csv')]).toEqual([expect.stringContaining(',again.two,')]);
  });

  it('reports learners whom another driver put into the queue', async () => {
    await queuedElsewhere('elsewhere.one', ['AcmeX']);
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1 });
    expect(Object.values(stage.files()).flat()).toEqual([expect.stringContaining(',elsewhere.one,')]);
    expect(await stage.held()).toEqual({});
  });

  it('gives an organisation its own columns, in a file of their own', async () => {
    await retireOne('columns.default', ['AcmeX']);
    await stage.ask([{ username: 'columns.own', orgs: ['AcmeX'] }]);
    await stage.control('POST', '/_sandbox/partner-columns', {
      username: 'columns.own',
      orgs_config: [{ org: 'AcmeX', field_headings: ['student_id', 'original_email', 'nothing'] }],
      student_id: 'S,17',
    });
    await stage.retire([]);
    await stage.waitForQueued('columns.own');
    expect(await stage.report()).toMatchObject({ learners: 2, files: 2 });
    const [first = '', second = ''] = Object.keys(stage.files());
    const texts = [stage.read(first), stage.read(second)].toSorted();
    expect(texts[0]).toBe('student_id,original_email,nothing\r\n"S,17",columns.own@example.com,\r\n');
    expect(texts[1]).toContain(`${HEADER}\r\n`);
    expect([first, second].some((name) => name.endsWith('_2.csv') || name.endsWith('_5.csv'))).toBe(true);
  });

  it('has nothing of a person in its history, result or failures', async () => {
    const [learner] = await stage.retire([
      {
        username: 'Tainted_Name_77',
        email: 'tainted77@example.com',
        name: 'Tainted Person',
        orgs: ['AcmeX'],
      },
    ]);
    await stage.fault({ method: 'POST', path: CLEAN_UP, times: 1, drop: 'after' });
    await stage.report();
    const history = JSON.stringify(await stage.lastHistory());
    expect(history).toContain('cleanUpPartnerReport');
    const decoded = history.replace(/"data":"([^"]*)"/g, (_, data: string) =>
      Buffer.from(data, 'base64').toString('utf8'),
    );
    for (const text of [history, decoded]) expect(text).not.toMatch(/tainted/i);
    expect(learner?.user_id).toBeGreaterThan(0);
  });
});

describe('a bucket', () => {
  it('gets the same files, and loses the old ones', async () => {
    const bucket = await startBucket();
    const store = createObjectStore({ ...bucket.destination, prefix: 'gdpr/out' }, { timeoutMs: 10_000 });
    onTestFinished(async () => {
      await store.close();
      await bucket.close();
    });
    const { endpoint, credentials } = bucket.destination;
    stage.configureReport({
      partner_reports: {
        destination: 's3://reports/gdpr/out',
        endpoint,
        access_key_id: credentials?.accessKeyId,
        secret_access_key: credentials?.secretAccessKey,
        age_in_days: 1,
      },
    });
    await retireOne('bucket.one', ['AcmeX']);
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1, deleted: 0 });
    const name = `user_retirement_edge_Acme_${today()}.csv`;
    expect((await store.list('')).map(({ key }) => key)).toEqual([name]);
    expect(new TextDecoder().decode(await store.read(name))).toContain(',bucket.one,');
    expect(stage.files()).toEqual({});
  });

  it('that is missing stops the report before the LMS is asked', async () => {
    const bucket = await startBucket();
    onTestFinished(() => bucket.close());
    const { endpoint, credentials } = bucket.destination;
    stage.configureReport({
      partner_reports: {
        destination: 's3://missing',
        endpoint,
        access_key_id: credentials?.accessKeyId,
        secret_access_key: credentials?.secretAccessKey,
      },
    });
    expect(await stage.reportFailure()).toContain('404 (NoSuchBucket): create the bucket');
    expect(await requests(TAKE)).toBe(0);
  });
});

describe('before the LMS is asked', () => {
  it.each([
    ['org_partner_mapping', { org_partner_mapping: undefined }],
    ['partner_report_platform_name', { partner_report_platform_name: undefined }],
    ['registrar.partner_reports.destination', { partner_reports: undefined }],
    ['has a slash', { org_partner_mapping: { ...mapping, DeltaX: ['A/B'] } }],
    ['control character', { partner_report_platform_name: 'a\tb' }],
  ])('a configuration without what it takes stops the report: %s', async (key, keys) => {
    stage.configureReport(keys);
    expect(await stage.reportFailure()).toContain(key);
    expect(await requests(TAKE)).toBe(0);
  });

  it('a destination that cannot be written to stops the report', async () => {
    const file = path.join(stage.folder, 'a-file');
    writeFileSync(file, '');
    stage.configureReport({ partner_reports: { destination: file } });
    expect(await stage.reportFailure()).toContain('there is a file where a folder belongs');
    expect(await requests(TAKE)).toBe(0);
  });

  it('organisations without a partner stop the report and are named, and it goes on once they have one', async () => {
    await retireOne('unknown.org', ['ZetaX', 'AcmeX', 'EtaX']);
    const failure = await stage.reportFailure();
    expect(failure).toContain('org_partner_mapping has no partner for EtaX, ZetaX');
    expect(await requests(TAKE)).toBe(0);
    stage.configureReport({ org_partner_mapping: { ...mapping, ZetaX: ['Zeta'], EtaX: ['Zeta'] } });
    expect(await stage.report()).toMatchObject({ learners: 1, files: 2 });
    expect(await stage.held()).toEqual({});
  });

  it('compares organisations in NFKC', async () => {
    await retireOne('nfkc.org', ['ﬁrstX']);
    stage.configureReport({ org_partner_mapping: { ...mapping, firstX: ['First'] } });
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1 });
  });
});

describe('an answer that names an organisation nobody could know of', () => {
  it('is kept, and delivered once the organisation has a partner, without asking for it again', async () => {
    const learner = await queuedElsewhere('surprise.one', ['ThetaX']);
    expect(await stage.reportFailure()).toContain('no partner for ThetaX: what the LMS answered is kept');
    expect(await stage.held()).toEqual({ [learner.user_id]: true });
    expect(await stage.keptRows()).toBe(1);

    expect(await stage.reportFailure()).toContain('no partner for ThetaX: the LMS was not asked');
    expect(await requests(TAKE)).toBe(1);

    stage.configureReport({ org_partner_mapping: { ...mapping, ThetaX: ['Theta'] } });
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1, lost: 0 });
    expect(Object.values(stage.files()).flat()).toEqual([expect.stringContaining(',surprise.one,')]);
    expect(await stage.held()).toEqual({});
  });
});

describe('an answer that never comes', () => {
  it('is put together again from our own rows, when the LMS had done it', async () => {
    const learner = await retireOne('lost.after', ['AcmeX', 'BorealisX']);
    const { stageOutcomes } = await stage.row(learner.user_id);
    await stage.fault({ method: 'POST', path: TAKE, drop: 'after', times: 1 });
    expect(await stage.report()).toMatchObject({ learners: 1, files: 3, recovered: 1, lost: 1, left: 0 });
    const expected = [
      learner.user_id,
      learner.username,
      learner.email,
      learner.name,
      stageOutcomes['PARTNER_QUEUE_COMPLETE']?.at,
    ].join(',');
    expect(Object.values(stage.files())).toEqual([[expected], [expected], [expected]]);
    expect(await stage.held()).toEqual({});
  });

  it('is asked for again, when the LMS had not', async () => {
    await retireOne('lost.before', ['AcmeX']);
    await stage.fault({ method: 'POST', path: TAKE, drop: 'before', times: 1 });
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1, recovered: 0, lost: 1 });
    expect(await stage.held()).toEqual({});
  });

  it('may be one in HTML, or a 502 after the work was done', async () => {
    for (const [index, fault] of [{ status: 200, body: '<html>busy</html>' }, { status: 502 }].entries()) {
      const learner = await retireOne(`lost.proxy-${index}`, ['AcmeX']);
      await stage.asService('POST', TAKE, {});
      await stage.fault({ method: 'POST', path: TAKE, times: 1, ...fault });
      expect(await stage.report()).toMatchObject({ learners: 1, recovered: 1 });
      expect(await stage.held()).toEqual({});
      expect(JSON.stringify(stage.files())).toContain(learner.username);
    }
  });

  it('leaves those whose organisations nobody knows, and says who they are', async () => {
    // Left the course before, so that the LMS names no organisation to us and still reports it to partners.
    const [learner] = await stage.ask([{ username: 'lost.unknown', orgs: ['AcmeX'] }]);
    await stage.database.query(
      `update sandbox_lms.enrolments set is_active = false where user_id = $1::bigint`,
      [learner?.user_id],
    );
    await stage.retire([]);
    await stage.waitForQueued('lost.unknown');
    await stage.fault({ method: 'POST', path: TAKE, drop: 'after', times: 1 });
    expect(await stage.report()).toMatchObject({ learners: 0, left: 1, leftUserIds: [learner?.user_id] });
    expect(await stage.held()).toEqual({ [learner?.user_id ?? 0]: true });
    // The remedy: the LMS's admin resets the row.
    await stage.database.query(`update sandbox_lms.partner_reports set is_being_processed = false`);
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1 });
    expect(await stage.held()).toEqual({});
  });

  it('is looked into once more by the next run, for an LMS that was still at it', async () => {
    const learner = await retireOne('lost.late', ['AcmeX']);
    await stage.fault({ method: 'POST', path: TAKE, drop: 'before', times: 1 });
    await stage.fault({ method: 'POST', path: TAKE, status: 200, body: [], times: 1 });
    expect(await stage.report()).toMatchObject({ learners: 0, lost: 1 });
    // The first request reaches the LMS only now.
    await stage.asService('POST', TAKE, {});
    expect(await stage.held()).toEqual({ [learner.user_id]: true });
    expect(await stage.report()).toMatchObject({ learners: 1, recovered: 1 });
    expect(await stage.held()).toEqual({});
  });

  it('is no refusal: after a 403 the report fails and nothing is looked for', async () => {
    await retireOne('refused.one', ['AcmeX']);
    await stage.fault({ method: 'POST', path: TAKE, status: 403, times: 1 });
    expect(await stage.reportFailure()).toContain('answered 403');
    await stage.control('DELETE', '/_sandbox/requests');
    expect(await stage.report()).toMatchObject({ learners: 1, lost: 0 });
    expect(await requests(CLEAN_UP)).toBe(1);
  });
});

describe('the clean-up', () => {
  it('takes rows that the LMS has forgotten already for done', async () => {
    const [one] = await stage.retire([
      { username: 'clean.one', orgs: ['AcmeX'] },
      { username: 'clean.two', orgs: ['AcmeX'] },
    ]);
    await stage.fault({ method: 'POST', path: CLEAN_UP, status: 403, times: 1 });
    await stage.reportFailure();
    await stage.asService('POST', CLEAN_UP, [{ original_username: one?.username }]);
    expect(await stage.report()).toMatchObject({ learners: 2, missing: 1 });
    expect(await stage.held()).toEqual({});
    expect(await stage.keptRows()).toBe(0);
  });

  it.each(['before', 'after'] as const)('may lose its answer: %s', async (drop) => {
    await retireOne(`clean.drop-${drop}`, ['AcmeX']);
    await stage.fault({ method: 'POST', path: CLEAN_UP, drop, times: 1 });
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1 });
    expect(await stage.held()).toEqual({});
  });
});

describe('old reports', () => {
  it('are deleted, those of this platform alone, and younger ones stay', async () => {
    stage.configureReport({ partner_reports: { age_in_days: 10 } });
    const days = (count: number): Date => new Date(Date.now() - count * 86_400_000);
    for (const [name, age] of [
      ['user_retirement_edge_Acme_2026-01-01.csv', 11],
      ['user_retirement_edge_Acme_2026-02-02.csv', 9],
      ['user_retirement_edge_Acme_2026-01-01.txt', 11],
      ['user_retirement_edges_Acme_2026-01-01.csv', 11],
      ['user_retirement_edge_eu_Acme_2026-01-01.csv', 11],
      ['notes.csv', 11],
    ] as const) {
      const file = path.join(stage.folder, name);
      writeFileSync(file, 'a report');
      utimesSync(file, days(age), days(age));
    }
    expect(await stage.report()).toMatchObject({ deleted: 1 });
    expect(Object.keys(stage.files())).toEqual([
      'notes.csv',
      'user_retirement_edge_Acme_2026-01-01.txt',
      'user_retirement_edge_Acme_2026-02-02.csv',
      'user_retirement_edge_eu_Acme_2026-01-01.csv',
      'user_retirement_edges_Acme_2026-01-01.csv',
    ]);
  });
});

describe('an old report to a partner who is none any longer', () => {
  it('is deleted too, when we delivered it', async () => {
    stage.configureReport({ org_partner_mapping: { AcmeX: ['Former'] } });
    await retireOne('former.one', ['AcmeX']);
    await stage.report();
    const [name = ''] = Object.keys(stage.files());
    const old = new Date(Date.now() - 11 * 86_400_000);
    utimesSync(path.join(stage.folder, name), old, old);
    stage.configureReport({ partner_reports: { age_in_days: 10 } });
    expect(await stage.report()).toMatchObject({ deleted: 1 });
    expect(stage.files()).toEqual({});
  });
});

describe('a partner who is taken out of the mapping before anything is confirmed', () => {
  it('loses the file that was written, and its name is free again', async () => {
    stage.configureReport({ org_partner_mapping: { AcmeX: ['Acme', 'Zero'] } });
    await retireOne('taken-out.one', ['AcmeX']);
    await stage.fault({ method: 'POST', path: CLEAN_UP, status: 403, times: 1 });
    await stage.reportFailure();
    // As if the attempt had died after it wrote the second file, and before it noted that.
    await stage.database.query('update partner_report_batches set delivered_at = null');
    await stage.database.query("update partner_report_files set delivered_at = null where partner = 'Zero'");
    stage.configureReport({ org_partner_mapping: { AcmeX: ['Acme'] } });
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1 });
    expect(Object.keys(stage.files())).toEqual([`user_retirement_edge_Acme_${today()}.csv`]);
  });
});

describe('two reports at once', () => {
  it('take turns', async () => {
    await retireOne('turns.one', ['AcmeX']);
    await stage.fault({ method: 'POST', path: TAKE, delay_ms: 5_000, times: 1 });
    const results = await Promise.all([stage.report(), stage.report()]);
    expect(results.map(({ learners }) => learners).toSorted()).toEqual([0, 1]);
    expect(results.map(({ lost }) => lost)).toEqual([0, 0]);
    expect(await stage.held()).toEqual({});
  });

  it('do not wait for one that was terminated', async () => {
    await retireOne('turns.two', ['AcmeX']);
    await stage.fault({ method: 'POST', path: TAKE, status: 503 });
    await stage.abandonReport();
    await stage.clearFaults();
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1 });
    expect(await stage.held()).toEqual({});
  });
});
