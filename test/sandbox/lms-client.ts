import http from 'node:http';
import { createSandboxControl, type SandboxControl } from '../../sandbox/control/client.ts';
import { sandboxPipeline } from '../../sandbox/lms/pipeline.ts';
import { startSandboxLms, type SandboxLmsOptions } from '../../sandbox/lms/server.ts';
import type { SandboxServer } from '../../sandbox/shell/server.ts';
import { createDatabase } from '../support/database.ts';

export const credentials = {
  clientId: 'retirement-client',
  clientSecret: 'retirement-secret',
  plainClientId: 'plain-client',
  plainClientSecret: 'plain-secret',
};

export const accounts = '/api/user/v1/accounts/';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface Sent {
  readonly method: string;
  /** Sent as it is. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request over a connection of its own; rejects when the connection closes without an answer. */
export function send(port: number, sent: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        method: sent.method,
        path: sent.path,
        headers: { ...sent.headers },
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(sent.body);
  });
}

export interface Learner {
  readonly id: number;
  readonly user_id: number;
  readonly retirement_id: number;
  readonly username: string;
  readonly email: string;
  readonly name: string;
}

/** What the tests read of a learner in the sandbox. */
export interface HeldLearner {
  readonly username: string;
  readonly email: string;
  readonly usable_password: boolean;
  readonly is_active: boolean;
  readonly name: string;
  readonly current_state: string | null;
  readonly last_state: string | null;
  readonly retirement_id: number | null;
  readonly retired_username: string;
  readonly responses: string;
  readonly notes: number;
  readonly forum: { readonly username: string } | null;
  readonly enrolments: readonly { readonly org: string; readonly is_active: boolean }[];
  readonly proctoring: readonly { readonly student_name: string | null }[];
  readonly misc: { readonly revision_ip: string | null };
  readonly partner_report: { readonly is_being_processed: boolean } | null;
  readonly deletion_requested_once: boolean;
}

export type Effects = Readonly<Record<string, { readonly called: number; readonly effective: number }>>;

/** Speaks to one sandbox as the retirement service does, and as the tests do behind its back. */
export class LmsClient {
  readonly #lms: SandboxServer;
  readonly #control: SandboxControl;
  #token = '';

  constructor(lms: SandboxServer) {
    this.#lms = lms;
    this.#control = createSandboxControl(lms.url);
  }

  get port(): number {
    return this.#lms.port;
  }

  async token(
    clientId = credentials.clientId,
    clientSecret = credentials.clientSecret,
    more: Readonly<Record<string, string>> = { token_type: 'jwt' },
  ): Promise<Answer> {
    const form = {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      ...more,
    };
    return send(this.port, {
      method: 'POST',
      path: '/oauth2/access_token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    });
  }

  async signIn(): Promise<string> {
    this.#token = textOf(json(await this.token()), 'access_token');
    return this.#token;
  }

  /** As the original driver: JSON content type on every request, also without a body. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    return send(this.port, {
      method,
      path,
      headers: { authorization: `JWT ${this.#token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  async move(
    username: string,
    newState: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer> {
    const body = { username, new_state: newState, response: `to ${newState}`, ...more };
    return this.call('PATCH', `${accounts}update_retirement_status/`, body);
  }

  async status(username: string): Promise<Answer> {
    return this.call('GET', `${accounts}${encodeURIComponent(username)}/retirement_status/`);
  }

  /** The answer as it comes, also when it is a refusal. */
  async control(method: string, path: string, body?: unknown): Promise<Answer> {
    return send(this.port, {
      method,
      path: `/_sandbox/${path}`,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  }

  async learners(asked: unknown): Promise<readonly Learner[]> {
    return (await this.#control('POST', '/_sandbox/learners', asked)) as readonly Learner[];
  }

  async learner(username: string, more: Readonly<Record<string, unknown>> = {}): Promise<Learner> {
    const [made] = await this.learners([
      { username, email: `${username}@example.com`, name: `Name of ${username}`, ...more },
    ]);
    if (made === undefined) throw new Error('no learner was made');
    return made;
  }

  async held(username: string): Promise<HeldLearner> {
    const path = `/_sandbox/learners?username=${encodeURIComponent(username)}`;
    return (await this.#control('GET', path)) as HeldLearner;
  }

  async effects(username: string): Promise<Effects> {
    const path = `/_sandbox/effects?username=${encodeURIComponent(username)}`;
    return (await this.#control('GET', path)) as Effects;
  }

  async fault(fault: unknown): Promise<void> {
    await this.#control('POST', '/_sandbox/faults', fault);
  }
}

const routes: Readonly<Record<string, readonly [method: string, path: string]>> = {
  retirement_unenroll: ['POST', '/api/enrollment/v1/unenroll/'],
  retirement_retire_forum: ['POST', '/api/discussion/v1/accounts/retire_forum/'],
  retirement_retire_notes: ['POST', '/api/edxnotes/v1/retire_user/'],
  retirement_retire_proctoring_data: ['POST', '/api/edx_proctoring/v1/retire_user/'],
  retirement_partner_queue: ['PUT', `${accounts}retirement_partner_report/`],
  retirement_lms_retire_misc: ['POST', `${accounts}retire_misc/`],
  retirement_lms_retire: ['POST', `${accounts}retire/`],
};

/** The requests of the original driver for one learner, in its order, the token and the first look at the state left out. */
export function driverRequests(
  learner: Learner,
): readonly { method: string; path: string; body?: unknown }[] {
  const patch = (newState: string, response: string) => ({
    method: 'PATCH',
    path: `${accounts}update_retirement_status/`,
    body: { username: learner.username, new_state: newState, response },
  });
  const stages = sandboxPipeline.flatMap(([start, end, , method]) => {
    const [verb, path] = routes[method] ?? ['GET', '/'];
    const call =
      method === 'retirement_retire_proctoring_data'
        ? { method: verb, path: `${path}${learner.user_id}/` }
        : { method: verb, path, body: { username: learner.username } };
    return [
      patch(start, `Starting: ${start}`),
      call,
      patch(end, `Ending: ${end} with response:\n<Response [204]>`),
    ];
  });
  return [...stages, patch('COMPLETE', 'Learner retirement complete.')];
}

export async function retireAsTheDriver(client: LmsClient, learner: Learner): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (const request of driverRequests(learner)) {
    statuses.push((await client.call(request.method, request.path, request.body)).status);
  }
  return statuses;
}

export interface Fixture {
  readonly client: LmsClient;
  readonly databaseUrl: string;
  /** Another sandbox on the same data; closed at the end too. */
  start(options?: Partial<SandboxLmsOptions>): Promise<SandboxServer>;
  /** Closes the sandbox that this client speaks to. */
  close(client: LmsClient): Promise<void>;
  restart(): Promise<void>;
  end(): Promise<void>;
}

/** A database and a sandbox of its own, signed in. */
export async function startFixture(): Promise<Fixture> {
  const database = await createDatabase();
  const open = new Set<SandboxServer>();
  const start = async (options: Partial<SandboxLmsOptions> = {}): Promise<SandboxServer> => {
    const lms = await startSandboxLms({ databaseUrl: database.url, port: 0, credentials, ...options });
    open.add(lms);
    return lms;
  };
  const first = await start();
  const client = new LmsClient(first);
  await client.signIn();
  const close = async (port: number): Promise<void> => {
    for (const lms of [...open].filter((other) => other.port === port)) {
      open.delete(lms);
      await lms.close();
    }
  };
  return {
    client,
    databaseUrl: database.url,
    start,
    close: (other) => close(other.port),
    restart: async () => {
      await close(first.port);
      await start({ port: first.port });
    },
    end: async () => {
      for (const lms of open) await lms.close();
      await database.drop();
    },
  };
}

export function json(answer: Answer): unknown {
  return JSON.parse(answer.text) as unknown;
}

export function textOf(value: unknown, key: string): string {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  if (typeof found !== 'string') throw new Error(`no text under ${key}`);
  return found;
}
