import type { LoadStage } from './stage.ts';

const LEARNERS_A_REQUEST = 5_000;

/** Has so many new learners ask the LMS for deletion, at this time. `name` makes their usernames. */
export async function makeLearners(
  { lms }: LoadStage,
  { name, count, requestedAt }: { readonly name: string; readonly count: number; readonly requestedAt: Date },
): Promise<void> {
  for (let first = 0; first < count; first += LEARNERS_A_REQUEST) {
    const length = Math.min(LEARNERS_A_REQUEST, count - first);
    await lms(
      'POST',
      '/_sandbox/learners',
      Array.from({ length }, (_, index) => ({
        username: `${name}-${first + index}`,
        email: `${name}-${first + index}@example.org`,
        name: `Learner ${first + index}`,
        requested_at: requestedAt.toISOString(),
      })),
    );
  }
}

/** Requests to the LMS about learners since they were last counted; tokens and queue are nobody's. */
export async function takeRequestCount({ lms }: LoadStage): Promise<number> {
  const requests = Object.entries((await lms('GET', '/_sandbox/requests')) ?? {});
  await lms('DELETE', '/_sandbox/requests');
  return requests
    .filter(([request]) => !request.includes('/oauth2/') && !request.includes('/retirement_queue/'))
    .reduce((sum, [, count]) => sum + Number(count), 0);
}
