import type { FastifyReply } from 'fastify';

/** The LMS sends a plain text as a JSON string, in quotes. */
export function answerText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return answerJson(reply, status, JSON.stringify(text));
}

/** `json` is sent as it is. */
export function answerJson(reply: FastifyReply, status: number, json: string): FastifyReply {
  return reply.code(status).type('application/json').send(json);
}

/** For statuses without a body, among them most 404s. */
export function answerEmpty(reply: FastifyReply, status: number): FastifyReply {
  return reply.code(status).send();
}

/** What the web framework says when an endpoint let an error through. */
export function answerServerError(reply: FastifyReply): FastifyReply {
  return answerHtml(reply, 500, 'Server Error (500)');
}

/** A missing route answers with a page; a missing learner does not. */
export function answerNoRoute(reply: FastifyReply): FastifyReply {
  return answerHtml(reply, 404, 'Not Found');
}

export function answerUsernameMissing(reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ message: 'The user was not specified.' });
}

function answerHtml(reply: FastifyReply, status: number, title: string): FastifyReply {
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html>\n<html lang="en"><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`,
    );
}
