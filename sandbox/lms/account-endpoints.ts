import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bodyOf, plainBodyOf } from '../shell/bodies.ts';
import { answerText } from './answers.ts';
import type { Endpoint, Lms } from './endpoints.ts';
import { field, jsonOf } from './json-bodies.ts';
import { findAccount, insertLearners } from './learner-store.ts';

/** Endpoints about accounts that a retirement service meets, most of them by mistake. */
export function accountEndpoints(lms: Lms): readonly Endpoint[] {
  const closed = (url: string): Endpoint => ({
    method: 'POST',
    url,
    allowed: 'nobody',
    handler: async (_, reply) => reply,
  });
  return [
    {
      method: 'POST',
      url: '/api/user/v1/accounts/deactivate_logout/',
      allowed: 'any',
      handler: deactivateCaller,
    },
    {
      method: 'POST',
      url: '/v1/accounts/bulk_retire_users',
      allowed: 'retire',
      handler: (request, reply) => bulkRetire(lms, request, reply),
    },
    closed('/api/user/v1/accounts/:username/deactivate/'),
    closed('/api/user/v1/accounts/replace_usernames/'),
    closed('/api/discussion/v1/accounts/replace_username/'),
  ];
}

/** Acts on the caller, a service worker, whose password is never usable: so every password is wrong. */
async function deactivateCaller(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const body = bodyOf(request);
  const password = body.kind === 'form' ? body.fields.get('password') : null;
  if (password === null) return answerText(reply, 400, "The form field 'password' is missing.");
  return answerText(reply, 403, 'The password is wrong.');
}

async function bulkRetire(lms: Lms, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const json = jsonOf(request, reply);
  if (json === undefined) return reply;
  const given = field(json.value, 'usernames');
  const names = typeof given === 'string' ? given.split(',').map((name) => name.trim()) : [];
  const successful: string[] = [];
  const failed: string[] = [];
  for (const username of names.filter((name) => name !== '')) {
    const account = await findAccount(lms.pool, username);
    if (account === undefined || successful.includes(username)) {
      failed.push(username);
    } else {
      const { email, name } = account;
      const requestedAt = new Date().toISOString();
      await insertLearners(lms.pool, [{ username, email, name, orgs: [], requestedAt, forum: false }]);
      successful.push(username);
    }
  }
  return reply.send({
    successful_user_retirements: successful.sort(),
    failed_user_retirements: failed.sort(),
  });
}

/** `POST /oauth2/access_token`: client credentials, in the form or as basic authentication. */
export function addTokenEndpoint(app: FastifyInstance, lms: Lms): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const form = plainBodyOf(request);
    const text = (key: string): string => {
      const value = bodyOf(request).kind === 'form' ? field(form, key) : undefined;
      return typeof value === 'string' ? value : '';
    };
    if (text('grant_type') !== 'client_credentials') {
      return reply.code(400).send({ error: 'unsupported_grant_type' });
    }
    const basic = basicCredentials(request.headers.authorization);
    const caller = lms.tokens.authenticate(
      basic?.id ?? text('client_id'),
      basic?.secret ?? text('client_secret'),
    );
    if (caller === undefined) {
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer error="invalid_client"')
        .send({ error: 'invalid_client' });
    }
    const token = lms.tokens.issue(caller);
    if (text('token_type').toLowerCase() === 'jwt')
      return reply.header('cache-control', 'no-store').send(token);
    // Without token_type=jwt the LMS gives a token that its retirement endpoints do not take.
    return reply.send({ ...token, access_token: token.access_token.slice(-30), token_type: 'Bearer' });
  };
  app.post('/oauth2/access_token', handler);
  app.post('/oauth2/access_token/', handler);
}

function basicCredentials(
  header: string | undefined,
): { readonly id: string; readonly secret: string } | undefined {
  const encoded = /^basic (.+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const [id = '', ...secret] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  return { id: decodeURIComponent(id), secret: decodeURIComponent(secret.join(':')) };
}
