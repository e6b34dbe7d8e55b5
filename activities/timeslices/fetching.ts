import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { Database } from '../../db/database.ts';
import { foldRevisions } from '../../domain/timeslices/facts.ts';
import type { Period, Slice } from '../../domain/timeslices/slices.ts';
import { wikiUsername } from '../../domain/timeslices/usernames.ts';
import { ServiceFailure } from '../../platform/failure.ts';
import type { Contribution, ContributionsAnswer, WikiClient } from '../../platform/wiki/client.ts';
import { isAbort, permanent, retryLater } from '../failures.ts';
import { beating } from '../heartbeat.ts';
import { listSlices, type CourseWiki } from './course-store.ts';
import type { WikiActivityDependencies } from './dependencies.ts';
import {
  keepPage,
  listAskedStudents,
  noteFailure,
  openFetch,
  refuseStudent,
  type AskedStudent,
  type FetchOrder,
  type OpenFetch,
} from './fetch-store.ts';
import { findBadName } from './bad-names.ts';
import { requireCourse, requireCourseWiki, wikiTakenOut } from './courses.ts';
import { countReferences, revisionOf } from './references.ts';
import { settleVanishedPages } from './vanished-pages.ts';
import type { Wikis } from './wiki-access.ts';
import { inWikiSlot } from './wiki-slots.ts';

export interface Fetched {
  readonly fetchId: number;
  readonly revisions: number;
}

/**
 * Walks through the wiki's pages of results for some students and one window, and keeps each page before it asks for the
 * next, in PostgreSQL: names, also those in a wiki's continuation, do not reach Temporal, and any attempt goes on after
 * the last page that was kept. Safe to run twice: a page is kept once, whoever asked for it.
 *
 * A wiki that wants to be left alone for a while is tried again after exactly that while. Throws a permanent
 * `WikiUnavailable` when it has failed for longer than the retry budget since its last page, or would when that while is over.
 */
export function createFetchContributions(
  dependencies: WikiActivityDependencies,
): (order: FetchOrder) => Promise<Fetched> {
  return (order) => beating((tell) => fetchContributions(dependencies, order, tell));
}

async function fetchContributions(
  { database, wikis: source }: WikiActivityDependencies,
  order: FetchOrder,
  tell: (details: unknown) => void,
): Promise<Fetched> {
  const wikis = await source.current();
  const fetch = await openFetch(database, order);
  await requireCourse(database, order.courseId);
  const wiki = await requireCourseWiki(database, order);
  const { period } = wiki;
  if (period === null) throw wikiTakenOut();
  const slices = await listSlices(database, order);
  const signal = cancellationSignal();
  return translating(database, { fetch, wiki, budgetMs: wikis.budgetMs }, () =>
    inWikiSlot(database, order.wikiId, () =>
      walk({ database, wikis, wiki, order, period, slices, signal, tell }, fetch),
    ),
  );
}

interface Walk {
  readonly database: Database;
  readonly wikis: Wikis;
  readonly wiki: CourseWiki;
  readonly order: FetchOrder;
  readonly period: Period;
  readonly slices: readonly Slice[];
  readonly signal: AbortSignal;
  readonly tell: (details: { readonly pages: number }) => void;
}

async function walk(given: Walk, begun: OpenFetch): Promise<Fetched> {
  const client = given.wikis.clientOf(given.wiki.apiUrl);
  let students = await listAskedStudents(given.database, given.order);
  let fetch = begun;
  while (!fetch.isComplete) {
    if (students.length === 0) {
      fetch = await keep(given, fetch, { contributions: [], continuation: undefined }, students);
      break;
    }
    const answer = await ask(client, given, students, fetch);
    if (answer.kind === 'bad-user') {
      students = await withoutBadName(client, given, students, answer.username);
      continue;
    }
    fetch = await keep(given, fetch, answer, students);
    given.tell({ pages: fetch.pages });
  }
  const { database, order, signal } = given;
  await settleVanishedPages(fetch.fetchId, { database, client, order, students, signal });
  return { fetchId: fetch.fetchId, revisions: fetch.revisions };
}

function ask(
  client: WikiClient,
  { order: { from, to }, signal }: Walk,
  students: readonly AskedStudent[],
  { continuation }: OpenFetch,
): Promise<ContributionsAnswer> {
  const usernames = students.map(({ username }) => username);
  return client.listContributions({ usernames, from, to, continuation, signal });
}

async function keep(
  { database, wikis, wiki, period, slices, signal }: Walk,
  fetch: OpenFetch,
  {
    contributions,
    continuation,
  }: Pick<ContributionsAnswer & { kind: 'page' }, 'contributions' | 'continuation'>,
  students: readonly AskedStudent[],
): Promise<OpenFetch> {
  const { counter, systemTags } = wikis;
  const references = await countReferences(contributions, { database, counter, wiki, systemTags, signal });
  const userIdOf = findUserIds(students);
  const pages = new Map(contributions.map(({ pageId, namespace, title }) => [pageId, { namespace, title }]));
  const facts = foldRevisions(
    contributions.map((contribution) =>
      revisionOf(contribution, userIdOf(contribution.username), references),
    ),
    { slices, period, system: systemTags },
  );
  const page = {
    fetchId: fetch.fetchId,
    after: fetch.pages,
    facts: facts.map((fact) => ({ ...fact, ...(pages.get(fact.pageId) ?? { namespace: 0, title: '' }) })),
    revisions: contributions.length,
    continuation,
  };
  const isKept = await database.transaction((transaction) => keepPage(transaction, page));
  if (!isKept) throw retryLater('Unexpected', 'another attempt has gone on with this walk');
  return {
    fetchId: fetch.fetchId,
    continuation,
    pages: fetch.pages + 1,
    revisions: fetch.revisions + contributions.length,
    isComplete: continuation === undefined,
  };
}

/** Whose contribution it is. Throws for a name that nobody asked about: adding up what is left would be wrong. */
function findUserIds(students: readonly AskedStudent[]): (username: Contribution['username']) => number {
  const byName = new Map(students.map(({ username, userId }) => [wikiUsername(username), userId]));
  return (username) => {
    const userId = byName.get(wikiUsername(username));
    if (userId !== undefined) return userId;
    throw permanent('WikiUnavailable', 'the wiki answered with edits of a user who was not asked for');
  };
}

/** Notes the one whose name the wiki refuses, and answers with the others. */
async function withoutBadName(
  client: WikiClient,
  { database, order, signal }: Walk,
  students: readonly AskedStudent[],
  named: string | undefined,
): Promise<readonly AskedStudent[]> {
  const bad =
    students.find(({ username }) => username === named) ??
    (await findBadName(students, { client, at: order.from, signal }));
  await refuseStudent(database, order, bad.userId);
  return students.filter(({ userId }) => userId !== bad.userId);
}

/** Puts a failure of the wiki, or of the reference counter, into Temporal's terms. */
async function translating<Result>(
  database: Database,
  given: { readonly fetch: OpenFetch; readonly wiki: CourseWiki; readonly budgetMs: number },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // On purpose, or called off.
    if (error instanceof ApplicationFailure || error instanceof CancelledFailure || isAbort(error))
      throw error;
    const failingMs = await noteFailure(database, given.fetch.fetchId);
    const { budgetMs } = given;
    if (error instanceof ServiceFailure) throw wikiFailure(error, { failingMs, budgetMs });
    // Something of ours is broken. It must not keep the other wikis of the course waiting for ever.
    if (failingMs < budgetMs) throw error;
    throw permanent('WikiUnavailable', 'its edits cannot be kept: the worker’s log says why');
  }
}

/** To be tried again, or to be left for the next update when the budget is spent, or would be after the wait asked for. */
export function wikiFailure(
  { message, exchange }: ServiceFailure,
  { failingMs, budgetMs }: { readonly failingMs: number; readonly budgetMs: number },
): Error {
  const delayMs = exchange.retryAfterMs;
  const isOver = !exchange.transient || failingMs + (delayMs ?? 0) >= budgetMs;
  return isOver ? permanent('WikiUnavailable', message) : retryLater('ServiceUnavailable', message, delayMs);
}
