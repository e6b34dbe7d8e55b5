import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  queueForPartners,
  retireAccount,
  retireForum,
  retireMisc,
  retireNotes,
  retireProctoringAttempts,
  retireProctoringBackends,
  runAction,
  unenroll,
  type Action,
} from './action-store.ts';
import {
  answerEmpty,
  answerJson,
  answerNoRoute,
  answerServerError,
  answerText,
  answerUsernameMissing,
} from './answers.ts';
import { answerTrouble, effectOf, paramOf, type Endpoint, type Handler, type Lms } from './endpoints.ts';
import { jsonOf, usernameIn } from './json-bodies.ts';
import { stateText, type RetirementState } from './states.ts';

type Answer = (reply: FastifyReply) => FastifyReply;

interface ActionEndpoint {
  readonly method: Endpoint['method'];
  readonly urls: readonly string[];
  readonly action: Action;
  readonly withoutUsername: Answer;
  readonly withoutRow: Answer;
  readonly inWrongState: (reply: FastifyReply, state: RetirementState) => FastifyReply;
}

const nothing: Answer = (reply) => answerEmpty(reply, 404);
const refusal =
  (status: number) =>
  (reply: FastifyReply, state: RetirementState): FastifyReply =>
    answerText(
      reply,
      status,
      `Nothing can be retired in state ${stateText(state)}: it is not a working state.`,
    );
const keyError: Answer = (reply) => answerText(reply, 500, "'username'");
const noStatus: Answer = (reply) => answerText(reply, 404, 'No retirement status for this user.');

/** How each endpoint answers what goes wrong: they all differ. */
const actionEndpointTable: readonly ActionEndpoint[] = [
  {
    method: 'POST',
    urls: ['/api/user/v1/accounts/retire_misc/'],
    action: retireMisc,
    withoutUsername: answerUsernameMissing,
    withoutRow: nothing,
    inWrongState: refusal(400),
  },
  {
    method: 'POST',
    urls: ['/api/user/v1/accounts/retire/'],
    action: retireAccount,
    withoutUsername: answerUsernameMissing,
    withoutRow: nothing,
    inWrongState: refusal(400),
  },
  {
    method: 'PUT',
    urls: ['/api/user/v1/accounts/retirement_partner_report/'],
    action: queueForPartners,
    withoutUsername: answerUsernameMissing,
    withoutRow: nothing,
    inWrongState: answerServerError,
  },
  {
    method: 'POST',
    urls: ['/api/discussion/v1/accounts/retire_forum/', '/api/discussion/v1/accounts/retire_forum'],
    action: retireForum,
    withoutUsername: keyError,
    withoutRow: nothing,
    inWrongState: refusal(500),
  },
  {
    method: 'POST',
    urls: ['/api/enrollment/v1/unenroll/', '/api/enrollment/v2/enrollment/unenroll/'],
    action: unenroll,
    withoutUsername: (reply) => answerText(reply, 404, 'Username not specified.'),
    withoutRow: noStatus,
    inWrongState: answerServerError,
  },
  {
    method: 'POST',
    urls: ['/api/edxnotes/v1/retire_user/'],
    action: retireNotes,
    withoutUsername: keyError,
    withoutRow: nothing,
    inWrongState: refusal(405),
  },
];

/** The endpoints that erase something of one learner. */
export function actionEndpoints(lms: Lms): readonly Endpoint[] {
  const guarded = actionEndpointTable.flatMap((row) =>
    row.urls.map((url): Endpoint => ({
      method: row.method,
      url,
      allowed: 'retire',
      counted: true,
      handler: (request, reply) => act(lms, row, request, reply),
    })),
  );
  return [
    ...guarded,
    proctoring('/api/edx_proctoring/v1/retire_user/:userId/', async (request, reply) => {
      await retireProctoringAttempts(lms.pool, Number(paramOf(request, 'userId')), effectOf(request));
      return answerEmpty(reply, 204);
    }),
    proctoring('/api/edx_proctoring/v1/retire_backend_user/:userId/', async (request, reply) => {
      const userId = Number(paramOf(request, 'userId'));
      return answerJson(reply, 200, await retireProctoringBackends(lms.pool, userId, effectOf(request)));
    }),
  ];
}

async function act(
  lms: Lms,
  row: ActionEndpoint,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const json = jsonOf(request, reply);
  if (json === undefined) return reply;
  const username = usernameIn(json.value);
  if (username === undefined) return row.withoutUsername(reply);
  try {
    const result = await runAction(lms.pool, row.action, username, effectOf(request));
    if (result.kind === 'missing') return row.withoutRow(reply);
    if (result.kind === 'wrong-state') return row.inWrongState(reply, result.state);
    if (row.action === retireForum && !result.known) return answerEmpty(reply, 404);
    if (result.orgs.length > 0) return answerJson(reply, 200, JSON.stringify(result.orgs));
    return answerEmpty(reply, 204);
  } catch (error) {
    return answerTrouble(reply, error);
  }
}

function proctoring(url: string, handler: Handler): Endpoint {
  return {
    method: 'POST',
    url,
    allowed: 'retire',
    counted: true,
    handler: async (request, reply) =>
      /^\d{1,15}$/.test(paramOf(request, 'userId')) ? handler(request, reply) : answerNoRoute(reply),
  };
}
