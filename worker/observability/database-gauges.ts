import { Gauge, Registry } from 'prom-client';
import type { ConfigurationSource } from '../../config/watch.ts';
import type { Queryable } from '../../db/database.ts';
import { keptFor } from './kept.ts';
import { oneDatabaseFacts, type DatabaseFacts, type FactsAsked } from './store.ts';

/** However often somebody scrapes, the database is asked no sooner than this. */
const KEPT_FOR_MS = 15_000;

/** Until a valid file has been read. */
const DEFAULT_WARNING_DAYS = 5;

/** States that are always shown: a rule about a state without learners would otherwise have nothing to look at. */
const ALWAYS = ['PENDING', 'ERRORED', 'COMPLETE', 'ABORTED'];

export interface DatabaseGauges {
  /** Prometheus' text format; nothing of the database while it does not answer, so that no old number looks like a new one. */
  text(): Promise<string>;
}

/**
 * What the database says of both jobs, as gauges. Every worker says the same: whoever adds up workers counts twice.
 */
export function createDatabaseGauges(
  db: Queryable,
  configuration: ConfigurationSource,
  nowMs: () => number = Date.now,
): DatabaseGauges {
  let asked: FactsAsked = { deadlineWarningDays: DEFAULT_WARNING_DAYS, archiveAfterDays: undefined };
  const read = async (): Promise<string> => {
    const loaded = await configuration.current();
    if (loaded.kind === 'valid') {
      const { deadlineWarningDays, archive } = loaded.configuration.registrar;
      asked = { deadlineWarningDays, archiveAfterDays: archive?.afterDays };
    }
    return render(await oneDatabaseFacts(db, asked));
  };
  // That the database does not answer is told by the readiness and the log.
  return { text: keptFor(KEPT_FOR_MS, () => read().catch(() => ''), nowMs) };
}

function render(facts: DatabaseFacts): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, value: number | null): void => {
    if (value !== null) new Gauge({ name, help, registers }).set(value);
  };

  const learners = new Gauge({
    name: 'registrar_learners',
    help: 'Learners by state',
    labelNames: ['state'] as const,
    registers,
  });
  for (const state of ALWAYS) learners.set({ state }, 0);
  for (const [state, count] of Object.entries(facts.learners)) learners.set({ state }, count);
  gauge(
    'registrar_oldest_open_retirement_seconds',
    'Time since the oldest request for erasure that is not at its end; 0 without any',
    facts.oldestOpenSeconds ?? 0,
  );
  gauge(
    'registrar_longest_errored_seconds',
    'Time since the last change of the learner who is ERRORED longest; 0 without any',
    facts.longestErroredSeconds ?? 0,
  );
  gauge('registrar_overdue_retirements', 'Open retirements past their due date', facts.overdue);
  gauge(
    'registrar_approaching_retirements',
    'Open retirements whose due date is near, by deadline_warning_days',
    facts.approaching,
  );
  gauge('registrar_receipts', 'Erasure receipts in the database', facts.receipts);
  gauge(
    'registrar_receipt_chain_last_sequence',
    'Place of the last receipt in the chain',
    facts.lastSequence,
  );
  gauge(
    'registrar_learners_waiting_for_archive',
    'COMPLETE learners past their waiting time who are in no archive; absent where none is set up',
    facts.waitingForArchive,
  );
  gauge(
    'registrar_partner_report_rows',
    'Rows of partner reports that the LMS gave away and that are not cleaned up',
    facts.partnerRows,
  );
  gauge('registrar_courses', 'Courses', facts.courses);
  const marked = new Gauge({
    name: 'registrar_marked_slices',
    help: 'Slices whose numbers are stale, by what they need: rebuild counts all, fetch those that a wiki is asked for',
    labelNames: ['needs'] as const,
    registers,
  });
  marked.set({ needs: 'rebuild' }, facts.markedForRebuild);
  marked.set({ needs: 'fetch' }, facts.markedForFetch);
  gauge(
    'registrar_oldest_course_update_seconds',
    'Time since the last update of the course in session that waits longest; 0 without any',
    facts.oldestUpdateSeconds ?? 0,
  );
  gauge('registrar_courses_never_updated', 'Courses in session that were never updated', facts.neverUpdated);
  const left = new Gauge({
    name: 'registrar_wiki_left_courses',
    help: 'Courses whose last update left this wiki because it failed',
    labelNames: ['wiki'] as const,
    registers,
  });
  for (const [apiUrl, courses] of Object.entries(facts.left)) left.inc({ wiki: hostOf(apiUrl) }, courses);
  return registry.metrics();
}

function hostOf(apiUrl: string): string {
  return URL.canParse(apiUrl) ? new URL(apiUrl).host : apiUrl;
}
