import { cancellationSignal } from '@temporalio/activity';
import type { Database, Queryable } from '../../../db/database.ts';
import { namedOrganisations } from '../../../domain/retirement/partner-report.ts';
import { translating } from '../failing.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import type { Platform } from '../platform.ts';
import { callingRun } from '../claiming/claiming.ts';
import { queueStatesOf } from './settings.ts';
import { listCandidates, type Candidate } from './learner-store.ts';
import { findLatestRequest, listLostRequests, recordLost, type LostRequest } from './lost-store.ts';
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
  if (lost.length === 0) return;
  const settledBefore = longAgo();
  const found = await lookForGiven(database, await platform.lastValid());
  await database.transaction((transaction) => keep(transaction, { lost, settledBefore, ...found }));
}

/**
 * The same look, for the archive, which deletes the rows that everything is made up from: at requests so old that nothing of them
 * can be under way. Changes nothing while a younger one is open, or when one was made meanwhile, whose rows would be taken for
 * those of the old; nor settles what leaves somebody to be named, which a report does. Safe to run twice, as the other.
 */
export async function settleOldRequests(database: Database, connected: Platform): Promise<void> {
  const lost = await listLostRequests(database);
  const settledBefore = longAgo();
  if (lost.length === 0 || lost.some(({ askedAt }) => askedAt >= settledBefore)) return;
  const latest = await findLatestRequest(database);
  const found = await lookForGiven(database, connected);
  await database.transaction(async (transaction) => {
    if ((await findLatestRequest(transaction)) !== latest) return;
    if (found.left.length > 0) await keepRows(transaction, lost, found.groupable);
    else await keep(transaction, { lost, settledBefore, ...found });
  });
}

/** Requests before this instant have changed what they will. */
export function longAgo(): Date {
  return new Date(Date.now() - LONGEST_REQUEST_MS);
}

/** Learners of ours whom the LMS has given away, and of whom nothing is kept. */
interface Given {
  readonly groupable: readonly Candidate[];
  /** Without a known organisation. */
  readonly left: readonly Candidate[];
}

async function lookForGiven(database: Database, { configuration, partnerReports }: Platform): Promise<Given> {
  const candidates = await listCandidates(database, queueStatesOf(configuration.pipeline));
  const names = candidates.map((candidate) => candidate.originalUsername);
  const processed = new Set(
    await translating(() => partnerReports.listProcessed(names, cancellationSignal())),
  );
  const given = candidates.filter((candidate) => processed.has(candidate.originalUsername));
  return { groupable: given.filter(isGroupable), left: given.filter((learner) => !isGroupable(learner)) };
}

/** In a transaction. */
async function keep(
  db: Queryable,
  look: Given & { readonly lost: readonly LostRequest[]; readonly settledBefore: Date },
): Promise<void> {
  await keepRows(db, look.lost, look.groupable);
  await recordLost(db, {
    requestIds: look.lost.map((request) => request.id),
    settledBefore: look.settledBefore,
    leftUserIds: look.left.map((candidate) => candidate.userId),
    runId: callingRun().runId,
  });
}

async function keepRows(
  db: Queryable,
  lost: readonly LostRequest[],
  learners: readonly Candidate[],
): Promise<void> {
  const last = lost.at(-1);
  if (last === undefined) return;
  const rows = learners.map((candidate) => rowOf(candidate, last.askedAt));
  await insertBatch(db, { requestId: last.id, rows, recovered: true });
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
