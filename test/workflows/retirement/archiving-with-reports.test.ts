import { rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  archive,
  countArchivable,
  GONE,
  makeArchiveFolder,
  retired,
  retiredElsewhere,
  whereabouts,
} from '../../support/archive.ts';
import { CLEAN_UP, setPartnerStage, TAKE, type PartnerStage } from '../../support/partner-report.ts';
import type { SandboxLearner } from '../../support/retirement.ts';

const CLEANUP = '/api/user/v1/accounts/retirement_cleanup/';
const IN_REPORT = 'in a partner report under way';
const MAYBE_LOST = 'maybe in an answer to a partner report that was lost';
const folder = makeArchiveFolder();
let stage: PartnerStage;

beforeAll(async () => {
  stage = await setPartnerStage();
  await stage.startWorker();
});
beforeEach(async () => {
  await stage.reset();
  configure();
});
afterAll(async () => {
  await stage.close();
  rmSync(folder.path, { recursive: true, force: true });
});

function configure({ reports = true }: { readonly reports?: boolean } = {}): void {
  stage.configure({
    root: { org_partner_mapping: { AcmeX: ['Acme'] }, partner_report_platform_name: 'edge' },
    registrar: {
      archive: { destination: folder.path },
      ...(reports ? { partner_reports: { destination: stage.folder } } : {}),
    },
  });
}

const member = (username: string) => ({ username, orgs: ['AcmeX'] });

/** Requests whose answer was lost count as so old from now on. */
async function ageRequests(interval: string): Promise<void> {
  await stage.database.query('update partner_report_requests set asked_at = asked_at - $1::interval', [
    interval,
  ]);
}

/** A batch whose file is written, and whose clean-up the LMS turned away. */
async function claimed(username: string): Promise<readonly SandboxLearner[]> {
  const learners = await retired(stage, [member(username)]);
  await stage.fault({ path: CLEANUP, status: 403, times: 1 });
  await expect(archive(stage)).rejects.toThrow();
  return learners;
}

/** A report that keeps rows of learners: the LMS has given them away and does not forget them. */
async function stopReport(): Promise<void> {
  await stage.fault({ method: 'POST', path: CLEAN_UP, status: 403, times: 1 });
  await stage.reportFailure();
  expect(await stage.keptRows()).toBeGreaterThan(0);
}

describe('a report that the LMS answered only when it was asked again', () => {
  it('holds nobody whom it reported', async () => {
    const learners = await retired(stage, [member('again-1'), { username: 'again-2' }]);
    await stage.fault({ method: 'POST', path: TAKE, status: 503, times: 1 });
    expect(await stage.report()).toMatchObject({ learners: 2, lost: 1 });
    expect(await archive(stage)).toMatchObject({ learners: 2, held: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE, GONE]);
  });
});

describe('a request whose answer may be lost', () => {
  it('holds those who were in the queue of partners, and nobody else, and says how many', async () => {
    const queued = await retired(stage, [member('queued')]);
    const others = await retiredElsewhere(stage, [{ username: 'never-queued-here' }]);
    await stage.fault({ method: 'POST', path: TAKE, status: 503 });
    await stage.abandonReport();
    await stage.clearFaults();
    const held = [{ because: MAYBE_LOST, learners: 1 }];
    expect(await countArchivable(stage)).toMatchObject({ learners: 1, held });
    expect(await archive(stage)).toMatchObject({ learners: 1, held, refused: [] });
    expect(await whereabouts(stage, folder, others)).toEqual([GONE]);
    expect(await whereabouts(stage, folder, queued)).toEqual([{ here: true, lms: 'COMPLETE', lines: 0 }]);
    expect(await stage.report()).toMatchObject({ learners: 1 });
    expect(await archive(stage)).toMatchObject({ learners: 1, held: [] });
    expect(await whereabouts(stage, folder, queued)).toEqual([GONE]);
  });

  it('holds nobody when reports are no longer made', async () => {
    const learners = await retired(stage, [member('no-reports')]);
    await stage.fault({ method: 'POST', path: TAKE, status: 503 });
    await stage.abandonReport();
    configure({ reports: false });
    expect(await archive(stage)).toMatchObject({ learners: 1, held: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });

  it('is looked into by the archive itself after an hour, which finds that nothing was given away', async () => {
    const learners = await retired(stage, [member('nothing-lost')]);
    await stage.fault({ method: 'POST', path: TAKE, drop: 'before' });
    await stage.abandonReport();
    await stage.clearFaults();
    await ageRequests('61 minutes');
    expect(await countArchivable(stage)).toMatchObject({ learners: 1, held: [] });
    expect(await archive(stage)).toMatchObject({ learners: 1, held: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
    // The row is still the LMS's to give away.
    expect(await stage.report()).toMatchObject({ learners: 1, lost: 0, recovered: 0 });
  });

  it('is looked into by the archive itself after an hour, which keeps what was given away', async () => {
    const learners = await retired(stage, [member('given-away')]);
    await stage.fault({ method: 'POST', path: TAKE, drop: 'before' });
    await stage.abandonReport();
    await stage.clearFaults();
    // The request reaches the LMS after all, and nobody hears its answer.
    await stage.asService('POST', TAKE, {});
    await ageRequests('61 minutes');
    expect(await archive(stage)).toMatchObject({
      learners: 0,
      held: [{ because: IN_REPORT, learners: 1 }],
    });
    expect(await stage.keptRows()).toBe(1);
    expect(await stage.report()).toMatchObject({ learners: 1, recovered: 1, files: 1 });
    expect(JSON.stringify(stage.files())).toContain(',given-away,');
    expect(await stage.held()).toEqual({});
    expect(await archive(stage)).toMatchObject({ learners: 1, held: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });

  it('stays unsettled when the archive finds somebody without a known organisation, whom a report names', async () => {
    // Left the course before, so that the LMS names no organisation to us and still reports it to partners.
    const learners = await stage.ask([member('of-nowhere')]);
    await stage.database.query(
      'update sandbox_lms.enrolments set is_active = false where user_id = $1::bigint',
      [learners[0]?.user_id],
    );
    await stage.retire([]);
    await stage.waitForQueued('of-nowhere');
    await stage.fault({ method: 'POST', path: TAKE, drop: 'before' });
    await stage.abandonReport();
    await stage.clearFaults();
    await stage.asService('POST', TAKE, {});
    await ageRequests('61 minutes');
    expect(await archive(stage)).toMatchObject({
      learners: 0,
      held: [{ because: MAYBE_LOST, learners: 1 }],
    });
    const userId = learners[0]?.user_id;
    expect(await stage.report()).toMatchObject({ left: 1, leftUserIds: [userId] });
    expect(await archive(stage)).toMatchObject({ learners: 1, held: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });
});

describe('a learner whom a partner report under way names', () => {
  it('is not claimed before it is over', async () => {
    const learners = await retired(stage, [member('reported')]);
    await stopReport();
    const held = [{ because: IN_REPORT, learners: 1 }];
    expect(await countArchivable(stage)).toMatchObject({ learners: 0, held });
    expect(await archive(stage)).toMatchObject({ learners: 0, held });
    await stage.report();
    expect(await archive(stage)).toMatchObject({ learners: 1, held: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });

  it('is cleaned up in the LMS only when it is over, though the file is written', async () => {
    const learners = await claimed('kept');
    await stopReport();
    expect(await archive(stage)).toMatchObject({
      learners: 1,
      cleaned: 0,
      forgotten: 0,
      refused: [{ userId: learners[0]?.user_id, because: IN_REPORT }],
      held: [],
    });
    expect(await whereabouts(stage, folder, learners)).toEqual([{ here: true, lms: 'COMPLETE', lines: 1 }]);
    expect(await stage.report()).toMatchObject({ learners: 1, files: 1 });
    expect(await archive(stage)).toMatchObject({ cleaned: 1, forgotten: 1, refused: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });

  it('is found again by the report after the answer was lost, though the file is written', async () => {
    const learners = await claimed('lost');
    await stage.fault({ method: 'POST', path: TAKE, status: 503 });
    await stage.abandonReport();
    await stage.clearFaults();
    await stage.asService('POST', TAKE, {});
    expect(await archive(stage)).toMatchObject({
      cleaned: 0,
      refused: [{ userId: learners[0]?.user_id, because: MAYBE_LOST }],
    });
    expect(await stage.report()).toMatchObject({ learners: 1, recovered: 1 });
    expect(await stage.held()).toEqual({});
    expect(await archive(stage)).toMatchObject({ cleaned: 1, forgotten: 1, refused: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });

  it('is not forgotten before it is over, though the LMS has given them up', async () => {
    const learners = await claimed('given-up');
    await stage.asService('POST', CLEANUP, { usernames: ['given-up'] });
    await stage.database.query(
      'update archived_retirements set lms_cleaned_at = now() where forgotten_at is null',
    );
    await stopReport();
    expect(await archive(stage)).toMatchObject({
      cleaned: 1,
      forgotten: 0,
      refused: [],
      held: [{ because: IN_REPORT, learners: 1 }],
    });
    expect(await whereabouts(stage, folder, learners)).toEqual([{ here: true, lms: null, lines: 1 }]);
    await stage.report();
    expect(await archive(stage)).toMatchObject({ cleaned: 1, forgotten: 1, held: [] });
    expect(await whereabouts(stage, folder, learners)).toEqual([GONE]);
  });
});
