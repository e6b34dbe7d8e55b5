import {
  isGrpcServiceError,
  ServiceError,
  WorkflowFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { NamespaceNotFoundError, rootCause } from '@temporalio/common';
import { connectionTrouble } from '../db/connection-trouble.ts';
import { ServiceFailure } from '../platform/failure.ts';
import { failed, OperationError } from './operation-error.ts';

/** Puts whatever was thrown into words that say what is wrong and what to do. Never a stack trace. */
export function toOperationError(error: unknown): OperationError {
  if (error instanceof OperationError) return error;
  if (error instanceof ServiceFailure) return failed(withAdvice(error), { cause: error });
  if (error instanceof NamespaceNotFoundError) {
    return failed(
      `Temporal has no namespace ${error.namespace}: create it (\`temporal operator namespace create -n ${error.namespace}\`) or correct TEMPORAL_NAMESPACE`,
      { cause: error },
    );
  }
  if (error instanceof WorkflowFailedError) return fromWorkflow(error);
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return noAnswer(error);
  if (error instanceof ServiceError || isGrpcServiceError(error)) return fromTemporal(error);
  return fromDatabase(error) ?? failed(messageOf(error), { cause: error });
}

function withAdvice(failure: ServiceFailure): string {
  const { status, what, transient } = failure.exchange;
  if (status === 401) {
    return `${failure.message}: check client_id and client_secret in the configuration against the LMS's OAuth application`;
  }
  if (status === 403) {
    return `${failure.message}: give the service account the right to retire (RETIREMENT_SERVICE_WORKER_USERNAME in the LMS)`;
  }
  if (what.includes('HTML')) {
    return `${failure.message}: check base_urls in the configuration, and whether a proxy or a maintenance page answers there`;
  }
  return transient
    ? `${failure.message}: check that the service runs and base_urls in the configuration, then try again`
    : failure.message;
}

function fromWorkflow(error: WorkflowFailedError): OperationError {
  return failed(rootCause(error.cause) ?? error.message, { cause: error });
}

function noAnswer(error: unknown): OperationError {
  return failed(
    'no answer in time: the worker is down, or the LMS is and the worker keeps trying; see `registrar doctor`, and whether it was done later in `registrar retirement show`',
    { cause: error },
  );
}

const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

function fromTemporal(error: Error): OperationError {
  const grpc = isGrpcServiceError(error.cause) ? error.cause : isGrpcServiceError(error) ? error : undefined;
  switch (Number(grpc?.code)) {
    case DEADLINE_EXCEEDED:
      return noAnswer(error);
    case PERMISSION_DENIED:
    case UNAUTHENTICATED:
      return failed(
        `Temporal does not let this client in (${grpc?.details ?? 'no reason given'}): check TEMPORAL_API_KEY and the TEMPORAL_TLS variables`,
        { cause: error },
      );
    case UNAVAILABLE:
      return failed('Temporal cannot be reached any more: check that the server runs, then try again', {
        cause: error,
      });
    default:
      return failed(`Temporal answered: ${grpc?.details || error.message}`, { cause: error });
  }
}

/** By the error codes of PostgreSQL and of connections. */
function fromDatabase(error: unknown): OperationError | undefined {
  const trouble = connectionTrouble(error);
  if (trouble !== undefined) return failed(trouble, { cause: error });
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return undefined;
  const say = (text: string): OperationError => failed(text, { cause: error });
  switch (code) {
    case '42P01':
    case '42703':
      return say(
        'the tables of the database are not those of this version: run `registrar setup`, or use the newer release that has run it already',
      );
    case '42501':
      return say(
        `the database does not allow this (${messageOf(error)}): run \`registrar setup\` as the owner of the tables, with REGISTRAR_WORKER_ROLE naming the role of workers and commands`,
      );
    default:
      return say(`the database refused: ${messageOf(error)} (${code})`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
