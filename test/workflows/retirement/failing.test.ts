import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setRetirementStage, type RetirementStage, type SandboxLearner } from '../../support/retirement.ts';
import {
  ask,
  begin,
  beginErrored,
  coolingOffFor,
  countRequests,
  detailsOf,
  expectErasedOnce,
  parked,
  requested,
  responsesOf,
  retriesOf,
  storedText,
} from '../../support/retirement-learner.ts';
import { waitFor } from '../../support/wait.ts';

const settings = { registrar: { retry_budget: '8s' } };
const FORUM = '/api/discussion/v1/accounts/retire_forum/';
const PROCTORING = '/api/edx_proctoring';
const MOVE = '/api/user/v1/accounts/update_retirement_status/';

let stage: RetirementStage;
beforeAll(async () => {
  stage = await setRetirementStage(settings);
  await stage.startWorker();
});
afterAll(() => stage.close());

async function resumeAfter(learner: SandboxLearner, state: string): Promise<void> {
  await stage.workflow(learner.user_id).executeUpdate('resume', { args: [state] });
}

describe.concurrent('a service that refuses', () => {
  it.each([400, 403, 409, 422])(
    'puts the learner in ERRORED at once with a %i and its story',
    async (status) => {
      const username = `refused-${status}`;
      const body = { detail: `${username} has no right`, code: status };
      await stage.fault({ path: PROCTORING, username, status, body });
      const learner = await begin(stage, username);
      await parked(stage, learner);

      const path = `${PROCTORING}/v1/retire_user/${learner.user_id}/`;
      expect(await countRequests(stage, `POST ${path}`)).toBe(1);
      const story = `RETIRING_PROCTORING: LMS.retirement_retire_proctoring_data: POST ${path} answered ${status} (1 attempt); body: ${JSON.stringify(body)}`;
      expect(await responsesOf(stage, learner, 'ERRORED')).toEqual([`ERRORED: ${story}`]);
      expect((await stage.lms(username))['responses']).toContain(story);
      expect(await stage.status(learner.user_id)).toMatchObject({
        state: 'ERRORED',
        phase: 'errored',
        stage: 'RETIRING_PROCTORING',
        cause: { stage: 'RETIRING_PROCTORING', status, attempts: 1 },
        resumableFrom: ['PENDING', 'ENROLLMENTS_COMPLETE', 'FORUMS_COMPLETE', 'NOTES_COMPLETE'],
      });
      expect(await detailsOf(stage, learner)).toContain(
        `-w retirement-${learner.user_id} --name resume --input '"NOTES_COMPLETE"'`,
      );
      expect(await detailsOf(stage, learner)).not.toContain(username);
      expect(await storedText(stage, learner)).not.toContain(username);
    },
  );

  it('keeps 8 KiB of the error body', async () => {
    const username = 'talkative';
    await stage.fault({ path: FORUM, username, status: 403, body: 'x'.repeat(20_000) });
    const learner = await begin(stage, username);
    await parked(stage, learner);
    for (const text of [
      (await stage.row(learner.user_id)).responses,
      (await stage.lms(username))['responses'],
    ]) {
      expect(/x{100,}…/.exec(String(text))?.[0]).toHaveLength(8 * 1024 + 1);
    }
  });

  it('takes an error body that PostgreSQL cannot store', async () => {
    const username = 'binary';
    await stage.fault({ path: FORUM, username, status: 403, body: 'nul \u0000 and lone \ud800 end' });
    const learner = await begin(stage, username);
    await parked(stage, learner);
    expect((await responsesOf(stage, learner, 'ERRORED')).join()).toMatch(/nul .* and lone .* end/);
    expect((await stage.lms(username))['responses']).toMatch(/nul .* and lone .* end/);
  });

  it('takes a 405 of the notes service for a failure', async () => {
    await stage.fault({
      path: '/api/edxnotes',
      username: 'notes-405',
      status: 405,
      body: { detail: 'GET only' },
    });
    const learner = await begin(stage, 'notes-405');
    await parked(stage, learner);
    expect(await stage.status(learner.user_id)).toMatchObject({
      stage: 'RETIRING_NOTES',
      cause: { status: 405 },
    });
  });

  it('takes an empty 404 of the forum for nobody there', async () => {
    await stage.fault({ path: FORUM, username: 'no-posts', status: 404 });
    const learner = await begin(stage, 'no-posts');
    expect(await stage.workflow(learner.user_id).result()).toMatchObject({ outcome: 'COMPLETE' });
    expect((await stage.status(learner.user_id)).stages[1]).toMatchObject({ progress: 'nothing-to-erase' });
    expect((await stage.row(learner.user_id)).completedStages).toContain('FORUMS_COMPLETE');
  });

  it('takes a 404 of the forum with a body for a missing route', async () => {
    await stage.fault({ path: FORUM, username: 'no-route', status: 404, body: { detail: 'Not found' } });
    const learner = await begin(stage, 'no-route');
    await parked(stage, learner);
    expect(await responsesOf(stage, learner, 'ERRORED')).toEqual([
      expect.stringContaining(`POST ${FORUM} answered 404`),
    ]);
  });

  it('parks the learner when the LMS takes no token for ever', async () => {
    const username = 'unauthorised';
    await stage.fault({ path: FORUM, username, status: 401, body: { detail: `not for ${username}` } });
    const learner = await begin(stage, username);
    await parked(stage, learner);
    expect((await stage.workflow(learner.user_id).describe()).status.name).toBe('RUNNING');
    expect((await stage.status(learner.user_id)).cause).toMatchObject({ status: 401, attempts: 1 });
    expect(await detailsOf(stage, learner)).toContain('answered 401');
    expect(await detailsOf(stage, learner)).not.toContain(username);
  });

  it('names the state in the way when the LMS refuses a move', async () => {
    await stage.fault({ method: 'PATCH', username: 'unmoved', status: 400, body: 'no such move', times: 1 });
    const learner = await begin(stage, 'unmoved');
    await parked(stage, learner);
    expect((await responsesOf(stage, learner, 'ERRORED')).join()).toMatch(
      /PATCH .* refused the move to RETIRING_ENROLLMENTS with 400: the learner is at PENDING \(step 1\).*no such move/,
    );
    await resumeAfter(learner, 'PENDING');
    await expectErasedOnce(stage, learner);
  });
});

describe.concurrent('a service in trouble', () => {
  it.each([
    ['500', { status: 500, body: { detail: 'oops' } }],
    ['503', { status: 503 }],
    ['200 with HTML', { status: 200, body: '<html><body>Maintenance</body></html>' }],
    ['connection closed before the work', { drop: 'before' }],
    ['connection closed after the work', { drop: 'after' }],
  ])('is asked again after: %s', async (what, fault) => {
    const username = `trouble-${what.replaceAll(' ', '-')}`;
    await stage.fault({ path: PROCTORING, username, times: 1, ...fault });
    const learner = await begin(stage, username);
    await expectErasedOnce(stage, learner);
    expect(await countRequests(stage, `POST ${PROCTORING}/v1/retire_user/${learner.user_id}/`)).toBe(2);
    expect(await responsesOf(stage, learner, 'ERRORED')).toEqual([]);
    const { events } = await stage.workflow(learner.user_id).fetchHistory();
    const scheduled = (events ?? []).filter((event) => event.activityTaskScheduledEventAttributes);
    expect(scheduled).toHaveLength(1);
    expect(scheduled[0]?.activityTaskScheduledEventAttributes?.activityType?.name).toBe(
      'LMS.retirement_retire_proctoring_data',
    );
    expect(Buffer.from(scheduled[0]?.userMetadata?.summary?.data ?? '').toString()).toBe(
      '"RETIRING_PROCTORING"',
    );
  });

  it('gets the time that its Retry-After asks for', async () => {
    const username = 'too-many';
    await stage.fault({ path: PROCTORING, username, status: 429, retry_after: 0.7, times: 1 });
    const learner = await begin(stage, username);
    await expectErasedOnce(stage, learner);
    const log = (await stage.control('GET', '/_sandbox/requests?log=1')) as { request: string; at: string }[];
    const [first, second] = log
      .filter(({ request }) => request === `POST ${PROCTORING}/v1/retire_user/${learner.user_id}/`)
      .map(({ at }) => Date.parse(at));
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(690);
  });

  it('leaves the learner ERRORED when the retry budget is spent', async () => {
    const username = 'hopeless';
    await stage.fault({ path: PROCTORING, username, status: 502, body: 'bad gateway' });
    const learner = await begin(stage, username);
    await parked(stage, learner);
    const asked = await countRequests(stage, `POST ${PROCTORING}/v1/retire_user/${learner.user_id}/`);
    expect(asked).toBeGreaterThan(2);
    expect((await stage.status(learner.user_id)).cause).toMatchObject({ status: 502, attempts: asked });
    expect((await responsesOf(stage, learner, 'ERRORED')).join()).toContain(
      `(${asked} attempts); body: bad gateway`,
    );
  });

  it('never passes for done with HTML', async () => {
    const username = 'html-only';
    await stage.fault({ path: FORUM, username, status: 200, body: '<!doctype html><p>Welcome' });
    const learner = await begin(stage, username);
    await parked(stage, learner);
    expect((await stage.row(learner.user_id)).completedStages).toEqual(['ENROLLMENTS_COMPLETE']);
    expect((await stage.status(learner.user_id)).cause?.what).toContain('answered 200 with HTML');
  });

  it('is given up at once when it asks for more time than the budget has', async () => {
    await stage.fault({ path: FORUM, username: 'too-late', status: 429, retry_after: 3600 });
    const learner = await begin(stage, 'too-late');
    await parked(stage, learner);
    expect((await stage.status(learner.user_id)).cause).toMatchObject({ status: 429, attempts: 1 });
  });
});

describe.concurrent('another driver', () => {
  it('who moves the learner to ERRORED is named, and no older failure', async () => {
    const username = 'moved away';
    const trouble = { status: 503, body: 'an older story', retry_after: 5, times: 1 };
    await stage.fault({ path: FORUM, username, ...trouble });
    const learner = await begin(stage, username);
    await waitFor(async () => (await stage.row(learner.user_id)).lastFailure !== null, {
      what: 'the first attempt to fail',
    });
    await stage.asService('PATCH', MOVE, { username, new_state: 'ERRORED', response: 'the other driver' });
    await parked(stage, learner);
    const what = 'another driver moved the learner to ERRORED in the LMS';
    expect(await responsesOf(stage, learner, 'ERRORED')).toEqual([`ERRORED: ${what}`]);
    expect((await stage.status(learner.user_id)).cause).toEqual({ stage: 'RETIRING_FORUMS', what });
    await resumeAfter(learner, 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });
});

describe.concurrent('an answer that is lost', () => {
  it('of the move to a start state: the stage goes on', async () => {
    await stage.fault({ method: 'PATCH', path: MOVE, username: 'lost-start', drop: 'after', times: 1 });
    const learner = await begin(stage, 'lost-start');
    await expectErasedOnce(stage, learner);
    expect((await stage.row(learner.user_id)).completedStages).toHaveLength(7);
  });

  it('of the move to an end state: the stage is done and not called again', async () => {
    const username = 'lost-end';
    await stage.fault({ path: PROCTORING, username, delay_ms: 600, times: 1 });
    const learner = await ask(stage, username);
    const collected = stage.collect();
    const action = `POST ${PROCTORING}/v1/retire_user/${learner.user_id}/`;
    await requested(stage, action);
    await stage.fault({ method: 'PATCH', path: MOVE, username, drop: 'after', times: 1 });
    await collected;
    await expectErasedOnce(stage, learner);
    expect(await countRequests(stage, action)).toBe(1);
    expect((await stage.status(learner.user_id)).stages[3]).toMatchObject({ progress: 'already-done' });
    expect((await stage.row(learner.user_id)).completedStages).toHaveLength(7);
  });
});

describe.concurrent('an LMS that is away', () => {
  it.each([
    ['down', { drop: 'before' }],
    ['HTML', { status: 200, body: '<html>maintenance</html>' }],
  ])('learns of ERRORED when it is back: %s', async (what, fault) => {
    const username = `away-${what}`;
    await stage.fault({ path: PROCTORING, username, status: 403, delay_ms: 600, times: 1 });
    const learner = await ask(stage, username);
    const collected = stage.collect();
    await requested(stage, `POST ${PROCTORING}/v1/retire_user/${learner.user_id}/`);
    // Ends by itself after some tries of the write: what the operator would see meanwhile is asserted in between.
    await stage.fault({ method: 'PATCH', username, times: 3, ...fault });
    await collected;
    await stage.reaches(learner.user_id, 'ERRORED');
    await waitFor(async () => (await retriesOf(stage, learner)) >= 2, {
      what: 'the write to be tried again',
    });
    expect(await stage.lms(username)).toMatchObject({ current_state: 'RETIRING_PROCTORING' });
    expect((await stage.row(learner.user_id)).currentState).toBe('ERRORED');
    await parked(stage, learner);
    expect(await responsesOf(stage, learner, 'ERRORED')).toHaveLength(1);
  });
});

describe.concurrent('a 404 in words that are not of the LMS', () => {
  const foreign = { status: 404, body: 'default backend - 404', times: 1 };
  const story = "answered 404 in words that are not the LMS's";

  it('is no cancel before the first stage', async () => {
    const username = 'no-backend-first';
    await stage.fault({ method: 'GET', path: `/api/user/v1/accounts/${username}/`, username, ...foreign });
    const learner = await begin(stage, username);
    await parked(stage, learner);
    expect((await responsesOf(stage, learner, 'ERRORED')).join()).toContain(story);
    await resumeAfter(learner, 'PENDING');
    await expectErasedOnce(stage, learner);
  });

  it('is no cancel on the way back of a resume', async () => {
    const username = 'no-backend-resume';
    const learner = await beginErrored(stage, username);
    await stage.fault({ method: 'PATCH', path: MOVE, username, ...foreign });
    await resumeAfter(learner, 'ENROLLMENTS_COMPLETE');
    await waitFor(async () => (await stage.status(learner.user_id)).cause?.what.includes(story), {
      what: 'the move back to fail',
    });
    await parked(stage, learner);
    await resumeAfter(learner, 'ENROLLMENTS_COMPLETE');
    await expectErasedOnce(stage, learner);
  });
});

describe('the configuration', () => {
  const invalid = { pipeline: [['RETIRING_FORUMS', 'FORUMS_COMPLETE', 'LMS', 'nonsense'] as const] };
  const unknownState = {
    pipeline: [['RETIRING_MOON', 'MOON_COMPLETE', 'LMS', 'retirement_unenroll'] as const],
  };

  it('ends a stage at its first failure where the retry budget is 0', async () => {
    stage.configure({ registrar: { retry_budget: 0 } });
    await stage.fault({ path: FORUM, username: 'no-budget', status: 500, times: 1 });
    const learner = await begin(stage, 'no-budget');
    await parked(stage, learner);
    expect((await stage.status(learner.user_id)).cause).toMatchObject({ status: 500, attempts: 1 });
  });

  it('does not stop stages under way when the file becomes invalid', async () => {
    stage.configure(settings);
    const username = 'edited';
    await stage.fault({ path: PROCTORING, username, delay_ms: 400, times: 1 });
    const learner = await ask(stage, username);
    const collected = stage.collect();
    await requested(stage, `POST ${PROCTORING}/v1/retire_user/${learner.user_id}/`);
    stage.configure(invalid);
    await collected;
    await expectErasedOnce(stage, learner);
  });

  it('leaves a stage where it is when a restarted worker finds it invalid, until it is mended', async () => {
    stage.configure(settings);
    const username = 'restarted';
    await stage.fault({ path: FORUM, username, status: 503, retry_after: 5, times: 1 });
    const learner = await begin(stage, username);
    await waitFor(async () => (await stage.status(learner.user_id)).state === 'RETIRING_FORUMS', {
      what: 'the forum stage to wait',
    });
    await stage.stopWorker();
    stage.configure(invalid);
    await stage.startWorker();
    await waitFor(async () => (await retriesOf(stage, learner)) >= 3, {
      what: 'the stage to be tried again',
    });
    expect(await stage.status(learner.user_id)).toMatchObject({ state: 'RETIRING_FORUMS', phase: 'running' });
    expect(await stage.lms(username)).toMatchObject({ current_state: 'RETIRING_FORUMS' });
    stage.configure(settings);
    await expectErasedOnce(stage, learner);
  });

  it.each([
    ['is invalid', invalid],
    ['names a state that the LMS lacks', unknownState],
  ])('moves nobody whose cooling-off ends while it %s', async (what, mistaken) => {
    stage.configure(settings);
    const username = `waits while ${what}`;
    const learner = await begin(stage, username, coolingOffFor(2_000));
    await waitFor(async () => (await stage.status(learner.user_id)).phase === 'cooling-off', {
      what: 'the cooling-off',
    });
    stage.configure(mistaken);
    await waitFor(async () => (await retriesOf(stage, learner)) >= 2, { what: 'the file to be read again' });
    expect(await stage.lms(username)).toMatchObject({ current_state: 'PENDING' });
    expect(await stage.status(learner.user_id)).toMatchObject({ state: 'PENDING' });
    stage.configure(settings);
    await expectErasedOnce(stage, learner);
  });
});
