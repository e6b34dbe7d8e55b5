import type { Learner, Service, ServiceMethod, ServiceOutcome } from '../learner.ts';
import type { LmsAnswer, LmsClient, LmsRequest } from './client.ts';

/** Longest part of an answer that goes to a learner's log. */
const MAX_RESPONSE_LENGTH = 500;

/**
 * The LMS's methods that a pipeline row may name. Each acts only while the learner is in a working state, and may be
 * called twice: the LMS erases what is left and answers the same.
 */
export function createLmsService(client: LmsClient): Service {
  const posts = (route: string): ServiceMethod =>
    action(client, (learner) => aboutUsername('POST', route, learner));
  return {
    retirement_unenroll: async ({ learner, signal }) => {
      const answer = await client.send({
        ...aboutUsername('POST', '/api/enrollment/v1/unenroll/', learner),
        signal,
      });
      return { ...erased(answer), organisations: organisationsIn(answer) };
    },
    retirement_retire_notes: posts('/api/edxnotes/v1/retire_user/'),
    retirement_lms_retire_misc: posts('/api/user/v1/accounts/retire_misc/'),
    retirement_lms_retire: posts('/api/user/v1/accounts/retire/'),
    retirement_partner_queue: action(client, (learner) =>
      aboutUsername('PUT', '/api/user/v1/accounts/retirement_partner_report/', learner),
    ),
    retirement_retire_proctoring_data: action(client, (learner) =>
      aboutUserId('/api/edx_proctoring/v1/retire_user/{lms_user_id}/', learner),
    ),
    retirement_retire_proctoring_backend_data: action(client, (learner) =>
      aboutUserId('/api/edx_proctoring/v1/retire_backend_user/{lms_user_id}/', learner),
    ),
    retirement_retire_forum: async ({ learner, signal }) => {
      const asked = aboutUsername('POST', '/api/discussion/v1/accounts/retire_forum/', learner);
      const answer = await client.send({ ...asked, signal }, [404]);
      // The learner's working state was just set, so an empty 404 can only mean the forum's own "nobody here".
      if (answer.status !== 404) return erased(answer);
      if (answer.text.trim().length > 0)
        throw answer.failure('answered 404 with a body: the LMS has no such route');
      return { kind: 'nothing-to-erase', response: '404: the forum knows no such person' };
    },
  };
}

function action(client: LmsClient, requestFor: (learner: Learner) => LmsRequest): ServiceMethod {
  return async ({ learner, signal }) => erased(await client.send({ ...requestFor(learner), signal }));
}

function aboutUsername(verb: LmsRequest['verb'], route: string, learner: Learner): LmsRequest {
  return { verb, route, body: { username: learner.originalUsername } };
}

function aboutUserId(route: string, learner: Learner): LmsRequest {
  return { verb: 'POST', route, parameters: { lms_user_id: learner.userId } };
}

/** What is no list of names is no failure: the learner is unenrolled all the same. */
function organisationsIn(answer: LmsAnswer): readonly string[] {
  if (answer.text.length === 0) return [];
  const named = answer.json();
  return Array.isArray(named) ? named.filter((name) => typeof name === 'string') : [];
}

function erased(answer: LmsAnswer): ServiceOutcome {
  if (answer.status === 204 || answer.text.length === 0)
    return { kind: 'erased', response: String(answer.status) };
  return {
    kind: 'erased',
    response: `${answer.status} ${JSON.stringify(answer.json())}`.slice(0, MAX_RESPONSE_LENGTH),
  };
}
