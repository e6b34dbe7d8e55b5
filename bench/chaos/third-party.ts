import fastify from 'fastify';
import { registerControl } from '../../sandbox/control/control.ts';
import { plainBodyOf, registerBodyParsers } from '../../sandbox/shell/bodies.ts';

export interface Calls {
  /** Requests to forget somebody, those included that a fault kept from doing anything. */
  readonly called: number;
  /** Those that found somebody to forget. */
  readonly effective: number;
}

/** A service outside of the LMS, which knows people and can be told to forget them. Its faults are set as the sandboxes'. */
export interface ThirdParty {
  readonly url: string;
  /** From now on it knows this person; whom it refuses it never forgets. */
  know(userId: number, options: { readonly refuses: boolean }): void;
  callsOf(userId: number): Calls;
  /** Pretends that somebody was forgotten once more than they were: for showing that this would be seen. */
  miscount(userId: number): void;
  close(): Promise<void>;
}

interface Person {
  readonly refuses: boolean;
  isKnown: boolean;
  called: number;
  effective: number;
}

/** Starts it on a free port of the loopback address. */
export async function startThirdParty(): Promise<ThirdParty> {
  const people = new Map<number, Person>();
  const app = fastify({ logger: false, forceCloseConnections: true });
  registerBodyParsers(app);
  registerControl(app, {
    bodyOf: plainBodyOf,
    onPrevented: async ({ method, url }) => {
      const person = people.get(Number(/^\/forget\/(\d+)$/.exec(url)?.[1]));
      if (method === 'POST' && person !== undefined) person.called += 1;
    },
  });
  app.post<{ Params: { id: string } }>('/forget/:id', async (request, reply) => {
    const person = people.get(Number(request.params.id));
    if (person === undefined) return reply.code(404).send();
    person.called += 1;
    // As many do: the refusal tells whom it is about.
    if (person.refuses) return reply.code(403).send({ error: 'on legal hold', asked: plainBodyOf(request) });
    if (!person.isKnown) return reply.code(404).send({ error: 'nobody here' });
    person.isKnown = false;
    person.effective += 1;
    return reply.code(200).send({ forgotten: true });
  });
  app.get<{ Params: { id: string } }>('/people/:id', async (request, reply) =>
    reply.code(people.get(Number(request.params.id))?.isKnown === true ? 200 : 404).send({}),
  );
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    know: (userId, { refuses }) => {
      people.set(userId, { refuses, isKnown: true, called: 0, effective: 0 });
    },
    callsOf: (userId) => {
      const { called = 0, effective = 0 } = people.get(userId) ?? {};
      return { called, effective };
    },
    miscount: (userId) => {
      const person = people.get(userId);
      if (person !== undefined) person.effective += 1;
    },
    close: () => app.close(),
  };
}
