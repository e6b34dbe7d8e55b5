import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  setDefaultSignalHandler,
  setHandler,
  patched,
} from '@temporalio/workflow';
import { isObject } from '../../domain/json-object.ts';
import {
  CANCEL,
  RESUME,
  STATUS,
  type CancelRequest,
  type MessageAnswer,
  type ResumeMessage,
  type ResumeRequest,
  type RetirementStatusView,
} from './contract.ts';
import { showDetails } from './details.ts';
import { retried } from './effects.ts';
import { answerAsks, statusOf, type Answer, type Ask, type Run } from './run.ts';

const resumeSignal = defineSignal<[ResumeMessage?]>(RESUME);
const cancelSignal = defineSignal<[CancelRequest?]>(CANCEL);
const resumeUpdate = defineUpdate<MessageAnswer, [ResumeMessage?]>(RESUME);
const cancelUpdate = defineUpdate<MessageAnswer, [CancelRequest?]>(CANCEL);
const statusQuery = defineQuery<RetirementStatusView>(STATUS);

const RESUME_HELP =
  'Resumes an ERRORED retirement. Input: the state just before the stage to retry, as a JSON string ("ENROLLMENTS_COMPLETE"), ' +
  'or {"state": …, "by"?: …, "reason"?: …, "skip"?: true}. The details page names the states.';
const CANCEL_HELP =
  'Cancels the retirement while it is PENDING and no stage has begun. Input: nothing, or {"by"?: …, "reason"?: …}.';

/** Sets every handler. Called before the first await of the workflow, so that no message meets a workflow without them. */
export function handleMessages(run: Run): void {
  setHandler(statusQuery, () => statusOf(run), { description: 'Where the retirement stands, as JSON.' });
  setHandler(resumeSignal, (message) => signalled(run, RESUME, () => requestResume(run, message)), {
    description: RESUME_HELP,
  });
  setHandler(cancelSignal, (message) => signalled(run, CANCEL, () => requestCancel(run, message)), {
    description: CANCEL_HELP,
  });
  setHandler(resumeUpdate, (message) => updated(run, RESUME, () => requestResume(run, message)), {
    description: RESUME_HELP,
  });
  setHandler(cancelUpdate, (message) => updated(run, CANCEL, () => requestCancel(run, message)), {
    description: CANCEL_HELP,
  });
  setDefaultSignalHandler((name) =>
    signalled(run, 'signal', async () => ({
      kind: 'refused',
      reason: `there is no signal "${short(name)}"; there are ${RESUME} and ${CANCEL}`,
    })),
  );
  obeyCancellation(run);
}

/** Temporal's own "Request Cancellation" means the same as the `cancel` signal. */
function obeyCancellation(run: Run): void {
  CancellationScope.current().cancelRequested.catch(async () => {
    run.pendingNotes += 1;
    await signalled(run, CANCEL, () =>
      requestCancel(run, { reason: 'cancellation requested through Temporal' }),
    );
    run.pendingNotes -= 1;
  });
}

async function signalled(run: Run, what: string, request: () => Promise<Answer>): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    const answer = await refusingBadInput(request);
    if (answer.kind === 'refused') await recordRefusal(run, what, answer.reason);
  });
}

/** Refusals are decided here and not in a validator, which could leave no line in `responses`. */
async function updated(run: Run, what: string, request: () => Promise<Answer>): Promise<MessageAnswer> {
  return CancellationScope.nonCancellable(async () => {
    const answer = await refusingBadInput(request);
    if (answer.kind === 'accepted') return { message: answer.message };
    await recordRefusal(run, what, answer.reason);
    throw ApplicationFailure.nonRetryable(answer.reason, 'Refused');
  });
}

async function refusingBadInput(request: () => Promise<Answer>): Promise<Answer> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof ApplicationFailure && error.type === 'BadInput') {
      return { kind: 'refused', reason: error.message };
    }
    throw error;
  }
}

/** Of more at once, each waits its turn: Temporal breaks off a workflow task while which a hundred events come. */
const NOTES_AT_ONCE = 20;
/** Of more at once, the rest is one line. */
const MOST_REFUSALS = 500;
/** Messages that wait for the main line. */
const MOST_ASKS = 200;

/** Runs that met a flood under 0.1.0 go on as they did then. */
const isSlowed = (): boolean => patched('slowed-floods');

async function recordRefusal(run: Run, what: string, reason: string): Promise<void> {
  run.notedAtMs = Math.max(Date.now(), run.notedAtMs + 1);
  const at = new Date(run.notedAtMs).toISOString();
  run.lastRefusal = `${at.slice(0, 19).replace('T', ' ')}Z ${what}: ${reason}`;
  showDetails(run);
  if (run.refusalsToTell >= MOST_REFUSALS && isSlowed()) {
    run.refusalsToSum += 1;
    return;
  }
  await note(run, at, `refused: ${what}: ${reason}`);
  if (run.refusalsToSum === 0) return;
  const more = run.refusalsToSum;
  run.refusalsToSum = 0;
  run.notedAtMs = Math.max(Date.now(), run.notedAtMs + 1);
  await note(run, new Date(run.notedAtMs).toISOString(), `refused: ${more} more messages that came at once`);
}

async function note(run: Run, at: string, text: string): Promise<void> {
  const waits = run.refusalsToTell >= NOTES_AT_ONCE && isSlowed();
  // Not in the workflow task: one that Temporal rejects is done again, and the line would stand there twice.
  const write = (): Promise<void> => retried.addNote({ userId: run.userId, at, text });
  run.refusalsToTell += 1;
  await (waits ? run.limitNotes(write) : write());
  run.refusalsToTell -= 1;
}

async function requestResume(run: Run, message: ResumeMessage | undefined): Promise<Answer> {
  const request = parseResume(message);
  await condition(() => run.phase !== 'opening');
  if (run.phase !== 'errored') {
    return { kind: 'refused', reason: `the retirement is ${run.state}, only an ERRORED one can be resumed` };
  }
  return decidedByMainLine(run.resumeAsks, request);
}

async function requestCancel(run: Run, message: CancelRequest | undefined): Promise<Answer> {
  const request = parseCancel(message);
  const mayBePossible = run.phase === 'opening' || run.phase === 'cooling-off' || run.phase === 'cancelling';
  if (mayBePossible && !run.begun) return decidedByMainLine(run.cancelAsks, request);
  return { kind: 'refused', reason: tooLateToCancel(run) };
}

/** Stages of this learner have begun: answers the cancels that came before that was known. */
export function refuseCancels(run: Run): void {
  run.begun = true;
  answerAsks(run.cancelAsks, { kind: 'refused', reason: tooLateToCancel(run) });
}

function tooLateToCancel(run: Run): string {
  return run.begun
    ? 'the first stage of the retirement has begun, and what is erased cannot be given back'
    : `the retirement is ${run.state}, only a PENDING one can be cancelled`;
}

async function decidedByMainLine<Request>(asks: Ask<Request>[], request: Request): Promise<Answer> {
  if (asks.length >= MOST_ASKS && isSlowed()) {
    return { kind: 'refused', reason: `${asks.length} others wait to be decided; send it again later` };
  }
  const ask: Ask<Request> = { request, answer: undefined };
  asks.push(ask);
  await condition(() => ask.answer !== undefined);
  return ask.answer ?? { kind: 'refused', reason: 'not decided' };
}

function parseResume(message: unknown): ResumeRequest {
  const fields = typeof message === 'string' ? { state: message } : message;
  if (!isRecord(fields) || typeof fields['state'] !== 'string' || fields['state'] === '') {
    throw badInput(`resume wants a state name as a JSON string, or {"state": "…"}; got ${kindOf(message)}`);
  }
  if (fields['skip'] !== undefined && typeof fields['skip'] !== 'boolean') {
    throw badInput('resume: "skip" is true or false');
  }
  return {
    state: short(fields['state']),
    ...spoken(fields, RESUME),
    ...(fields['skip'] === true ? { skip: true } : {}),
  };
}

function parseCancel(message: unknown): CancelRequest {
  if (message === undefined || message === null) return {};
  // Strict: what nobody could read, or was meant for something else, must not give up an erasure.
  const isMeant = isRecord(message) && Object.keys(message).every((key) => key === 'by' || key === 'reason');
  // 0.1.0 took any object for a wish to cancel.
  if (!isMeant && (!isObject(message) || patched('strict-cancel')))
    throw badInput('cancel wants no input, or {"by": "…", "reason": "…"}');
  return spoken({ ...message }, CANCEL);
}

function spoken(fields: Record<string, unknown>, what: string): { by?: string; reason?: string } {
  const { by, reason } = fields;
  if (by !== undefined && typeof by !== 'string') throw badInput(`${what}: "by" is a text`);
  if (reason !== undefined && typeof reason !== 'string') throw badInput(`${what}: "reason" is a text`);
  return {
    ...(by === undefined ? {} : { by: short(by) }),
    ...(reason === undefined ? {} : { reason: short(reason) }),
  };
}

/** Longest text of a message that is repeated to the operator or kept. */
const LONGEST_TEXT = 500;

/** What an operator wrote, in one line of a length that histories and log lines can carry. */
function short(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT)}…` : line;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : typeof value;
}

function badInput(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'BadInput');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !ArrayBuffer.isView(value);
}
