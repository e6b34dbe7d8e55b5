import { cancellationSignal } from '@temporalio/activity';
import { namedOrganisations } from '../../../domain/retirement/partner-report.ts';
import { translating } from '../failing.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { callingRun } from './claiming.ts';
import { requireSettings } from './settings.ts';
import { listCandidates, type Candidate } from './learner-store.ts';
import { listLostRequests, recordLost } from './lost-store.ts';
import { insertBatch, type KeptRow } from './store.ts';

/** No LMS works on one request for so long: what a request older than this has changed can be seen. */
const LONGEST_REQUEST_MS = 3_600_000;

/**
 * Puts together again what the LMS gave away with an answer that never came. It cannot be asked for those rows a second time, but
 * it can be asked, without changing anything, which of our learners it has given away; their rows are made from ours, with the
 * organisations that the LMS named when they were unenrolled. Learners without a known organisation are left, and named by
 * their LMS user ids; rows that another driver put into the LMS's queue are unknown here. A request is looked into once more
 * by the next run, in case the LMS was still at it. Safe to run twice: learners who are kept already are left out.
 */
export async function recoverLostAnswers({ database, platform }: RetirementDependencies): Promise<void> {
  const lost = await listLostRequests(database);
  const last = lost.at(-1);
  if (last === undefined) return;
  const lookedAt = Date.now();
  const { configuration, partnerReports } = await platform.lastValid();
  const candidates = await listCandidates(database, requireSettings(configuration).queueStates);
  const names = candidates.map((candidate) => candidate.originalUsername);
  const processed = new Set(
    await translating(() => partnerReports.listProcessed(names, cancellationSignal())),
  );
  const given = candidates.filter((candidate) => processed.has(candidate.originalUsername));
  const [groupable, left] = [given.filter(isGroupable), given.filter((learner) => !isGroupable(learner))];
  await database.transaction(async (transaction) => {
    const rows = groupable.map((candidate) => rowOf(candidate, last.askedAt));
    await insertBatch(transaction, { requestId: last.id, rows, recovered: true });
    await recordLost(transaction, {
      requestIds: lost.map((request) => request.id),
      settledBefore: new Date(lookedAt - LONGEST_REQUEST_MS),
      leftUserIds: left.map((candidate) => candidate.userId),
      runId: callingRun().runId,
    });
  });
}

function isGroupable({ organisations }: Candidate): boolean {
  return namedOrganisations(organisations).length > 0;
}

/** In the words of the LMS's own answer. */
function rowOf(candidate: Candidate, askedAt: Date): KeptRow {
  const { userId, originalUsername, originalEmail, originalName, organisations, queuedAt } = candidate;
  const content = {
    user_id: userId,
    original_username: originalUsername,
    original_email: originalEmail,
    original_name: originalName,
    orgs: organisations,
    created: queuedAt ?? askedAt.toISOString(),
  };
  return { userId, content: JSON.stringify(content) };
}
