import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { answerControlError, ControlError, parseControl } from '../control/control.ts';
import { bodyOf, plainBodyOf } from '../shell/bodies.ts';
import type { Wiki } from './api.ts';
import { ensureActors, insertEdits, type Edit } from './edit-store.ts';
import { findNamespace, findNamespaceNamed } from './namespaces.ts';
import { deletePage, hideRevisions, movePage, renameUser, undeletePage } from './page-changes.ts';
import { isoTimestamp, wholeSecond } from './timestamps.ts';
import { spelledTitle, whyInvalid, type Title } from './titles.ts';
import { changing } from './transaction.ts';
import { canonicalUsername } from './usernames.ts';

const MOST_AT_ONCE = 200_000;
const LARGEST_INTEGER = 1_000_000_000;

const username = z.string().transform((typed, context) => {
  const name = canonicalUsername(typed);
  if (name !== undefined) return name;
  context.addIssue({ code: 'custom', message: `"${typed}" cannot be a username` });
  return z.NEVER;
});
const namespaceId = z.int().refine((id) => id >= 0 && findNamespace(id) !== undefined, {
  message: 'the sandbox wiki has no such namespace; it has 0 to 15, 118 and 119',
});
const size = z.int().min(-LARGEST_INTEGER).max(LARGEST_INTEGER);
const tag = z
  .string()
  .min(1)
  .refine((text) => !/[,|\u0000]/.test(text), { message: 'a tag has no comma or bar' });

const placeSchema = z.strictObject({ title: z.string(), ns: namespaceId });
const moveSchema = z.strictObject({
  title: z.string(),
  ns: namespaceId,
  to_title: z.string(),
  to_ns: namespaceId,
  redirect: z.boolean().optional(),
});
const editSchema = z.strictObject({
  user: username,
  title: z.string(),
  ns: namespaceId,
  timestamp: z.iso.datetime({ offset: true }),
  sizediff: size,
  new: z.boolean().optional(),
  tags: z.array(tag).optional(),
  refs: z.int().min(0).max(LARGEST_INTEGER).optional(),
});
const editsSchema = z.array(editSchema).max(MOST_AT_ONCE);
const usersSchema = z.array(username).max(MOST_AT_ONCE);
const renameSchema = z.strictObject({ from: username, to: username });
const hideSchema = z.strictObject({
  revids: z.array(z.int().min(1)).min(1).max(MOST_AT_ONCE),
  hidden: z.array(z.enum(['text', 'user'])).optional(),
  suppressed: z.boolean().optional(),
});
const lagSchema = z.strictObject({ seconds: z.number().min(0) });

/**
 * What a test or a demonstration does to the wiki. Beside the routes of the contract, `/_sandbox/edits` and
 * `/_sandbox/pages/delete`, `undelete` and `move` (with `"redirect": true` a redirect stays behind), there are:
 *
 * - `POST /_sandbox/users` `["name", …]`: registers users without edits; those who are known stay as they are.
 * - `POST /_sandbox/users/rename` `{"from", "to"}`
 * - `POST /_sandbox/revisions/hide` `{"revids", "hidden"?: ["text", "user"], "suppressed"?}`: hides these parts and shows the
 *   others; the default is `["text"]`, and `[]` shows everything again.
 * - `POST /_sandbox/lag` `{"seconds"}`: what `maxlag` is compared with, until the server stops.
 */
export function addEditControl(app: FastifyInstance, wiki: Wiki): void {
  const { pool } = wiki;
  const add = (path: string, change: (body: unknown) => Promise<unknown>): void => {
    const options = { errorHandler: answerControlError, bodyLimit: 256 * 1024 * 1024 };
    app.post(`/_sandbox/${path}`, options, async (request, reply) =>
      reply.send(await change(jsonBodyOf(request))),
    );
  };

  add('edits', async (body) => {
    const given = parseControl(() => editsSchema.parse(body));
    const edits = given.map(readEdit);
    const made = await changing(pool, (client) => insertEdits(client, edits));
    return edits.map(({ user, title, ns, at }, index) => ({
      user,
      title,
      ns,
      timestamp: isoTimestamp(at),
      pageid: made[index]?.pageId,
      revid: made[index]?.revisionId,
      parentid: made[index]?.parentId,
    }));
  });
  add('pages/delete', async (body) => {
    const place = readPlace(parseControl(() => placeSchema.parse(body)));
    if (!(await changing(pool, (client) => deletePage(client, place)))) throw noPage();
    return {};
  });
  add('pages/undelete', async (body) => {
    const place = readPlace(parseControl(() => placeSchema.parse(body)));
    const pageId = await changing(pool, (client) => undeletePage(client, place));
    if (pageId === undefined) throw new ControlError('nothing deleted has this title', 404);
    return { pageid: pageId };
  });
  add('pages/move', async (body) => {
    const move = parseControl(() => moveSchema.parse(body));
    const from = readPlace(move);
    const to = readPlace({ title: move.to_title, ns: move.to_ns });
    const moved = await changing(pool, (client) => movePage(client, from, to, move.redirect ?? false));
    if (moved === 'no-page') throw noPage();
    if (moved === 'taken') throw new ControlError('a page has the new title already; delete it first', 409);
    return {};
  });
  add('users', async (body) => {
    const names = parseControl(() => usersSchema.parse(body));
    const ids = await changing(pool, (client) => ensureActors(client, names));
    return names.map((name) => ({ user: name, userid: ids.get(name) }));
  });
  add('users/rename', async (body) => {
    const { from, to } = parseControl(() => renameSchema.parse(body));
    if (!(await changing(pool, (client) => renameUser(client, from, to)))) {
      throw new ControlError('the sandbox wiki has no such user', 404);
    }
    return {};
  });
  add('revisions/hide', async (body) => {
    const { revids, hidden = ['text'], suppressed } = parseControl(() => hideSchema.parse(body));
    const parts = {
      text: hidden.includes('text'),
      user: hidden.includes('user'),
      isSuppressed: suppressed ?? false,
    };
    return { revisions: await changing(pool, (client) => hideRevisions(client, revids, parts)) };
  });
  add('lag', async (body) => {
    wiki.lagSeconds = parseControl(() => lagSchema.parse(body)).seconds;
    return {};
  });
}

function jsonBodyOf(request: FastifyRequest): unknown {
  const body = bodyOf(request);
  if (body.kind === 'malformed') throw new ControlError(`the body is not JSON: ${body.reason}`);
  return plainBodyOf(request);
}

function readEdit(given: z.infer<typeof editSchema>): Edit {
  return {
    ...readPlace(given),
    user: given.user,
    at: wholeSecond(new Date(given.timestamp)),
    sizediff: given.sizediff,
    isNew: given.new ?? false,
    tags: [...new Set(given.tags ?? [])],
    refs: given.refs ?? 0,
  };
}

function readPlace(given: { readonly title: string; readonly ns: number }): Title {
  const title = spelledTitle(given.title);
  const reason = whyInvalid(title);
  if (reason !== undefined) throw new ControlError(`title: ${reason}`);
  const [prefix = '', ...rest] = title.split(':');
  if (given.ns === 0 && rest.length > 0 && findNamespaceNamed(prefix) !== undefined) {
    throw new ControlError(`title: "${title}" begins with a namespace; give its number as ns`);
  }
  return { ns: given.ns, title };
}

function noPage(): ControlError {
  return new ControlError('the sandbox wiki has no page with this title', 404);
}
