import type { Configuration } from '../../config/configuration.ts';
import { describeProblem } from '../../config/problem.ts';
import type { ConfigurationSource } from '../../config/watch.ts';
import { systemTags } from '../../domain/timeslices/revisions.ts';
import { createWikiClient, type WikiClient } from '../../platform/wiki/client.ts';
import { createReferenceCounter, type ReferenceCounter } from '../../platform/wiki/reference-counter.ts';
import { userAgentOf } from '../../platform/wiki/user-agent.ts';
import { permanent } from '../failures.ts';

/** Everything that lies outside of our own database, as the configuration has it now. */
export interface Wikis {
  clientOf(apiUrl: string): WikiClient;
  /** Undefined: references are not counted. */
  readonly counter: ReferenceCounter | undefined;
  /** Tags of edits that a system made. */
  readonly systemTags: ReadonlySet<string>;
  /** How long a wiki may fail before an update leaves it. */
  readonly budgetMs: number;
}

/** The wikis of the configuration; connections are kept for as long as it stays the same. */
export interface WikiSource {
  /** As the file has them, or had them when it was valid last. Throws a permanent `ConfigurationInvalid` that names the mistakes. */
  current(): Promise<Wikis>;
  close(): Promise<void>;
}

export function createWikiSource(source: ConfigurationSource): WikiSource {
  let kept: Connected | undefined;
  return {
    async current() {
      const loaded = await source.current();
      // An operator is editing the file: what was valid last goes on.
      if (loaded.kind === 'invalid' && kept) return kept.wikis;
      if (loaded.kind === 'invalid') {
        const problems = loaded.problems.map(describeProblem).join('; ');
        throw permanent('ConfigurationInvalid', `the configuration is not valid: ${problems}`);
      }
      if (kept?.digest !== loaded.configuration.digest) {
        // Requests under way keep their connections: closing waits for them.
        void kept?.close();
        kept = connect(loaded.configuration);
      }
      return kept.wikis;
    },
    close: async () => kept?.close(),
  };
}

interface Connected {
  readonly digest: string;
  readonly wikis: Wikis;
  close(): Promise<void>;
}

function connect({ digest, registrar }: Configuration): Connected {
  const userAgent = userAgentOf(registrar.contact);
  const timeoutMs = registrar.requestTimeoutMs;
  const clients = new Map<string, WikiClient>();
  const counter =
    registrar.referenceCounterUrl === undefined
      ? undefined
      : createReferenceCounter({ baseUrl: registrar.referenceCounterUrl, userAgent, timeoutMs });
  return {
    digest,
    wikis: {
      counter,
      systemTags: systemTags(registrar.systemOauthIds),
      budgetMs: registrar.retryBudgetMs,
      clientOf: (apiUrl) => {
        const client = clients.get(apiUrl) ?? createWikiClient({ apiUrl, userAgent, timeoutMs });
        clients.set(apiUrl, client);
        return client;
      },
    },
    close: async () => {
      await Promise.allSettled([...[...clients.values()].map((client) => client.close()), counter?.close()]);
    },
  };
}
