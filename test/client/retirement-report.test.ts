import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setPartnerStage, TAKE, type PartnerStage } from '../support/partner-report.ts';
import { complaints, environmentOf, registrar, type Ran } from './command-line.ts';

let stage: PartnerStage;
beforeAll(async () => {
  stage = await setPartnerStage();
  await stage.startWorker();
});
beforeEach(() => stage.reset());
afterAll(() => stage.close());

const report = (...argv: readonly string[]): Promise<Ran> =>
  registrar(['retirement', 'report', ...argv], { env: environmentOf(stage) });

describe('retirement report', () => {
  it('prints the files and counts, and names nobody', async () => {
    await stage.retire([
      { username: 'cli.one', orgs: ['AcmeX', 'BorealisX'] },
      { username: 'cli.two', orgs: ['AcmeX'] },
    ]);
    const ran = await report();
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    const lines = ran.stdout.trim().split('\n');
    expect(lines[0]).toMatch(/^PARTNER\s+LEARNERS\s+FILE$/);
    expect(lines[1]).toMatch(/^Acme\s+2\s+user_retirement_edge_Acme_[\d-]+\.csv$/);
    expect(lines.slice(2).map((line) => line.split(/\s+/)[0])).toEqual(['Borealis', 'North', '2']);
    expect(lines.at(-1)).toBe('2 reported in 3 files');
    expect(ran.stdout).not.toContain('cli.');
  });

  it('says with --json the same as one document', async () => {
    await stage.retire([{ username: 'cli.json', orgs: ['AcmeX'] }]);
    expect((await report('--json')).json()).toMatchObject({
      learners: 1,
      files: [{ partner: 'Acme', learners: 1, name: expect.stringContaining('_Acme_') as string }],
      left: 0,
    });
  });

  it(
    'fails in a line when the bucket cannot be reached, after a few tries',
    { timeout: 60_000 },
    async () => {
      stage.configureReport({
        partner_reports: {
          destination: 's3://nobody/here',
          endpoint: 'http://127.0.0.1:9',
          access_key_id: 'nobody',
          secret_access_key: 'nobody-secret',
        },
      });
      const ran = await report();
      expect(ran).toMatchObject({ status: 1, stdout: '' });
      expect(complaints(ran)).toEqual([
        expect.stringMatching(
          /^registrar: s3:\/\/nobody\/here: .* got no answer \(ECONNREFUSED\): check that/,
        ),
      ]);
    },
  );

  it('says what became of an answer that was lost', async () => {
    await stage.retire([{ username: 'cli.lost', orgs: ['AcmeX'] }]);
    await stage.fault({ method: 'POST', path: TAKE, drop: 'after', times: 1 });
    const ran = await report();
    expect(ran.status).toBe(0);
    expect(ran.stdout).toContain(
      "the LMS's answer was lost once: 1 rows were put together again from our own",
    );
  });

  it('exits 1 with the reason in a line when an organisation has no partner', async () => {
    await stage.retire([{ username: 'cli.unknown', orgs: ['OmegaX'] }]);
    const ran = await report();
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(complaints(ran)).toEqual([
      expect.stringContaining('org_partner_mapping has no partner for OmegaX'),
    ]);
  });

  it('joins the report that somebody else asked for', async () => {
    stage.configureReport({ org_partner_mapping: { AcmeX: ['Acme'], BorealisX: ['B'], OmegaX: ['Omega'] } });
    await stage.retire([{ username: 'cli.joined', orgs: ['AcmeX'] }]);
    await stage.fault({ method: 'POST', path: TAKE, delay_ms: 5_000, times: 1 });
    const both = await Promise.all([report('--json'), report('--json')]);
    expect(both.map(({ status }) => status)).toEqual([0, 0]);
    expect(both[0]?.json()).toEqual(both[1]?.json());
  });
});
