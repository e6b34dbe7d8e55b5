import type { PartnerMapping } from '../../../domain/retirement/partner-report.ts';
import { readReports } from './delivered-files.ts';
import type { Invariant } from './scene.ts';
import { readStandings, type Standing } from './standings.ts';

const UNQUEUE = 'POST /api/user/v1/accounts/retirement_partner_report_cleanup/';

/**
 * Each time that a learner left the LMS's queue for partners, each of their partners was told once: in one row of one file. Whoever
 * is still in the queue is in no file for that.
 */
export const reportsOnce: Invariant = async (scene) => {
  const { partnerReport } = await scene.configuration();
  const reports = readReports(scene.deliveredFolder);
  return (await readStandings(scene)).flatMap((standing) =>
    troubleOf(standing, partnerReport.orgPartnerMapping, reports),
  );
};

function troubleOf(
  { learner, lms }: Standing,
  mapping: PartnerMapping,
  reports: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const left = lms.effects[UNQUEUE]?.effective ?? 0;
  const partners = new Set(learner.orgs.flatMap((org) => mapping[org] ?? []));
  const told = [...reports].flatMap(([file, rows]) =>
    rows.filter((row) => row.startsWith(`${learner.userId},`)).map(() => file),
  );
  const expected = left * partners.size;
  const wrong = [...partners].filter(
    (partner) => told.filter((file) => file.includes(`_${partner}_`)).length !== left,
  );
  if (told.length === expected && wrong.length === 0) return [];
  return [
    `LMS user ${learner.userId} left the queue ${left} times and is in ${told.length} rows of reports, ${expected} were to be` +
      `${wrong.length === 0 ? '' : `; wrong for ${wrong.join(', ')}`}`,
  ];
}
