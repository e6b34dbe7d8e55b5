import type { FastifyReply, FastifyRequest } from 'fastify';
import { bodyOf } from '../shell/bodies.ts';

/** The JSON of a request, `{}` for none; answers 400 or 415 itself, and returns undefined, for what is no JSON. */
export function jsonOf(
  request: FastifyRequest,
  reply: FastifyReply,
): { readonly value: unknown } | undefined {
  const body = bodyOf(request);
  switch (body.kind) {
    case 'json':
      return body;
    case 'empty':
      return { value: {} };
    case 'malformed':
      void reply.code(400).send({ detail: `JSON parse error - ${body.reason}` });
      return undefined;
    case 'form':
    case 'unsupported':
      void reply
        .code(415)
        .send({ detail: `Unsupported media type "${request.headers['content-type'] ?? ''}" in request.` });
      return undefined;
  }
}

/** One key of a JSON object; undefined when the value is no object or has no such key of its own. */
export function field(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

/** `username` of a JSON object, or undefined when it is missing, empty or no text. */
export function usernameIn(value: unknown): string | undefined {
  const username = field(value, 'username');
  return typeof username === 'string' && username !== '' ? username : undefined;
}
