import { isObject } from '../json-object.ts';

/** A learner whose erasure partners are to hear of, as the LMS told it. */
export interface PartnerReportRow {
  readonly userId: number;
  readonly username: string;
  /** NFKC-normalised, each once. */
  readonly organisations: readonly string[];
  /** By organisation: the columns that it wants instead of the default ones. */
  readonly headings: Readonly<Record<string, readonly string[]>>;
  /** Everything the LMS sent of the learner, by column. */
  readonly cells: Readonly<Record<string, unknown>>;
}

/** Organisation to the names of its partners. */
export type PartnerMapping = Readonly<Record<string, readonly string[]>>;

/** What one file is to hold. */
export interface PartnerFile {
  readonly partner: string;
  readonly headings: readonly string[];
  readonly rows: readonly PartnerReportRow[];
}

const defaultHeadings = [
  'user_id',
  'original_username',
  'original_email',
  'original_name',
  'deletion_completed',
] as const;

/** The LMS's placeholder for enrolments whose course it has lost; it never reports that one. */
const PLACEHOLDER_ORGANISATION = 'outdated_entry';

/** Reads one learner of the LMS's answer; undefined when it lacks the id or the username that everything else hangs on. */
export function readPartnerRow(value: unknown): PartnerReportRow | undefined {
  if (!isObject(value)) return undefined;
  const { user_id: userId, original_username: username, orgs, orgs_config: configured } = value;
  if (typeof userId !== 'number' || !Number.isSafeInteger(userId)) return undefined;
  if (typeof username !== 'string' || username === '') return undefined;
  const headings = Object.fromEntries(Array.isArray(configured) ? configured.flatMap(readHeadings) : []);
  const named = Array.isArray(orgs) ? orgs.filter((org) => typeof org === 'string') : [];
  return {
    userId,
    username,
    organisations: namedOrganisations([...named, ...Object.keys(headings)]),
    headings,
    // The row's own time in the partners' queue stands for the time of the deletion, as in Open edX.
    cells: { ...value, deletion_completed: value['created'] },
  };
}

/** Organisations in the form in which they are compared, each once, without blanks and the LMS's placeholder. */
export function namedOrganisations(organisations: readonly string[]): readonly string[] {
  const names = organisations.map((name) => name.normalize('NFKC'));
  return [...new Set(names)].filter((name) => name.trim() !== '' && name !== PLACEHOLDER_ORGANISATION);
}

/** Those of `organisations` that have no partner, each once, in order. */
export function unknownOrganisations(
  organisations: readonly string[],
  mapping: PartnerMapping,
): readonly string[] {
  return namedOrganisations(organisations)
    .filter((name) => !Object.hasOwn(mapping, name))
    .toSorted();
}

/**
 * One file a partner, and one more for each set of columns that organisations of that partner want for themselves. A learner is
 * once with each partner, however many of its organisations name them; columns that an organisation wants win. Organisations
 * without a partner are left out: see {@link unknownOrganisations}.
 */
export function groupByPartner(
  rows: readonly PartnerReportRow[],
  mapping: PartnerMapping,
): readonly PartnerFile[] {
  const files = new Map<string, PartnerFile & { readonly rows: PartnerReportRow[] }>();
  for (const row of rows) {
    for (const [partner, headings] of headingsByPartner(row, mapping)) {
      const key = JSON.stringify([partner, headings]);
      const file = files.get(key) ?? { partner, headings, rows: [] };
      files.set(key, file);
      file.rows.push(row);
    }
  }
  return [...files.values()].toSorted(
    (one, other) =>
      compare(one.partner, other.partner) ||
      Number(hasOwnHeadings(one)) - Number(hasOwnHeadings(other)) ||
      compare(JSON.stringify(one.headings), JSON.stringify(other.headings)),
  );
}

function headingsByPartner(
  row: PartnerReportRow,
  mapping: PartnerMapping,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const ownFirst = row.organisations.toSorted(
    (one, other) => Number(Object.hasOwn(row.headings, other)) - Number(Object.hasOwn(row.headings, one)),
  );
  for (const organisation of ownFirst) {
    if (!Object.hasOwn(mapping, organisation)) continue;
    const headings = Object.hasOwn(row.headings, organisation) ? row.headings[organisation] : undefined;
    for (const partner of mapping[organisation] ?? []) {
      if (!found.has(partner)) found.set(partner, headings ?? defaultHeadings);
    }
  }
  return found;
}

function hasOwnHeadings({ headings }: PartnerFile): boolean {
  return headings.join() !== defaultHeadings.join();
}

function readHeadings(value: unknown): readonly (readonly [string, readonly string[]])[] {
  if (!isObject(value)) return [];
  const { org, field_headings: headings } = value;
  if (typeof org !== 'string' || !Array.isArray(headings) || headings.length === 0) return [];
  return [[org.normalize('NFKC'), headings.filter((heading) => typeof heading === 'string')]];
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
