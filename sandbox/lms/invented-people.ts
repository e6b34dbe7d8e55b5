/** What the sandbox needs to know about a learner in order to make one. */
export interface LearnerToBe {
  readonly username: string;
  readonly email: string;
  readonly name: string;
  readonly orgs: readonly string[];
  /** ISO 8601; null: has an account and has not asked for deletion. */
  readonly requestedAt: string | null;
  /** False: has never opened the forum, which then knows no such user. */
  readonly forum: boolean;
}

const firstNames = [
  'Amara',
  'Bogdan',
  'Chiara',
  'Dmitri',
  'Esther',
  'Farid',
  'Greta',
  'Hiroshi',
  'Ingrid',
  'João',
  'Kavya',
];
const middleNames = ['Lucía', 'Malik', 'Noor', 'Olu', 'Priya', 'Quentin', 'Rosa'];
const lastNames = [
  'Abara',
  'Bianchi',
  'Castillo',
  'Dupont',
  'Eriksson',
  'Fofanah',
  'Grünwald',
  'Horák',
  'Ivanova',
  'Jansen',
  'Kowalski',
  'Lindqvist',
  'Mbeki',
];
const orgs = ['AcmeX', 'BorealisX', 'CumulusX', 'DeltaX', 'EstuaryX'];

/** The n-th person of an endless list: always the same, and no two alike. */
export function inventPerson(n: number, requestedAt: string): LearnerToBe {
  const first = pick(firstNames, n);
  const middle = pick(middleNames, n);
  const last = pick(lastNames, n);
  const handle = `${plain(first)}.${plain(last)}`;
  return {
    username: `${plain(first)}_${plain(last)}_${n}`,
    email: `${handle}.${n}@learners.example`,
    name: `${first} ${middle} ${last} ${roman(n)}`,
    orgs: Array.from({ length: 1 + (n % 3) }, (_, index) => pick(orgs, n + index)),
    requestedAt,
    forum: true,
  };
}

function pick(list: readonly string[], n: number): string {
  return list[n % list.length] ?? '';
}

function plain(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[^a-zA-Z]/g, '')
    .toLowerCase();
}

/** The name's last part tells people apart whose names would repeat. */
function roman(n: number): string {
  const parts: readonly (readonly [number, string])[] = [
    [1000, 'M'],
    [900, 'CM'],
    [500, 'D'],
    [400, 'CD'],
    [100, 'C'],
    [90, 'XC'],
    [50, 'L'],
    [40, 'XL'],
    [10, 'X'],
    [9, 'IX'],
    [5, 'V'],
    [4, 'IV'],
    [1, 'I'],
  ];
  let [rest, text] = [n % 4000, ''];
  for (const [value, letters] of parts) {
    while (rest >= value) [rest, text] = [rest - value, text + letters];
  }
  return n < 4000 ? text : `${text} ${Math.floor(n / 4000)}`.trim();
}
