import { ServiceFailure } from './failure.ts';
import { parseJson, type HttpAnswer, type HttpRequest } from './http.ts';

/** Shorter texts are no secrets, and taking them out would only garble what is left. */
const SHORTEST_SECRET = 4;

/** `text` with every secret in it, plain or as JSON, a form or a URL would write it, replaced by `***`. */
export function redact(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap(writings)
    .sort((one, other) => other.length - one.length)
    .reduce((left, writing) => left.replaceAll(writing, '***'), text);
}

function writings(secret: string): readonly string[] {
  const form = new URLSearchParams({ s: secret }).toString().slice(2);
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), form];
}

/** As `parseJson`, but a failure's body carries no secret. The JSON itself is what the service sent. */
export function parseSecretJson(asked: HttpRequest, answer: HttpAnswer, secrets: readonly string[]): unknown {
  try {
    return JSON.parse(answer.text) as unknown;
  } catch {
    return parseJson(asked, { ...answer, text: redact(answer.text, secrets) });
  }
}

/** The failure without secrets in its path, where a query may hold a key, and in its body; any other error as it is. */
export function withoutSecrets(error: unknown, secrets: readonly string[]): unknown {
  if (!(error instanceof ServiceFailure)) return error;
  const { path, body, ...others } = error.exchange;
  return new ServiceFailure({
    ...others,
    path: redact(path, secrets),
    body: body === undefined ? undefined : redact(body, secrets),
  });
}
