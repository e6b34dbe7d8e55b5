import type { Service, ServiceCall, ServiceOutcome } from '../learner.ts';
import type { Endpoint, Reply } from './endpoint.ts';
import { erased, nothingToErase } from './outcome.ts';
import { createSalesforceSession, SALESFORCE_VERSION, type SalesforceLogin } from './salesforce-session.ts';
import type { ThirdPartyOptions } from './third-party.ts';

export interface SalesforceKeys extends SalesforceLogin {
  /** Username of the Salesforce user to whom the tasks are assigned. */
  readonly assignee: string;
}

/** Salesforce cuts nothing: a longer subject is refused. */
const MAX_SUBJECT_LENGTH = 255;

const DATA = `/services/data/v${SALESFORCE_VERSION}`;

/**
 * Salesforce: opens a task, for the configured assignee, to erase the lead with the learner's e-mail address by hand.
 * No such lead is nothing to erase. Safe to repeat: an open task with the same subject on the same lead is taken as ours.
 */
export function createSalesforce(keys: SalesforceKeys, options: ThirdPartyOptions): Service {
  const ask = createSalesforceSession(keys, options);
  return { retire_learner: (call) => openTask(ask, keys.assignee, call) };
}

async function openTask(ask: Endpoint, assignee: string, call: ServiceCall): Promise<ServiceOutcome> {
  const { learner, signal } = call;
  const email = learner.originalEmail;
  // In SOQL an empty text equals a missing one: it would name every lead without an address.
  if (email.length === 0) return nothingToErase('the learner has no e-mail address');
  const query = (soql: string): Promise<Found> => select(ask, soql, signal);

  const leads = (await query(`SELECT Id FROM Lead WHERE Email = ${quoted(email)} ORDER BY Id`)).ids;
  const [lead] = leads;
  if (lead === undefined) return nothingToErase('no lead with this e-mail address');

  const subject = `GDPR Request: ${email}`.slice(0, MAX_SUBJECT_LENGTH);
  const open = await query(
    `SELECT Id FROM Task WHERE Subject = ${quoted(subject)} AND WhoId = ${quoted(lead)} AND IsClosed = false`,
  );
  if (open.ids[0] !== undefined) return erased(`task ${open.ids[0]} is open already`);

  const owner = await findAssignee(query, assignee);
  const task = {
    Description: description(email, leads),
    Subject: subject,
    WhoId: lead,
    OwnerId: owner,
  };
  const reply = await ask({ verb: 'POST', path: `${DATA}/sobjects/Task/`, json: task, signal });
  if (reply.status !== 201) throw reply.failure();
  return erased(`task ${createdId(reply)} opened`);
}

async function findAssignee(query: (soql: string) => Promise<Found>, assignee: string): Promise<string> {
  const found = await query(`SELECT Id FROM User WHERE Username = ${quoted(assignee)}`);
  if (found.ids[0] !== undefined) return found.ids[0];
  throw found.reply.failure({
    what: 'knows no user with the username in salesforce_assignee: correct that key',
    transient: false,
  });
}

function description(email: string, leads: readonly string[]): string {
  const task = `Erase all personal data of the person with this e-mail address: ${email}`;
  return leads.length < 2 ? task : `${task}\nMore than one lead has this address: ${leads.join(', ')}`;
}

interface Found {
  readonly ids: readonly string[];
  readonly reply: Reply;
}

async function select(ask: Endpoint, soql: string, signal: AbortSignal | undefined): Promise<Found> {
  const path = `${DATA}/query/?q=${encodeURIComponent(soql)}`;
  const reply = await ask({ verb: 'GET', path, route: `${DATA}/query/?q={soql}`, signal });
  if (reply.status !== 200) throw reply.failure();
  const answer = reply.json();
  if (typeof answer === 'object' && answer !== null && 'records' in answer && Array.isArray(answer.records)) {
    const ids = answer.records.map(idOf);
    if (ids.every((id) => id !== undefined)) return { ids, reply };
  }
  throw reply.failure({ what: 'answered 200 without records', transient: false });
}

function createdId(reply: Reply): string {
  const answer = reply.json();
  const id = idOf(answer);
  const made =
    typeof answer === 'object' && answer !== null && 'success' in answer && answer.success === true;
  if (made && id !== undefined) return id;
  throw reply.failure({ what: 'answered 201 without having made the task', transient: false });
}

/** Queries write `Id`, creations `id`. */
function idOf(record: unknown): string | undefined {
  if (typeof record !== 'object' || record === null) return undefined;
  const id = 'Id' in record ? record.Id : 'id' in record ? record.id : undefined;
  return typeof id === 'string' ? id : undefined;
}

const soqlEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

/** A SOQL text literal that ends where it should, whatever is in it. */
function quoted(text: string): string {
  return `'${Buffer.from(text)
    .toString()
    .replace(/[\\'"\n\r\t\b\f]/g, (character) => soqlEscapes[character] ?? character)}'`;
}
