import type { CourseContext } from './context.ts';
import { deleteExclusions, insertExclusions } from './exclusion-store.ts';
import { oneCourse } from './one-course.ts';
import { pagesMeant, type PageAsked } from './pages.ts';
import { lockCourse } from './roster-store.ts';
import { keepScheduled, type ScheduleUpkeep } from './schedule.ts';

export interface Excluded {
  readonly courseId: number;
  readonly slug: string;
  readonly wiki: string;
  readonly namespace: number;
  readonly title: string;
  /** False: it was so already. */
  readonly changed: boolean;
  readonly schedule: ScheduleUpkeep;
}

/** Takes an article out of a course's numbers, or back into them; the numbers follow at the next update. */
export async function setExcluded(
  context: CourseContext,
  slug: string,
  { excluded, ...asked }: PageAsked & { readonly excluded: boolean },
): Promise<Excluded> {
  const temporal = await context.temporal();
  const course = await oneCourse(context.database, slug);
  const { courseId } = course;
  const [page, changed] = await context.database.transaction(async (transaction) => {
    await lockCourse(transaction, courseId);
    const pages = await pagesMeant(transaction, course, asked);
    const articleIds = pages.map(({ articleId }) => articleId);
    const write = excluded ? insertExclusions : deleteExclusions;
    const written = await write(transaction, courseId, articleIds);
    return [pages[0], written.length > 0] as const;
  });
  return {
    courseId,
    slug,
    wiki: page?.wiki ?? '',
    namespace: page?.namespace ?? 0,
    title: page?.title ?? asked.title,
    changed,
    schedule: await keepScheduled(temporal, courseId, changed),
  };
}
