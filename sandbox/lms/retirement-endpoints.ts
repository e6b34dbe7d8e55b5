import type { FastifyReply, FastifyRequest } from 'fastify';
import { answerEmpty, answerJson, answerText, answerUsernameMissing } from './answers.ts';
import { answerTrouble, effectOf, paramOf, queryOf, type Endpoint, type Lms } from './endpoints.ts';
import { field, jsonOf, usernameIn } from './json-bodies.ts';
import {
  cancelRetirement,
  cleanUpRetirements,
  findCurrentState,
  findStatus,
  listByDate,
  listQueue,
  moveRetirement,
} from './retirement-store.ts';
import { findState, stateText, type RetirementState } from './states.ts';

const ACCOUNTS = '/api/user/v1/accounts/';

/** More days than this are as good as for ever. */
const MOST_COOL_OFF_DAYS = 100_000;

/** The queue, the states and the end of retirements. */
export function retirementEndpoints(lms: Lms): readonly Endpoint[] {
  const endpoint = (
    method: Endpoint['method'],
    path: string,
    handler: (lms: Lms, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>,
    counted = false,
  ): Endpoint => ({
    method,
    url: ACCOUNTS + path,
    allowed: 'retire',
    handler: (request, reply) => handler(lms, request, reply),
    counted,
  });
  return [
    endpoint('GET', 'retirement_queue/', readQueue),
    endpoint('GET', 'retirements_by_status_and_date/', readByDate),
    endpoint('GET', ':username/retirement_status/', readStatus),
    endpoint('PATCH', 'update_retirement_status/', updateStatus, true),
    endpoint('POST', 'retirement_cleanup/', cleanUp),
    endpoint('POST', 'cancel_retirement/', cancel),
  ];
}

async function readQueue(lms: Lms, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const query = queryOf(request);
  const coolOffDays = integer(query.get('cool_off_days'));
  if (coolOffDays === undefined)
    return answerText(reply, 400, 'cool_off_days is required and must be an integer.');
  if (coolOffDays < 0) return answerText(reply, 400, 'cool_off_days must not be negative.');
  const names = query.getAll('states');
  if (names.length === 0) return answerText(reply, 400, 'states is required: name at least one state.');
  const states = names.map(findState).filter((state) => state !== undefined);
  if (new Set(states).size !== names.length) {
    return answerText(reply, 400, `Unknown or repeated state among: ${names.join(', ')}.`);
  }
  const limit = query.has('limit') ? integer(query.get('limit')) : null;
  if (limit === undefined || (limit !== null && limit < 0)) {
    return answerText(reply, 400, 'limit must be an integer that is not negative.');
  }
  const days = Math.min(coolOffDays, MOST_COOL_OFF_DAYS);
  return answerJson(reply, 200, await listQueue(lms.pool, { states, coolOffDays: days, limit }));
}

async function readByDate(lms: Lms, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const query = queryOf(request);
  const [startDate, endDate, stateName] = ['start_date', 'end_date', 'state'].map((key) => query.get(key));
  if (!startDate || !endDate || !stateName) {
    return answerText(reply, 400, 'start_date, end_date and state are required.');
  }
  for (const date of [startDate, endDate]) {
    if (!isDate(date)) return answerText(reply, 400, `"${date}" is not a date of the form YYYY-MM-DD.`);
    if (Date.parse(date) > Date.now()) return answerText(reply, 400, `${date} is in the future.`);
  }
  if (startDate > endDate) return answerText(reply, 400, 'start_date must not be later than end_date.');
  const state = findState(stateName);
  if (state === undefined) return answerText(reply, 400, `Unknown state: ${stateName}.`);
  return answerJson(reply, 200, await listByDate(lms.pool, { state, startDate, endDate }));
}

async function readStatus(lms: Lms, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const status = await findStatus(lms.pool, paramOf(request, 'username'));
  return status === undefined ? answerEmpty(reply, 404) : answerJson(reply, 200, status);
}

async function updateStatus(lms: Lms, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const json = jsonOf(request, reply);
  if (json === undefined) return reply;
  const username = usernameIn(json.value);
  if (username === undefined) return answerUsernameMissing(reply);
  const wanted = readMove(json.value);
  try {
    if (wanted.kind === 'move') {
      const action = effectOf(request);
      const result = await moveRetirement(lms.pool, { ...wanted, username, action });
      if (result === 'moved') return answerEmpty(reply, 204);
      if (result === 'missing') return answerEmpty(reply, 404);
    }
    const current = await findCurrentState(lms.pool, username);
    if (current === undefined) return answerEmpty(reply, 404);
    if (wanted.kind === 'move') {
      return answerText(reply, 400, `${wanted.to.name} is not later than ${stateText(current)}.`);
    }
    return answerText(reply, wanted.kind === 'failed' ? 500 : 400, wanted.reason);
  } catch (error) {
    return answerTrouble(reply, error);
  }
}

type ReadMove =
  | {
      readonly kind: 'move';
      readonly to: RetirementState;
      readonly response: string;
      readonly force: boolean;
    }
  | { readonly kind: 'refused' | 'failed'; readonly reason: string };

function readMove(value: unknown): ReadMove {
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const missing = ['username', 'new_state', 'response'].filter((key) => !keys.includes(key));
  if (missing.length > 0) return { kind: 'refused', reason: `Missing: ${missing.join(', ')}.` };
  const unknown = keys.filter((key) => !['username', 'new_state', 'response', 'force'].includes(key));
  if (unknown.length > 0) return { kind: 'refused', reason: `Not allowed: ${unknown.join(', ')}.` };
  const name = text(field(value, 'new_state'));
  const force = Boolean(field(value, 'force'));
  const to = findState(name);
  if (to !== undefined) return { kind: 'move', to, response: text(field(value, 'response')), force };
  if (force) return { kind: 'failed', reason: `RetirementState matching query does not exist: ${name}.` };
  return { kind: 'refused', reason: `${name} is unknown or not later than the current state.` };
}

async function cleanUp(lms: Lms, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const json = jsonOf(request, reply);
  if (json === undefined) return reply;
  const given = field(json.value, 'usernames');
  if (given === undefined) return answerText(reply, 500, "'usernames'");
  if (!Array.isArray(given)) return answerText(reply, 400, 'usernames must be a list.');
  const usernames = given.map(text);
  try {
    const complete = await cleanUpRetirements(lms.pool, usernames, effectOf(request));
    if (complete === usernames.length) return answerEmpty(reply, 204);
    return answerText(
      reply,
      400,
      `Nothing was deleted: ${usernames.length} usernames were given, and ${complete} of them are COMPLETE.`,
    );
  } catch (error) {
    return answerTrouble(reply, error);
  }
}

async function cancel(lms: Lms, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const json = jsonOf(request, reply);
  if (json === undefined) return reply;
  const given = field(json.value, 'retirement_id');
  const id = typeof given === 'number' || typeof given === 'string' ? integer(String(given)) : undefined;
  if (id === undefined) return reply.code(400).send({ message: 'retirement_id is required.' });
  switch (await cancelRetirement(lms.pool, id, effectOf(request))) {
    case 'cancelled':
      return reply.code(200).send({ success: true });
    case 'missing':
      return reply.code(400).send({ message: 'There is no retirement with this id.' });
    case 'refused':
      return reply.code(400).send({ message: 'Only a retirement in PENDING can be cancelled.' });
  }
}

function integer(given: string | null): number | undefined {
  return given !== null && /^\s*[+-]?\d{1,15}\s*$/.test(given) ? Number(given) : undefined;
}

function isDate(given: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(given)) return false;
  const at = new Date(`${given}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(given);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
