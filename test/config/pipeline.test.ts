import { describe, expect, it } from 'vitest';
import { configurationOf, lines, LMS_ROW, load, minimal, warnings } from './written-file.ts';

const known =
  'known are LMS, LICENSE_MANAGER, DEMOGRAPHICS, SEGMENT, HUBSPOT, BRAZE, AMPLITUDE, SALESFORCE, REGISTRAR, and what registrar.services declares';
const shape = '[start_state, end_state, service, method]';

const rows: readonly (readonly [kind: string, row: string, line: string])[] = [
  ['too few elements', '[A, B, LMS]', `has 3 elements but needs 4, ${shape}; found ["A", "B", "LMS"]`],
  [
    'too many elements',
    '[A, B, LMS, c, d]',
    `has 5 elements but needs 4, ${shape}; found ["A", "B", "LMS", "c", "d"]`,
  ],
  ['a mapping', '{A: B}', `must be a list of 4 texts ${shape}, found a mapping; correct the row`],
  [
    'an unknown service',
    '[A, B, LSM, retirement_unenroll]',
    `unknown service "LSM"; ${known}; did you mean LMS?`,
  ],
  [
    'a property of every object as service',
    '[A, B, constructor, x]',
    `unknown service "constructor"; ${known}`,
  ],
  [
    'an unknown method',
    '[A, B, BRAZE, delete_usr]',
    'service BRAZE has no method "delete_usr"; it has delete_user; did you mean delete_user?',
  ],
  [
    'a state that is too long',
    `[${'A'.repeat(31)}, B, LMS, retirement_unenroll]`,
    `start state "${'A'.repeat(31)}" has 31 characters but the LMS keeps 30; shorten it`,
  ],
  [
    'PENDING as start state',
    '[PENDING, B, LMS, retirement_unenroll]',
    "PENDING is the platform's own state and cannot be a stage's start state; name another",
  ],
  [
    'COMPLETE as end state',
    '[A, COMPLETE, LMS, retirement_unenroll]',
    "COMPLETE is the platform's own state and cannot be a stage's end state; name another",
  ],
  [
    'a start state that the LMS refuses to act in',
    '[A_COMPLETE, B, LMS, retirement_unenroll]',
    'start state "A_COMPLETE" ends in _COMPLETE, and in such states the LMS refuses to act; name it like RETIRING_…',
  ],
  [
    'the same state twice in it',
    '[A, A, LMS, retirement_unenroll]',
    'end state "A" is used already in the same row; every state may appear once',
  ],
  [
    'a state of another row',
    '[RETIRING_LMS, B, LMS, retirement_unenroll]',
    'start state "RETIRING_LMS" is used already in retirement_pipeline[0]; every state may appear once',
  ],
  [
    'the method that would lock the wrong account',
    '[A, B, LMS, retirement_deactivate_logout]',
    'LMS.retirement_deactivate_logout no longer works: this endpoint acts on the account that calls it, not on the learner, ' +
      'and the account is already locked when a deletion is asked for: remove this row',
  ],
  [
    'the ecommerce method that never was',
    '[A, B, ECOMMERCE, retire_learner]',
    'ECOMMERCE.retire_learner no longer works: the ecommerce service never had this endpoint: remove this row, ' +
      'or declare your own service under registrar.services',
  ],
  [
    'the credentials method that does not work',
    '[A, B, CREDENTIALS, retire_learner]',
    'CREDENTIALS.retire_learner no longer works: the credentials service has no working retirement endpoint: remove this row, ' +
      'or declare your own service under registrar.services',
  ],
  [
    'LICENSE_MANAGER without its address',
    '[A, B, LICENSE_MANAGER, retire_learner]',
    'service LICENSE_MANAGER needs base_urls.license_manager; set it or remove the row',
  ],
  [
    'DEMOGRAPHICS without its address',
    '[A, B, DEMOGRAPHICS, retire_learner]',
    'service DEMOGRAPHICS needs base_urls.demographics; set it or remove the row',
  ],
  [
    'SEGMENT without anything',
    '[A, B, SEGMENT, delete_and_suppress_learner]',
    'service SEGMENT needs base_urls.segment and segment_auth_token and segment_workspace_slug; set them or remove the row',
  ],
  [
    'BRAZE without its keys',
    '[A, B, BRAZE, delete_user]',
    'service BRAZE needs braze_api_key and braze_instance; set them or remove the row',
  ],
  [
    'AMPLITUDE without its keys',
    '[A, B, AMPLITUDE, delete_user]',
    'service AMPLITUDE needs amplitude_api_key and amplitude_secret_key; set them or remove the row',
  ],
  [
    'HUBSPOT without its key',
    '[A, B, HUBSPOT, delete_user]',
    'service HUBSPOT needs hubspot_api_key; set it or remove the row',
  ],
  [
    'SALESFORCE without its keys',
    '[A, B, SALESFORCE, retire_learner]',
    'service SALESFORCE needs salesforce_user and salesforce_password and salesforce_token and salesforce_assignee; set them or remove the row',
  ],
];

for (const [kind, row, line] of rows) {
  it(`refuses a row with ${kind}`, async () => {
    expect(lines(await load(minimal('', `[${LMS_ROW}, ${row}]`)))).toEqual([
      `retirement_pipeline[1]: ${line}`,
    ]);
  });
}

it('names the cell that is no text, empty or padded', async () => {
  const row = '[NO, "", " LMS", 7]';
  expect(lines(await load(minimal('', `[${row}]`)))).toEqual([
    'retirement_pipeline[0][0]: must be text, found the truth value false; put it in quotes',
    `retirement_pipeline[0][1]: is empty; a row needs 4 texts ${shape}`,
    'retirement_pipeline[0][2]: has spaces around "LMS"; remove them',
    'retirement_pipeline[0][3]: must be text, found the number 7; put it in quotes',
  ]);
});

it('names only the key that a service still lacks, and once for all its rows', async () => {
  const pipeline = '[[A, B, BRAZE, delete_user], [C, D, BRAZE, delete_user]]';
  expect(lines(await load(minimal('braze_api_key: abcdefgh', pipeline)))).toEqual([
    'retirement_pipeline[0]: service BRAZE needs braze_instance; set it or remove the row',
  ]);
});

it('says one thing about a service whose key is wrong', async () => {
  const text = minimal('hubspot_api_key: ${NOWHERE}', '[[A, B, HUBSPOT, delete_user]]');
  expect(lines(await load(text))).toEqual([
    'hubspot_api_key: the environment variable NOWHERE is not set; set it, or write the value in place of ${NOWHERE}',
  ]);
});

it('accepts a state of exactly 30 characters', async () => {
  const state = `${'Ä'.repeat(29)}_`;
  const loaded = await load(minimal('', `[[${state}, B, LMS, retirement_unenroll]]`));
  expect(configurationOf(loaded).pipeline[0]?.startState).toBe(state);
});

it('refuses a pipeline that is missing, empty or no list', async () => {
  const missing = minimal().replace(/^retirement_pipeline.*$/m, '');
  expect(lines(await load(missing))).toEqual([
    `retirement_pipeline: is missing; list the stages, each as ${shape}`,
  ]);
  expect(lines(await load(minimal('', '[]')))).toEqual([
    `retirement_pipeline: is empty; list the stages, each as ${shape}`,
  ]);
  expect(lines(await load(minimal('', 'LMS')))).toEqual([
    `retirement_pipeline: must be a list of stages, each as ${shape}, found text; begin each item with "- "`,
  ]);
});

it('reports the mistakes of all rows and keys at once', async () => {
  const text = minimal('registrar: {cool_off_days: soon}', '[[A, B], [C, D, LMX, x], 7]').replace(
    'client_id: someone',
    '',
  );
  expect(lines(await load(text)).map((line) => line.split(':')[0])).toEqual([
    'client_id',
    'registrar.cool_off_days',
    'retirement_pipeline[0]',
    'retirement_pipeline[1]',
    'retirement_pipeline[2]',
  ]);
});

describe('a row that renames the learner', () => {
  const unenroll = '[RETIRING_ENROLLMENTS, ENROLLMENTS_COMPLETE, LMS, retirement_unenroll]';
  const notes = '[RETIRING_NOTES, NOTES_COMPLETE, LMS, retirement_retire_notes]';
  const statistics = '[RETIRING_STATISTICS, STATISTICS_COMPLETE, REGISTRAR, retirement_remove_course_user]';

  it('brings a warning for each row of the LMS behind it', async () => {
    const loaded = await load(minimal('', `[${notes}, ${LMS_ROW}, ${unenroll}, ${statistics}]`));
    expect(lines(loaded)).toEqual([]);
    expect(warnings(loaded)).toEqual([
      'retirement_pipeline[2]: stands behind retirement_lms_retire (retirement_pipeline[1]), after which the LMS finds no ' +
        'account of the old name and may say "done" with everything still there (unenroll does); move that row behind all others of LMS',
    ]);
  });

  it('is right as the last row of the LMS, whoever comes behind', async () => {
    expect(warnings(await load(minimal('', `[${unenroll}, ${notes}, ${LMS_ROW}, ${statistics}]`)))).toEqual(
      [],
    );
  });
});
