/** What decides whether a fact is in a course's numbers. */
export interface FactCircumstances {
  readonly namespace: number;
  readonly isStudent: boolean;
  readonly isDeleted: boolean;
  /** By hand. */
  readonly isExcluded: boolean;
  readonly isTrackedNamespace: boolean;
  readonly isCourseWiki: boolean;
  /** The slice holds a moment of the course's dates. */
  readonly isInPeriod: boolean;
  readonly hasLiveRevision: boolean;
  /** The slice's numbers are to be built again. */
  readonly isMarked: boolean;
}

/** In which numbers a fact is once its slice is built. */
export interface Counted {
  /** Of the student, the slice and the course. */
  readonly revisions: boolean;
  /** Of the student's mainspace, the slice and the course; references are counted with them. */
  readonly characters: boolean;
  /** Of the article itself. */
  readonly article: boolean;
  /** In the order of their weight; empty when it is in all numbers. */
  readonly because: readonly string[];
}

const [MAINSPACE, USER_SPACE, DRAFTS] = [0, 2, 118];

/** Says where a fact counts and, as sentences, why not elsewhere. The formulas are those of the derived tables. */
export function explainCounting(fact: FactCircumstances): Counted {
  const isWhole = fact.isStudent && !fact.isDeleted && fact.hasLiveRevision;
  const isMainspace = fact.namespace === MAINSPACE && fact.isTrackedNamespace;
  return {
    revisions: isWhole && !fact.isExcluded,
    characters: isWhole && !fact.isExcluded && isMainspace,
    article: isWhole && fact.isTrackedNamespace,
    because: reasons(fact),
  };
}

function reasons(fact: FactCircumstances): readonly string[] {
  const said: readonly (readonly [boolean, string])[] = [
    [!fact.isCourseWiki, 'the wiki was taken out of the course: goes with the next update'],
    [!fact.isInPeriod, 'outside the course’s dates: goes with the next update'],
    [!fact.isStudent, 'no student of the course any more'],
    [fact.isDeleted, 'the page is deleted'],
    [fact.isExcluded, 'the article is excluded by hand'],
    [!fact.hasLiveRevision, 'only edits that are hidden or a system’s'],
    [fact.namespace !== MAINSPACE || !fact.isTrackedNamespace, namespaceReason(fact)],
    [fact.isMarked, 'the slice is marked: its numbers may be behind'],
  ];
  return said.flatMap(([applies, text]) => (applies ? text : []));
}

function namespaceReason({ namespace, isTrackedNamespace }: FactCircumstances): string {
  const where = isTrackedNamespace ? 'tracked, but not the mainspace' : 'not tracked';
  const characters =
    namespace === USER_SPACE
      ? 'characters are in the student’s user pages'
      : namespace === DRAFTS
        ? 'characters are in the student’s drafts'
        : 'characters and references are not in the course';
  return `namespace ${namespace} is ${where}: ${characters}`;
}
