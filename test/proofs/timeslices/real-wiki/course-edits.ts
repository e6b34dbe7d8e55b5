import type { WikiEdit } from '../../../support/mediawiki-edits.ts';

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
const twoDigits = (number: number): string => String(number).padStart(2, '0');

/** `2024-03-DDTHH:MM:SSZ` */
export function march(day: number, time = '12:00:00'): string {
  return `2024-03-${twoDigits(day)}T${time}Z`;
}

/** As many as one request may ask about. */
export const groupNames = range(50).map((index) => `Group ${twoDigits(index)}`);

/** Has more edits than a page of results holds. */
export const BUSY = 'Busy';
export const BUSY_EDITS = 540;

export const GUEST = '192.0.2.7';

/** In the order of their accounts; `Silent` never edits, and one of those who edit comes before those who have no account. */
export const users = [
  'Bede',
  'Ada Lovelace',
  'Žofie Nováková',
  'Silent',
  BUSY,
  'Cyd-9',
  'Éa (tutor)',
  ...groupNames,
];

/** Edits of several users in several namespaces, in the first half of March 2024, on pages new and old. */
export const courseEdits: readonly WikiEdit[] = [
  // A page with a history, and one revision that makes it shorter.
  { user: 'Ada Lovelace', title: 'Physics', ns: 0, timestamp: march(1), sizediff: 2100, new: true },
  { user: 'Bede', title: 'Physics', ns: 0, timestamp: march(2), sizediff: 340 },
  { user: 'Ada Lovelace', title: 'Physics', ns: 0, timestamp: march(3), sizediff: -700, tags: ['mw-undo'] },
  { user: GUEST, title: 'Physics', ns: 0, timestamp: march(4), sizediff: 12 },
  { user: 'Žofie Nováková', title: 'Physics', ns: 0, timestamp: march(5), sizediff: 0 },
  // A page that was there before.
  { user: 'Bede', title: 'Old page', ns: 0, timestamp: march(3, '08:00:00'), sizediff: -4000 },
  { user: 'Cyd-9', title: 'Old page', ns: 0, timestamp: march(3, '08:00:01'), sizediff: 90 },
  // Titles that are hard to spell, other namespaces, subpages.
  { user: 'Ada Lovelace', title: 'E=mc²: "why?"', ns: 0, timestamp: march(6), sizediff: 88, new: true },
  { user: 'Žofie Nováková', title: 'Čeština & více', ns: 0, timestamp: march(6), sizediff: 50, new: true },
  {
    user: 'Ada Lovelace',
    title: 'Ada Lovelace/sandbox',
    ns: 2,
    timestamp: march(6, '12:00:01'),
    sizediff: 400,
    new: true,
  },
  { user: 'Bede', title: 'Ada Lovelace/sandbox', ns: 2, timestamp: march(7), sizediff: 31 },
  { user: 'Ada Lovelace', title: 'Bede', ns: 3, timestamp: march(7), sizediff: 64, new: true },
  { user: 'Cyd-9', title: 'Comet', ns: 118, timestamp: march(8), sizediff: 1500, new: true },
  {
    user: 'Cyd-9',
    title: 'Comet',
    ns: 118,
    timestamp: march(9),
    sizediff: 250,
    tags: ['OAuth CID: 252', 'visualeditor'],
  },
  { user: 'Bede', title: 'Physics', ns: 1, timestamp: march(9), sizediff: 77, new: true },
  { user: 'Éa (tutor)', title: 'About', ns: 4, timestamp: march(9), sizediff: 9, new: true },
  // Several edits in one second, by one user and by two.
  ...range(3).map((index) => ({
    user: 'Bede',
    title: `Burst ${index}`,
    ns: 0,
    timestamp: march(10),
    sizediff: 10 + index,
    new: true,
  })),
  { user: 'Ada Lovelace', title: 'Burst 0', ns: 0, timestamp: march(10), sizediff: 5 },
  // Pages that will be moved, deleted and hidden.
  { user: 'Ada Lovelace', title: 'Doomed', ns: 0, timestamp: march(11), sizediff: 300, new: true },
  { user: 'Bede', title: 'Doomed', ns: 0, timestamp: march(12), sizediff: 30 },
  { user: 'Cyd-9', title: 'Wanderer', ns: 0, timestamp: march(11), sizediff: 300, new: true },
  { user: 'Bede', title: 'Wanderer', ns: 0, timestamp: march(12, '13:00:00'), sizediff: 30 },
  { user: 'Cyd-9', title: 'Signpost', ns: 0, timestamp: march(11, '14:00:00'), sizediff: 200, new: true },
  { user: 'Éa (tutor)', title: 'Secrets', ns: 0, timestamp: march(13), sizediff: 10, new: true },
  { user: 'Éa (tutor)', title: 'Secrets', ns: 0, timestamp: march(13, '12:30:00'), sizediff: 20 },
  { user: 'Éa (tutor)', title: 'Secrets', ns: 0, timestamp: march(13, '13:00:00'), sizediff: 40 },
  ...groupNames.flatMap((user, index) =>
    range(1 + (index % 3)).map((edit) => ({
      user,
      title: `Shared ${index % 7}`,
      ns: 0,
      timestamp: march(1 + (index % 14), `0${edit}:00:${twoDigits(index)}`),
      sizediff: 100 * edit - index,
    })),
  ),
];

/** With those of the busy one, which take ten seconds to import on a busy machine. */
export const edits: readonly WikiEdit[] = [
  ...courseEdits,
  ...range(BUSY_EDITS).map((index) => ({
    user: BUSY,
    title: `Diary ${index % 10}`,
    ns: 2,
    timestamp: march(14, `${twoDigits(Math.floor(index / 60))}:${twoDigits(index % 60)}:00`),
    sizediff: 1,
  })),
];
