import { FOUNDED_LENGTH } from './edit-store.ts';
import { findNamespace } from './namespaces.ts';

/** An edit as `POST /_sandbox/edits` takes it. */
export interface GeneratedEdit {
  readonly user: string;
  /** Without the namespace prefix. */
  readonly title: string;
  readonly ns: number;
  /** ISO 8601, UTC, whole seconds. */
  readonly timestamp: string;
  readonly sizediff: number;
  readonly new?: true;
  readonly tags?: readonly string[];
  readonly refs: number;
}

export interface GenerationOptions {
  readonly seed: number;
  readonly users: readonly string[];
  /** The first edit is not before it. */
  readonly startAt: Date;
  /** Every edit is before it. */
  readonly endAt: Date;
  /** How many edits a user makes in seven days, on average; default 12. */
  readonly editsPerUserAndWeek?: number;
  /** How many pages there are for each user to edit, beside the user's own; default 1.5. */
  readonly pagesPerUser?: number;
  /** Stands in the titles of the pages, so that two wikis can differ; default none. */
  readonly titleSuffix?: string;
}

interface PageInProgress {
  readonly title: string;
  readonly ns: number;
  /** Undefined until somebody edits it. */
  size: number | undefined;
  refs: number;
}

const WEEK_MS = 7 * 24 * 3_600_000;
const subjects = [
  'History',
  'Geology',
  'Architecture',
  'Folklore',
  'Climate',
  'Economy',
  'Music',
  'Flora',
  'Cuisine',
];
const places = [
  'Lisbon',
  'the Carpathians',
  'Hokkaido',
  'Patagonia',
  'Zanzibar',
  'Bergen',
  'Oaxaca',
  'Samarkand',
];

/** One article in four was there before the course: its first edit here is not `new`. */
const EXISTING_SHARE = 0.25;

/**
 * Invents a course's edits: the same ones for the same options, oldest first. Students work on shared articles, on their
 * own sandboxes in user space, on drafts and now and then on a talk page; they add more than they remove, and some edits
 * carry tags. Pages never shrink below nothing and never lose more references than they have.
 */
export function generateEdits(options: GenerationOptions): readonly GeneratedEdit[] {
  const { users, startAt, endAt, editsPerUserAndWeek = 12, pagesPerUser = 1.5, titleSuffix = '' } = options;
  const [startSecond, endSecond] = [Math.ceil(startAt.getTime() / 1000), Math.ceil(endAt.getTime() / 1000)];
  if (users.length === 0 || endSecond <= startSecond) return [];
  const random = randomNumbers(options.seed);
  const articles = inventArticles(Math.max(1, Math.ceil(users.length * pagesPerUser)), titleSuffix, random);
  const ownPages = new Map(users.map((user) => [user, inventOwnPages(user, titleSuffix)]));
  const weeks = ((endSecond - startSecond) * 1000) / WEEK_MS;
  const count = Math.round(users.length * editsPerUserAndWeek * weeks);
  const moments = Array.from({ length: count }, () => ({
    second: startSecond + Math.floor(random() * (endSecond - startSecond)),
    user: pick(users, random()),
  })).sort((a, b) => a.second - b.second);
  return moments.map(({ second, user }) => {
    const pages = random() < 0.65 ? articles : (ownPages.get(user) ?? articles);
    return changePage(pick(pages, random()), { user, second }, random);
  });
}

function changePage(
  page: PageInProgress,
  { user, second }: { readonly user: string; readonly second: number },
  random: () => number,
): GeneratedEdit {
  const isNew = page.size === undefined;
  const size = page.size ?? 0;
  const removes = !isNew && random() < 0.2;
  const sizediff = removes
    ? -Math.min(size, Math.floor(random() * 800))
    : 1 + Math.floor(random() ** 3 * 4000);
  const refsChange = removes ? -Math.floor(random() * 3) : Math.floor(random() ** 2 * 4);
  page.size = size + sizediff;
  page.refs = Math.max(0, page.refs + refsChange);
  const tags = inventTags(random());
  return {
    user,
    title: page.title,
    ns: page.ns,
    timestamp: new Date(second * 1000).toISOString().replace('.000Z', 'Z'),
    sizediff,
    ...(isNew ? { new: true as const } : {}),
    ...(tags.length > 0 ? { tags } : {}),
    refs: page.refs,
  };
}

function inventArticles(count: number, suffix: string, random: () => number): readonly PageInProgress[] {
  return Array.from({ length: count }, (_, index) => {
    const round = Math.floor(index / (subjects.length * places.length));
    const subject = subjects[index % subjects.length] ?? '';
    const place = places[Math.floor(index / subjects.length) % places.length] ?? '';
    const number = round === 0 ? '' : ` (${round + 1})`;
    const ns = index % 12 === 11 ? 1 : 0;
    const size = ns === 0 && random() < EXISTING_SHARE ? FOUNDED_LENGTH : undefined;
    return { title: `${subject} of ${place}${number}${suffix}`, ns, size, refs: 0 };
  });
}

function inventOwnPages(user: string, suffix: string): readonly PageInProgress[] {
  const draftNs = findNamespace(118)?.id ?? 0;
  return [
    { title: `${user}/sandbox`, ns: 2, size: undefined, refs: 0 },
    { title: `Notes of ${user}${suffix}`, ns: draftNs, size: undefined, refs: 0 },
  ];
}

/** A few edits come from an editor with its own tag; 252 is the one that the sandbox's configuration calls a system's. */
function inventTags(chance: number): readonly string[] {
  if (chance < 0.03) return ['OAuth CID: 252'];
  return chance < 0.4 ? ['visualeditor'] : [];
}

function pick<T>(list: readonly T[], chance: number): T {
  const found = list[Math.floor(chance * list.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}

/** Numbers in [0, 1), the same for the same seed: the Weyl sequence of mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
