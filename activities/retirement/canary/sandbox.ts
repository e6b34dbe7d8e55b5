import type { Configuration } from '../../../config/configuration.ts';
import { LMS } from '../../../platform/lms/client.ts';
import { exchange, failure, isHtml, type HttpAnswer, type HttpRequest } from '../../../platform/http.ts';
import type { CanaryPerson } from './person.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Where the sandbox listens, and nothing that anybody else can reach. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** True when the LMS is the product's own sandbox. Nothing on another machine is ever asked. */
export async function isSandbox(configuration: Configuration, signal: AbortSignal): Promise<boolean> {
  if (!LOOPBACK.test(new URL(configuration.baseUrls.lms).hostname)) return false;
  const answer = await ask(configuration, { verb: 'GET', route: '/_sandbox/requests', signal });
  return answer.status === 200 && !isHtml(answer) && answer.text.startsWith('{');
}

/** Makes the learner, who asked for deletion so long ago that the cooling-off is over. One who is there already is left. */
export async function createInSandbox(
  configuration: Configuration,
  { username, email, name }: CanaryPerson,
  signal: AbortSignal,
): Promise<void> {
  const requestedAt = Date.now() - configuration.registrar.coolOffDays * DAY_MS - MINUTE_MS;
  const learner = { username, email, name, requested_at: new Date(requestedAt).toISOString() };
  const asked = { verb: 'POST', route: '/_sandbox/learners', signal } as const;
  const answer = await ask(configuration, { ...asked, body: JSON.stringify([learner]) });
  if (answer.status === 200 || answer.status === 409) return;
  throw failure({ ...asked, service: LMS, url: urlOf(configuration, asked.route) }, {}, answer);
}

function ask(
  configuration: Configuration,
  asked: Pick<HttpRequest, 'verb' | 'route' | 'body' | 'signal'>,
): Promise<HttpAnswer> {
  return exchange({
    ...asked,
    service: LMS,
    url: urlOf(configuration, asked.route),
    headers: { 'content-type': 'application/json' },
    timeoutMs: configuration.registrar.requestTimeoutMs,
  });
}

function urlOf({ baseUrls }: Configuration, route: string): string {
  return new URL(route, baseUrls.lms).href;
}
