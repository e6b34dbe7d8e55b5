import { activityInfo, cancellationSignal } from '@temporalio/activity';
import type { Database } from '../../db/database.ts';
import { groupsOf } from '../../domain/timeslices/request-groups.ts';
import { ServiceFailure } from '../../platform/failure.ts';
import { PAGES_A_REQUEST } from '../../platform/wiki/client.ts';
import { beating } from '../heartbeat.ts';
import { listCourseWikis } from './course-store.ts';
import { requireCourseWiki } from './courses.ts';
import type { CourseActivityDependencies, WikiActivityDependencies } from './dependencies.ts';
import { wikiFailure } from './fetching.ts';
import { listPagesToCheck, recordPages } from './pre-update/pages.ts';
import type { NamedWiki } from './planning.ts';
import { inWikiSlot } from './wiki-slots.ts';

const DAY_MS = 86_400_000;
/** Pages that are looked for at once: each look reads the wiki's deleted pages. */
const PAGES_A_LOOK = 1_000;

export interface CheckPagesInput {
  readonly courseId: number;
  readonly wikiId: number;
  /** When the update began, ISO 8601. */
  readonly now: string;
}

/** The wikis of which some page has not been asked for since a day. */
export function createListWikisToCheck({
  database,
}: CourseActivityDependencies): (input: Omit<CheckPagesInput, 'wikiId'>) => Promise<readonly NamedWiki[]> {
  return (input) => beating(() => listWikisToCheck(database, input));
}

export async function listWikisToCheck(
  database: Database,
  { courseId, now }: Omit<CheckPagesInput, 'wikiId'>,
): Promise<readonly NamedWiki[]> {
  const due: NamedWiki[] = [];
  for (const { wikiId, label } of await listCourseWikis(database, courseId)) {
    const pages = await listPagesToCheck(database, { ...dueBefore({ courseId, wikiId, now }), limit: 1 });
    if (pages.length > 0) due.push({ wikiId, wiki: label });
  }
  return due;
}

/**
 * Asks the wiki what became of the course's pages, 50 at a time, each once a day: deleted, moved, back again. Safe to run
 * twice: what was asked is written down and not asked again. A failure means nothing about any page. Throws as
 * `fetchContributions` does.
 */
export function createCheckPages(
  dependencies: WikiActivityDependencies,
): (input: CheckPagesInput) => Promise<{ readonly checked: number }> {
  return (input) => beating((tell) => checkPages(dependencies, input, tell));
}

async function checkPages(
  { database, wikis: source }: WikiActivityDependencies,
  input: CheckPagesInput,
  tell: (details: { readonly checked: number } | { readonly failingSince: number }) => void,
): Promise<{ readonly checked: number }> {
  const { wikiId, now } = input;
  const wikis = await source.current();
  const { apiUrl } = await requireCourseWiki(database, input);
  const client = wikis.clientOf(apiUrl);
  const signal = cancellationSignal();
  try {
    return await inWikiSlot(database, wikiId, async () => {
      let checked = 0;
      let after = 0;
      for (;;) {
        const pages = await listPagesToCheck(database, {
          ...dueBefore(input),
          after,
          limit: PAGES_A_LOOK,
        });
        for (const group of groupsOf(pages, PAGES_A_REQUEST)) {
          const states = await client.describePages(
            group.map(({ pageId }) => pageId),
            signal,
          );
          await database.transaction((transaction) =>
            recordPages(transaction, { wikiId, states, checkedAt: new Date(now) }),
          );
          checked += group.length;
          tell({ checked });
        }
        if (pages.length < PAGES_A_LOOK) return { checked };
        after = pages.at(-1)?.articleId ?? after;
      }
    });
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    const since = failingSince() ?? Date.now();
    tell({ failingSince: since });
    throw wikiFailure(error, { failingMs: Date.now() - since, budgetMs: wikis.budgetMs });
  }
}

/** Since when the attempts before this one have failed without any success; Temporal keeps it for us. */
function failingSince(): number | undefined {
  const before: unknown = activityInfo().heartbeatDetails;
  if (typeof before !== 'object' || before === null || !('failingSince' in before)) return undefined;
  return typeof before.failingSince === 'number' ? before.failingSince : undefined;
}

function dueBefore({ courseId, wikiId, now }: CheckPagesInput): {
  readonly courseId: number;
  readonly wikiId: number;
  readonly checkedBefore: Date;
  readonly after: number;
} {
  return { courseId, wikiId, checkedBefore: new Date(Date.parse(now) - DAY_MS), after: 0 };
}
