import { cancellationSignal } from '@temporalio/activity';
import { readPartnerRow } from '../../../domain/retirement/partner-report.ts';
import { ServiceFailure } from '../../../platform/failure.ts';
import { beating } from '../../heartbeat.ts';
import type { RetirementDependencies } from '../dependencies.ts';
import { translating } from '../failing.ts';
import { callingRun } from '../claiming/claiming.ts';
import { recoverLostAnswers } from './recovering.ts';
import { insertBatch, insertRequest, recordAnswer, recordRefusal } from './store.ts';

/**
 * Asks the LMS once for the learners whose partners are to hear of the erasure, and keeps the whole answer before anything else:
 * the LMS gives each row away but once. That it is about to be asked is written down first, so that an answer which never
 * came is known and made up for before the next question. Safe to run twice for that reason. Throws `ServiceUnavailable`.
 */
export function createAskForPartnerReport(
  dependencies: RetirementDependencies,
): () => Promise<{ readonly kept: number }> {
  return () =>
    beating(async () => {
      await recoverLostAnswers(dependencies);
      return { kept: await ask(dependencies) };
    });
}

async function ask({ database, platform }: RetirementDependencies): Promise<number> {
  const { partnerReports } = await platform.lastValid();
  const { runId } = callingRun();
  const requestId = await insertRequest(database, { reportDate: localDate(new Date()), runId });
  const answer = await translating(async () => {
    try {
      return await partnerReports.take(cancellationSignal());
    } catch (error) {
      if (error instanceof ServiceFailure && didNothing(error)) await recordRefusal(database, requestId);
      throw error;
    }
  });
  const rows = answer.flatMap((content) => {
    const row = readPartnerRow(content);
    return row === undefined ? [] : [{ userId: row.userId, content: JSON.stringify(content) }];
  });
  return database.transaction(async (transaction) => {
    await recordAnswer(transaction, { requestId, unreadable: answer.length - rows.length });
    return insertBatch(transaction, { requestId, rows, recovered: false });
  });
}

function didNothing({ exchange: { status = 0 } }: ServiceFailure): boolean {
  return status >= 400 && status < 500;
}

/** YYYY-MM-DD where the worker is, as the original names its files. */
function localDate(now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
