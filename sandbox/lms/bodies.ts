import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A request's body as the LMS's parsers see it; nothing is refused before somebody asks for the body. */
export type Body =
  | { readonly kind: 'empty' }
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'form'; readonly fields: URLSearchParams }
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'unsupported'; readonly mediaType: string };

/** Replaces fastify's parsers, which refuse an empty body that says it is JSON, as the original driver sends. */
export function registerBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) =>
    done(null, parseJsonBody(String(text))),
  );
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, text, done) =>
      done(null, { kind: 'form', fields: new URLSearchParams(String(text)) } satisfies Body),
  );
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, text, done) => {
    const mediaType = request.headers['content-type'] ?? '';
    const empty = String(text).length === 0;
    done(null, (empty ? { kind: 'empty' } : { kind: 'unsupported', mediaType }) satisfies Body);
  });
}

export function bodyOf(request: FastifyRequest): Body {
  // The parsers above are the only ones, so a body is a `Body` or absent.
  return (request.body as Body | undefined) ?? { kind: 'empty' };
}

/** The body as plain data: for matching a fault against it, and for control requests. */
export function plainBodyOf(request: FastifyRequest): unknown {
  const body = bodyOf(request);
  if (body.kind === 'json') return body.value;
  return body.kind === 'form' ? Object.fromEntries(body.fields) : undefined;
}

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

function parseJsonBody(text: string): Body {
  if (text.trim() === '') return { kind: 'empty' };
  try {
    return { kind: 'json', value: JSON.parse(text) as unknown };
  } catch (error) {
    return { kind: 'malformed', reason: error instanceof Error ? error.message : 'not JSON' };
  }
}
