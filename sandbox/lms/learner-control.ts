import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { z } from 'zod';
import { answerControlError, ControlError, parseControl } from '../control/control.ts';
import { bodyOf, plainBodyOf } from '../shell/bodies.ts';
import { answerJson } from './answers.ts';
import { findEffects } from './effect-store.ts';
import { queryOf, type Lms } from './endpoints.ts';
import { inventPerson, type LearnerToBe } from './invented-people.ts';
import {
  findLearner,
  insertLearners,
  listTakenUsernames,
  reservePeople,
  type MadeLearner,
} from './learner-store.ts';

/** Learners who are given no organisations are enrolled with this one, so that there is something to leave. */
const DEFAULT_ORGS = ['AcmeX'];

const MOST_AT_ONCE = 100_000;

const shortText = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((value) => !value.includes('\u0000'), { message: 'must not contain the character NUL' });

const learnerSchema = z.strictObject({
  username: shortText(150),
  email: shortText(254),
  name: z.string().max(255),
  orgs: z.array(z.string().max(255)).optional(),
  /** ISO 8601; null for somebody who has an account and has not asked for deletion. */
  requested_at: z.iso.datetime({ offset: true }).or(z.iso.date()).nullable().optional(),
  /** False for somebody whom the forum does not know. */
  forum: z.boolean().optional(),
});
const countSchema = z.strictObject({ count: z.int().min(1).max(MOST_AT_ONCE) });
const listSchema = z.array(learnerSchema).min(1).max(MOST_AT_ONCE);

/** `/_sandbox/learners` and `/_sandbox/effects`. */
export function addLearnerControl(app: FastifyInstance, lms: Lms): void {
  const options = { errorHandler: answerControlError };
  app.post('/_sandbox/learners', { ...options, bodyLimit: 256 * 1024 * 1024 }, async (request, reply) =>
    reply.send(await makeLearners(lms.pool, request)),
  );
  app.get('/_sandbox/learners', options, async (request, reply) => {
    const learner = await findLearner(lms.pool, usernameAsked(request));
    if (learner === undefined)
      throw new ControlError('the sandbox LMS has no learner with this username', 404);
    return answerJson(reply, 200, learner);
  });
  app.get('/_sandbox/effects', options, async (request, reply) => {
    const effects = await findEffects(lms.pool, usernameAsked(request));
    if (effects === undefined)
      throw new ControlError('the sandbox LMS has no learner with this username', 404);
    return answerJson(reply, 200, effects);
  });
}

async function makeLearners(pool: Pool, request: FastifyRequest): Promise<readonly MadeLearner[]> {
  const body = bodyOf(request);
  if (body.kind === 'malformed') throw new ControlError(`the body is not JSON: ${body.reason}`);
  const given = plainBodyOf(request);
  const now = new Date().toISOString();
  if (!Array.isArray(given)) {
    const { count } = parseControl(() => countSchema.parse(given));
    const people = (await reservePeople(pool, count)).map((n) => inventPerson(n, now));
    return insertLearners(pool, people);
  }
  const learners = parseControl(() => listSchema.parse(given)).map((learner): LearnerToBe => ({
    username: learner.username,
    email: learner.email,
    name: learner.name,
    orgs: [...new Set(learner.orgs ?? DEFAULT_ORGS)],
    requestedAt: learner.requested_at === undefined ? now : learner.requested_at,
    forum: learner.forum ?? true,
  }));
  await refuseTaken(pool, learners);
  return insertLearners(pool, learners);
}

async function refuseTaken(pool: Pool, learners: readonly LearnerToBe[]): Promise<void> {
  const names = learners.map((learner) => learner.username);
  const last = new Map(names.map((name, index) => [name, index]));
  const repeated = names.find((name, index) => last.get(name) !== index);
  if (repeated !== undefined) throw new ControlError(`username "${repeated}" is given twice`);
  const asking = learners
    .filter((learner) => learner.requestedAt !== null)
    .map((learner) => learner.username);
  const idle = learners.filter((learner) => learner.requestedAt === null).map((learner) => learner.username);
  const [taken] = [
    ...(await listTakenUsernames(pool, asking, true)),
    ...(await listTakenUsernames(pool, idle, false)),
  ];
  if (taken !== undefined) {
    throw new ControlError(
      `username "${taken}" is taken: it has a retirement already, or had one; choose another`,
      409,
    );
  }
}

function usernameAsked(request: FastifyRequest): string {
  const username = queryOf(request).get('username');
  if (username === null || username === '') throw new ControlError('say which learner: ?username=…');
  return username;
}
