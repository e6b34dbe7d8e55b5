import type { Random } from './random.ts';
import type { ChosenFault, FaultyServer } from './step.ts';

const LMS = '/api/user/v1/accounts/';

/** Routes by prefix, as faults take them; undefined = every route. */
const routes: Readonly<Record<FaultyServer, readonly (readonly [string | undefined, string | undefined])[]>> =
  {
    lms: [
      [undefined, undefined],
      ['PATCH', `${LMS}update_retirement_status/`],
      ['GET', LMS],
      ['POST', '/api/enrollment/v1/unenroll/'],
      ['POST', '/api/discussion/v1/accounts/retire_forum/'],
      ['POST', '/api/edxnotes/v1/retire_user/'],
      ['POST', '/api/edx_proctoring/v1/retire_user/'],
      ['PUT', `${LMS}retirement_partner_report/`],
      ['POST', `${LMS}retirement_partner_report/`],
      ['POST', `${LMS}retirement_partner_report_cleanup/`],
      ['POST', `${LMS}retirement_cleanup/`],
      ['POST', `${LMS}cancel_retirement/`],
      ['POST', `${LMS}retire_misc/`],
      ['POST', `${LMS}retire/`],
      ['POST', '/oauth2/access_token'],
    ],
    'third-party': [
      [undefined, undefined],
      ['POST', '/forget/'],
      ['GET', '/people/'],
    ],
    wiki: [
      [undefined, undefined],
      [undefined, '/w/api.php'],
      [undefined, '/api/v1/references'],
    ],
    'second-wiki': [
      [undefined, undefined],
      [undefined, '/w/api.php'],
    ],
  };

const html = '<!doctype html><html><body><h1>Zorvexquill: we will be back soon</h1></body></html>';
const wikiErrors = [
  'maxlag',
  'ratelimited',
  'badtoken',
  'readonly',
  'internal_api_error_DBQueryError',
] as const;

/** What goes wrong, without where and how often. Delays are about the time-out that the run configures, below and above it. */
type Symptom = Omit<ChosenFault, 'times' | 'method' | 'path'>;

const anywhere: readonly (readonly [(random: Random) => Symptom, number])[] = [
  [(random) => ({ status: random.pick([500, 502, 503, 504]) }), 4],
  [(random) => ({ status: random.pick([429, 503]), retry_after: random.whole(1, 2) }), 3],
  [(random) => ({ delay_ms: random.whole(50, 4_000) }), 3],
  [() => ({ drop: 'before' }), 3],
  [() => ({ drop: 'after' }), 4],
  [(random) => ({ drop: 'after', delay_ms: random.whole(50, 1_500) }), 1],
  [(random) => ({ status: random.pick([200, 502]), body: html }), 2],
];

const refusals: readonly (readonly [(random: Random) => Symptom, number])[] = [
  [
    (random) => ({ status: random.pick([400, 401, 403, 409, 422]), body: { detail: 'refused by a fault' } }),
    5,
  ],
];

const wikiAnswers: readonly (readonly [(random: Random) => Symptom, number])[] = [
  [
    (random) => {
      const code = random.pick(wikiErrors);
      return { status: 200, body: { error: { code, info: `a fault says ${code}` } } };
    },
    6,
  ],
];

/** One to three faults that hold together, on one server. */
export function chooseFaults(random: Random, server: FaultyServer): readonly ChosenFault[] {
  return Array.from(
    {
      length: random.weighted([
        [1, 6],
        [2, 2],
        [3, 1],
      ]),
    },
    () => chooseFault(random, server),
  );
}

function chooseFault(random: Random, server: FaultyServer): ChosenFault {
  const [method, path] = random.pick(routes[server]);
  const isWiki = server === 'wiki' || server === 'second-wiki';
  const symptom = random.weighted([...anywhere, ...(isWiki ? wikiAnswers : refusals)])(random);
  return {
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { path }),
    ...honest(symptom, server),
    times: random.weighted([
      [1, 4],
      [random.whole(2, 5), 3],
      [random.whole(6, 15), 1],
    ]),
  };
}

/** A third party's 200 would be an answer that people are still there, which is no fault but a statement: the run knows better. */
function honest(symptom: Symptom, server: FaultyServer): Symptom {
  return server === 'third-party' && symptom.status === 200 ? { ...symptom, status: 502 } : symptom;
}
