import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { splitUrl } from '../control/learner-traces.ts';
import { bodyOf } from '../shell/bodies.ts';
import { ApiError } from './api-error.ts';
import { showError, showWarnings, toVersion1, type Wording } from './api-shapes.ts';
import { Parameters } from './parameters.ts';
import { answerQuery } from './query.ts';
import { sendCompressed } from './send.ts';
import { isoTimestamp } from './timestamps.ts';

/** Retry-After of `maxlag` is never shorter. */
const SHORTEST_LAG_WAIT_SECONDS = 5;

export interface Wiki {
  readonly pool: Pool;
  readonly language: string;
  /** How far behind the wiki claims to be: what `maxlag` is compared with. Not stored, like the faults. */
  lagSeconds: number;
}

/** `GET` and `POST /w/api.php`. */
export function addApi(app: FastifyInstance, wiki: Wiki): void {
  const handler = (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    answerApi(wiki, request, reply);
  app.get('/w/api.php', handler);
  app.post('/w/api.php', handler);
}

async function answerApi(wiki: Wiki, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const parameters = new Parameters(valuesOf(request));
  const url = `http://${request.host}`;
  let wording: Wording = { formatVersion: 1, errorFormat: 'bc', apiUrl: `${url}/w/api.php` };
  reply.headers({
    'content-type': 'application/json; charset=utf-8',
    'content-disposition': 'inline; filename=api-result.json',
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, must-revalidate, max-age=0',
  });
  try {
    wording = { ...wording, formatVersion: readFormatVersion(parameters) };
    wording = { ...wording, errorFormat: readErrorFormat(parameters) };
    const isPage = readIsPage(parameters);
    const extras = readExtras(parameters);
    const answer = isPage ? undefined : await act(wiki, parameters, request, { url, ...wording });
    if (answer === undefined) return await sendPage(request, reply, extras);
    parameters.warnOfUnknown();
    const whole = { ...extras, ...answer, ...showWarnings(parameters.warnings(), wording) };
    reply.header('vary', 'Accept-Encoding, Treat-as-Untrusted, Cookie');
    return await sendCompressed(request, reply, shaped(whole, wording));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    reply.headers({ 'mediawiki-api-error': error.code, ...error.headers });
    return sendCompressed(request, reply, JSON.stringify(showError(error, parameters.warnings(), wording)));
  }
}

/** Undefined when no action was asked for, which MediaWiki answers with its manual. */
async function act(
  wiki: Wiki,
  parameters: Parameters,
  request: FastifyRequest,
  place: { readonly url: string; readonly formatVersion: 1 | 2 },
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const action = parameters.choice('main', 'action', ['help', 'query'], 'help');
  refuseWhileLagging(wiki, parameters);
  const assertion = parameters.choice('main', 'assert', ['anon', 'bot', 'user'], 'anon');
  if (assertion !== 'anon') {
    const text =
      assertion === 'user'
        ? 'You are no longer logged in, so the action could not be completed.'
        : 'You do not have the "bot" right, so the action could not be completed.';
    const code = `assert${assertion}failed`;
    throw new ApiError('main', code, { text, key: `apierror-${code}`, params: [] });
  }
  if (action === 'help') return undefined;
  const site = { url: place.url, language: wiki.language, formatVersion: place.formatVersion };
  return answerQuery({ pool: wiki.pool, site, address: request.ip }, parameters);
}

/** Both the query's and the form's values, the form's last, so that they win. */
function valuesOf(request: FastifyRequest): URLSearchParams {
  const [, query] = splitUrl(request.url);
  const values = new URLSearchParams(query);
  const body = bodyOf(request);
  if (body.kind === 'form') for (const [name, value] of body.fields) values.append(name, value);
  return values;
}

function readFormatVersion(parameters: Parameters): Wording['formatVersion'] {
  return parameters.choice('json', 'formatversion', ['1', '2', 'latest'], '1') === '1' ? 1 : 2;
}

function readErrorFormat(parameters: Parameters): Wording['errorFormat'] {
  const formats = ['bc', 'html', 'none', 'plaintext', 'raw', 'wikitext'] as const;
  const chosen = parameters.choice('main', 'errorformat', formats, 'bc');
  return chosen === 'bc' || chosen === 'raw' ? chosen : 'plain';
}

/** Without `format=json` MediaWiki sends a page for people, whatever was asked for. */
function readIsPage(parameters: Parameters): boolean {
  return parameters.choice('main', 'format', ['json', 'jsonfm'], 'jsonfm') === 'jsonfm';
}

function readExtras(parameters: Parameters): Readonly<Record<string, unknown>> {
  parameters.ignore('ascii', 'callback', 'crossorigin', 'errorlang', 'errorsuselocal', 'maxage', 'origin');
  parameters.ignore('responselanginfo', 'servedby', 'smaxage', 'uselang', 'utf8', 'variant');
  parameters.ignore('converttitles', 'indexpageids', 'rawcontinue', 'continue');
  const requestId = parameters.text('requestid');
  return {
    ...(requestId === undefined ? {} : { requestid: requestId }),
    ...(parameters.flag('curtimestamp') ? { curtimestamp: isoTimestamp(new Date()) } : {}),
  };
}

function refuseWhileLagging(wiki: Wiki, parameters: Parameters): void {
  const maxLag = parameters.integer('main', 'maxlag');
  const lag = wiki.lagSeconds;
  if (maxLag === undefined || lag <= maxLag) return;
  const said = {
    text: `Waiting for a database server: ${lag} ${Math.abs(lag) === 1 ? 'second' : 'seconds'} lagged.`,
    key: 'apierror-maxlag-generic',
    params: [lag],
  };
  throw new ApiError('main', 'maxlag', said, {
    data: { host: 'sandbox', lag, type: 'db' },
    headers: {
      'retry-after': String(Math.max(maxLag, SHORTEST_LAG_WAIT_SECONDS)),
      'x-database-lag': String(Math.floor(lag)),
    },
  });
}

function shaped(answer: Readonly<Record<string, unknown>>, wording: Wording): string {
  return JSON.stringify(wording.formatVersion === 2 ? answer : toVersion1(answer));
}

async function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  extras: Readonly<Record<string, unknown>>,
): Promise<FastifyReply> {
  reply.removeHeader('content-disposition').type('text/html; charset=utf-8');
  const text = JSON.stringify(extras).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const page = `<!DOCTYPE html>
<html lang="en"><head><meta charset="UTF-8"><title>MediaWiki API - Sandbox</title></head>
<body><p>The sandbox wiki answers programs: add <code>format=json</code> and <code>action=query</code>.</p>
<pre>${text}</pre></body></html>
`;
  return sendCompressed(request, reply, page);
}
