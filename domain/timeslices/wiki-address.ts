/** A wiki by the names that the Wikimedia projects use; some have no language. */
export interface WikiName {
  readonly language: string | null;
  readonly project: string;
}

/** `en.wikipedia`, `wikidata`: how people call it. */
export function wikiLabel({ language, project }: WikiName): string {
  return language === null ? project : `${language}.${project}`;
}

/** The projects that are one wiki for all languages, with their hosts. Wikisource has others beside it, by language. */
const multilingual: Readonly<Record<string, string>> = {
  wikidata: 'www.wikidata.org',
  wikisource: 'wikisource.org',
};

/** True for a project that never has a language. */
export function isMultilingual(project: string): boolean {
  return project === 'wikidata';
}

/**
 * Where Wikimedia serves the Action API of such a wiki; commons, meta and incubator are languages of `wikimedia`. Undefined when
 * the project needs a language.
 */
export function wikimediaApiUrl({ language, project }: WikiName): string | undefined {
  const host = language === null ? multilingual[project] : `${language}.${project}.org`;
  return host === undefined ? undefined : `https://${host}/w/api.php`;
}
