import type { ArchiveSettings } from '../../../config/configuration.ts';
import { archivedBefore } from '../../../domain/retirement/archive.ts';
import { COMPLETE } from '../../../domain/retirement/states.ts';
import type { RetirementStatus } from '../../../platform/lms/status.ts';
import { permanent } from '../../failures.ts';
import { translating } from '../failing.ts';
import { queueStatesOf } from '../partner-report/settings.ts';
import type { Platform } from '../platform.ts';
import type { ReportDoubt } from './holding-store.ts';

/** Where and how to archive. Throws `ConfigurationInvalid` when the file does not say. */
export function requireArchive({ configuration }: Platform): ArchiveSettings {
  const { archive } = configuration.registrar;
  if (archive !== undefined) return archive;
  throw permanent(
    'ConfigurationInvalid',
    'the configuration has no registrar.archive: set registrar.archive.destination to a folder or to s3://bucket/prefix',
  );
}

/** Learners whom the LMS has as COMPLETE and who asked before `before`. */
export async function listCompleteInLms(
  { queue }: Platform,
  { afterDays }: ArchiveSettings,
  before: Date,
): Promise<readonly RetirementStatus[]> {
  // The LMS counts whole days.
  const answer = await translating(() => queue.list([COMPLETE], { coolOffDays: Math.floor(afterDays) }));
  if (answer.kind === 'refused')
    throw permanent('ConfigurationInvalid', 'the LMS does not know the state COMPLETE');
  const old = answer.learners.filter(({ requestedAt }) => requestedAt < before);
  return [...new Map(old.map((status) => [status.userId, status])).values()];
}

export function makesPartnerReports({ configuration }: Platform): boolean {
  return configuration.registrar.partnerReports !== undefined;
}

/**
 * Whom a partner report may need yet: learners who ended one of these stages, none when no reports are made. A run settles requests
 * before `settlingBefore` first, so that a mere count leaves them out.
 */
export function doubtOf(connected: Platform, settlingBefore: Date | null = null): ReportDoubt {
  const queueStates = makesPartnerReports(connected) ? queueStatesOf(connected.configuration.pipeline) : [];
  return { queueStates, settlingBefore };
}

export function cutoffOf({ afterDays }: ArchiveSettings): Date {
  return archivedBefore(new Date(), afterDays);
}
