import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldRevisions, sliceOf, type Fact } from '../../../domain/timeslices/facts.ts';
import {
  hasReferences,
  isLive,
  referencesAdded,
  systemTags,
  type Revision,
} from '../../../domain/timeslices/revisions.ts';
import { cutPeriod } from '../../../domain/timeslices/slices.ts';

const period = { startsAt: 103, endsAt: 125 };
const counting = { slices: cutPeriod({ startsAt: 100, endsAt: 125 }, 10), period, system: systemTags([252]) };

test('a revision at exactly the end of a slice belongs to the next', () => {
  expect(foldRevisions([edit({ at: 109 }), edit({ revisionId: 2, at: 110 })], counting)).toMatchObject([
    { startAt: 100, endAt: 110, revisionCount: 1, lastRevision: 109 },
    { startAt: 110, endAt: 120, revisionCount: 1, firstRevision: 110 },
  ]);
});

test('a revision counts from the first second of the course to its last, though the slices reach beyond', () => {
  const slices = [102, 103, 125, 126, 129].map((second) => sliceOf(second, counting)?.startAt);
  expect(slices).toEqual([undefined, 100, 120, undefined, undefined]);
});

test('removals add nothing and take nothing away, and an unknown size counts nothing', () => {
  const revisions = [50, -80, null, 7].map((sizeDiff, index) => edit({ revisionId: index, sizeDiff }));
  expect(foldRevisions(revisions, counting)).toMatchObject([{ revisionCount: 4, characterSum: 57 }]);
});

test('references may be taken away', () => {
  const revisions = [2, -5].map((added, index) => edit({ revisionId: index, referencesAdded: added }));
  expect(foldRevisions(revisions, counting)).toMatchObject([{ referencesCount: -3 }]);
});

test('a hidden revision and a system edit are a fact without numbers, which still says who created the page', () => {
  const notLive = [
    edit({ revisionId: 1, isTextHidden: true, isNewPage: true, sizeDiff: 10, referencesAdded: 3 }),
    edit({ revisionId: 2, tags: ['mobile edit', 'OAuth CID: 252'], sizeDiff: 10 }),
  ];
  expect(foldRevisions(notLive, counting)).toEqual([
    {
      pageId: 1,
      userId: 1,
      startAt: 100,
      endAt: 110,
      revisionCount: 0,
      characterSum: 0,
      referencesCount: 0,
      newArticle: true,
      firstRevision: null,
      lastRevision: null,
    },
  ]);
});

test('first and last revision are those of live ones only', () => {
  const revisions = [
    edit({ revisionId: 1, at: 103, isTextHidden: true }),
    edit({ revisionId: 2, at: 107 }),
    edit({ revisionId: 3, at: 105 }),
    edit({ revisionId: 4, at: 109, tags: ['OAuth CID: 252'] }),
  ];
  expect(foldRevisions(revisions, counting)).toMatchObject([{ firstRevision: 105, lastRevision: 107 }]);
});

test('only the tags of the configured systems are system edits', () => {
  const system = systemTags([252, 9]);
  const live = ['OAuth CID: 252', 'OAuth CID: 9', 'OAuth CID: 2', 'OAuth CID: 2520', 'mobile edit'].map(
    (tag) => isLive({ isTextHidden: false, tags: [tag] }, system),
  );
  expect(live).toEqual([false, false, true, true, true]);
});

test('there is a fact for each page, user and slice', () => {
  const revisions = [
    edit({ revisionId: 1, pageId: 1, userId: 1, at: 104 }),
    edit({ revisionId: 2, pageId: 1, userId: 2, at: 104 }),
    edit({ revisionId: 3, pageId: 2, userId: 1, at: 104 }),
    edit({ revisionId: 4, pageId: 1, userId: 1, at: 114 }),
    edit({ revisionId: 5, pageId: 1, userId: 1, at: 105 }),
  ];
  const keys = foldRevisions(revisions, counting).map((fact) => [fact.pageId, fact.userId, fact.startAt]);
  expect(keys).toEqual([
    [1, 1, 100],
    [1, 2, 100],
    [2, 1, 100],
    [1, 1, 110],
  ]);
});

test('a revision that comes twice counts once', () => {
  expect(foldRevisions([edit({}), edit({})], counting)).toMatchObject([
    { revisionCount: 1, characterSum: 5 },
  ]);
});

test('the references of a revision are its own less those of its parent', () => {
  expect(referencesAdded({ isNewPage: false, own: 2, parent: 5 })).toBe(-3);
  expect(referencesAdded({ isNewPage: true, own: 4, parent: null })).toBe(4);
  expect(referencesAdded({ isNewPage: false, own: 4, parent: null })).toBe(0);
  expect(referencesAdded({ isNewPage: false, own: null, parent: 4 })).toBe(0);
  expect(referencesAdded({ isNewPage: true, own: null, parent: null })).toBe(0);
});

test('references are asked for in articles, user space and drafts', () => {
  expect([0, 1, 2, 3, 118, 119].filter(hasReferences)).toEqual([0, 2, 118]);
});

const revisions: fc.Arbitrary<readonly Revision[]> = fc.uniqueArray(
  fc.record({
    revisionId: fc.nat({ max: 10_000 }),
    pageId: fc.integer({ min: 1, max: 3 }),
    userId: fc.integer({ min: 1, max: 3 }),
    at: fc.integer({ min: 95, max: 135 }),
    sizeDiff: fc.option(fc.integer({ min: -50, max: 50 })),
    isNewPage: fc.boolean(),
    isTextHidden: fc.boolean(),
    tags: fc.subarray(['OAuth CID: 252', 'mobile edit']),
    referencesAdded: fc.integer({ min: -3, max: 3 }),
  }),
  { selector: (revision) => revision.revisionId, maxLength: 40 },
);

test('facts do not depend on the order of the revisions', () => {
  fc.assert(
    fc.property(revisions, (all) => {
      const whole = sorted(foldRevisions(all, counting));
      expect(sorted(foldRevisions(all.toReversed(), counting))).toEqual(whole);
    }),
  );
});

test('every live revision of the period is in exactly one fact', () => {
  fc.assert(
    fc.property(revisions, (all) => {
      const counted = all.filter(
        (revision) =>
          revision.at >= period.startsAt && revision.at <= period.endsAt && isLive(revision, counting.system),
      );
      const facts = foldRevisions(all, counting);
      expect(total(facts.map((fact) => fact.revisionCount))).toBe(counted.length);
      expect(total(facts.map((fact) => fact.referencesCount))).toBe(
        total(counted.map((revision) => revision.referencesAdded)),
      );
    }),
  );
});

function edit(given: Partial<Revision>): Revision {
  return {
    revisionId: 1,
    pageId: 1,
    userId: 1,
    at: 105,
    sizeDiff: 5,
    isNewPage: false,
    isTextHidden: false,
    tags: [],
    referencesAdded: 0,
    ...given,
  };
}

function sorted(facts: readonly Fact[]): readonly Fact[] {
  return facts.toSorted(
    (left, right) => left.pageId - right.pageId || left.userId - right.userId || left.startAt - right.startAt,
  );
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
