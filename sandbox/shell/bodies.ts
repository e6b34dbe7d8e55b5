import type { FastifyInstance, FastifyRequest } from 'fastify';

/** A request's body as a parser sees it; nothing is refused before somebody asks for the body. */
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

function parseJsonBody(text: string): Body {
  if (text.trim() === '') return { kind: 'empty' };
  try {
    return { kind: 'json', value: JSON.parse(text) as unknown };
  } catch (error) {
    return { kind: 'malformed', reason: error instanceof Error ? error.message : 'not JSON' };
  }
}
