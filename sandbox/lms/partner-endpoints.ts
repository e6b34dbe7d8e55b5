import type { FastifyReply, FastifyRequest } from 'fastify';
import { answerEmpty, answerJson, answerServerError, answerText } from './answers.ts';
import { effectOf, type Endpoint, type Lms } from './endpoints.ts';
import { field, jsonOf } from './json-bodies.ts';
import { finishPartnerReports, takePartnerReports } from './partner-store.ts';

/** The partners' report: reading it marks its rows, and cleaning up deletes those that were marked. */
export function partnerEndpoints(lms: Lms): readonly Endpoint[] {
  return [
    {
      method: 'POST',
      url: '/api/user/v1/accounts/retirement_partner_report/',
      allowed: 'retire',
      handler: async (_request, reply) => answerJson(reply, 200, await takePartnerReports(lms.pool)),
    },
    {
      method: 'POST',
      url: '/api/user/v1/accounts/retirement_partner_report_cleanup/',
      allowed: 'retire',
      handler: (request, reply) => finish(lms, request, reply),
    },
  ];
}

async function finish(lms: Lms, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const json = jsonOf(request, reply);
  if (json === undefined) return reply;
  if (!Array.isArray(json.value)) return answerServerError(reply);
  const given = json.value.map((entry: unknown) => field(entry, 'original_username'));
  const usernames = given.filter((name) => typeof name === 'string');
  if (usernames.length !== given.length) return answerServerError(reply);
  if (usernames.length === 0) return answerText(reply, 400, 'No original_username was given.');
  const found = await finishPartnerReports(lms.pool, usernames, effectOf(request));
  if (found.length === usernames.length) return answerEmpty(reply, 204);
  return answerText(
    reply,
    400,
    `${usernames.length} original_usernames were given and ${found.length} found.\n` +
      `Given: ${usernames.join(', ')}\nFound: ${found.join(', ')}`,
  );
}
