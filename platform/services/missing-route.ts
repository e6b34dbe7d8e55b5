import { isHtml, type HttpAnswer } from '../http.ts';

/** What web frameworks and gateways say, other than in HTML, of a path they do not serve. */
const routeTexts = [
  /^404 page not found\s*$/i,
  /^Cannot (GET|POST|PUT|PATCH|DELETE) \//,
  /"message"\s*:\s*"Route (GET|POST|PUT|PATCH|DELETE):[^"]* not found"/,
  /"message"\s*:\s*"no Route matched with those values"/i,
];

/**
 * True for a 404 or 410 that a framework or proxy wrote because nothing is served at this path. Such an answer says nothing
 * about the learner, so it must never count as "nothing to erase".
 */
export function isMissingRoute(answer: HttpAnswer): boolean {
  if (answer.status !== 404 && answer.status !== 410) return false;
  return isHtml(answer) || routeTexts.some((text) => text.test(answer.text));
}
