import type { Queryable } from '../../db/database.ts';
import { notFound, wrongUsage } from '../operation-error.ts';
import { listPagesTitled, type TitledPage } from './exclusion-store.ts';

/** A page as an operator names it. */
export interface PageAsked {
  /** With spaces or underscores, without the namespace's name. */
  readonly title: string;
  /** Default the mainspace. */
  readonly namespace?: number | undefined;
  /** The wiki's API, its root or its name such as `en.wikipedia`; default any wiki of the course. */
  readonly wiki?: string | undefined;
}

const MAINSPACE = 0;

/**
 * The page of one wiki that is meant: the live one, or where there is none all deleted ones of that title. Throws when the course's
 * wikis know no such page, or when several of them do.
 */
export async function pagesMeant(
  db: Queryable,
  course: { readonly courseId: number; readonly slug: string },
  asked: PageAsked,
): Promise<readonly TitledPage[]> {
  const titled = await pagesTitled(db, course.courseId, asked.title);
  const { namespace = MAINSPACE, wiki } = asked;
  const found = titled.filter((page) => page.namespace === namespace && (!wiki || isOf(page, wiki)));
  const [first] = found;
  if (first === undefined) throw unknownPage(course.slug, { ...asked, namespace }, titled);
  if (found.some(({ wikiId }) => wikiId !== first.wikiId)) {
    const places = [...new Set(found.map(({ apiUrl }) => apiUrl))];
    throw wrongUsage(
      `"${asked.title}" is a page of several wikis: name one of them with ${places.map((url) => `--wiki ${url}`).join(' or ')}`,
    );
  }
  const live = found.filter(({ deleted }) => !deleted);
  return live.length > 0 ? live : found;
}

/** All pages of that title on the wikis of a course, whatever their namespace; with its first letter large where there is none. */
export async function pagesTitled(
  db: Queryable,
  courseId: number,
  given: string,
): Promise<readonly TitledPage[]> {
  const title = given.trim().replace(/[ _]+/g, '_');
  const all = await listPagesTitled(db, { courseId, titles: [title, upperFirst(title)] });
  const exact = all.filter((page) => page.title === title);
  return exact.length > 0 ? exact : all;
}

function isOf({ apiUrl, wiki }: TitledPage, asked: string): boolean {
  return wiki === asked || apiUrl === asked || apiUrl.startsWith(`${asked.replace(/\/+$/, '')}/`);
}

/** Wikis write the first letter of a title large. */
function upperFirst(title: string): string {
  const [first = ''] = title;
  return first.toUpperCase() + title.slice(first.length);
}

function unknownPage(slug: string, asked: PageAsked, elsewhere: readonly TitledPage[]): Error {
  const places = elsewhere.map(({ namespace, apiUrl }) => `--ns ${namespace} --wiki ${apiUrl}`);
  const hint =
    places.length > 0
      ? `such a title is at ${[...new Set(places)].join(', and at ')}`
      : `titles are without the namespace's name; \`registrar course show ${slug}\` lists the articles`;
  const wiki = asked.wiki === undefined ? 'its wikis' : asked.wiki;
  return notFound(
    `${slug} knows no page "${asked.title}" in namespace ${asked.namespace ?? MAINSPACE} of ${wiki}: ${hint}`,
  );
}
