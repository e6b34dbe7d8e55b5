import type { Configuration } from '../../config/configuration.ts';
import { describeProblem, type Problem } from '../../config/problem.ts';
import type { ConfigurationSource } from '../../config/watch.ts';
import type { Stage } from '../../domain/retirement/pipeline.ts';
import type { Probe, Service } from '../../platform/learner.ts';
import { createCleanup, type Cleanup } from '../../platform/lms/cleanup.ts';
import { createLmsClient, LMS, type LmsClient } from '../../platform/lms/client.ts';
import { createLmsService } from '../../platform/lms/methods.ts';
import { createPartnerReports, type PartnerReports } from '../../platform/lms/partner-reports.ts';
import { createRetirementQueue, type RetirementQueue } from '../../platform/lms/retirement.ts';
import {
  createProbes,
  createSegmentIdSource,
  createServices,
  type SegmentIdSource,
} from '../../platform/services/index.ts';
import { permanent, retryLater } from '../failures.ts';

/** The learning platform as the configuration describes it now: connected, with every service a pipeline row may name. */
export interface Platform {
  readonly configuration: Configuration;
  readonly queue: RetirementQueue;
  readonly cleanup: Cleanup;
  readonly partnerReports: PartnerReports;
  readonly services: Readonly<Record<string, Service>>;
  /** Asks a stage's service whether it still knows the learner; undefined where nothing is declared for that. */
  probeFor(stage: Pick<Stage, 'service' | 'method'>): Probe | undefined;
  /** Where `fetch_ecommerce_segment_id` is set: the source of that id, for the services that may send it on. */
  segmentIdFor(service: string): SegmentIdSource | undefined;
}

export interface PlatformSource {
  /**
   * The platform by the file as it is this moment. Throws `ConfigurationInvalid`, naming every mistake, when the file
   * is not valid.
   */
  current(): Promise<Platform>;
  /**
   * The same, but goes on with the last valid file while an operator is in the middle of editing it; when this process
   * has seen none yet, the failure is one that trying again may help.
   */
  lastValid(): Promise<Platform>;
  close(): Promise<void>;
}

interface Connected {
  readonly platform: Platform;
  readonly client: LmsClient;
}

const TRUSTED_FOR_MS = 250;

/** Keeps one set of connections and tokens for as long as the configuration stays the same. */
export function createPlatformSource(source: ConfigurationSource): PlatformSource {
  let kept: { readonly digest: string; readonly connecting: Promise<Connected> } | undefined;
  let working: Connected | undefined;
  let lookedAt = 0;

  const connectTo = async (configuration: Configuration): Promise<Connected> => {
    if (kept?.digest !== configuration.digest) {
      // Activities under way keep the platform they began with; its idle connections end by themselves.
      const next = { digest: configuration.digest, connecting: connect(configuration) };
      kept = next;
      next.connecting.catch(() => {
        // What a module or declaration lacks may be mended without touching the file.
        if (kept === next) kept = undefined;
      });
    }
    working = await kept.connecting;
    return working;
  };

  /** The platform of the file as it is, or why there is none. */
  const attempt = async (): Promise<Connected | string> => {
    lookedAt = Date.now();
    const loaded = await source.current();
    if (loaded.kind === 'invalid') return describeProblems(loaded.problems);
    try {
      return await connectTo(loaded.configuration);
    } catch (error) {
      return `the configuration is not valid: ${error instanceof Error ? error.message : String(error)}`;
    }
  };

  return {
    current: async () => {
      const connected = await attempt();
      if (typeof connected === 'string') throw permanent('ConfigurationInvalid', connected);
      return connected.platform;
    },
    lastValid: async () => {
      // A stage may begin a moment behind the file; looking at it every time is felt when many run.
      if (working !== undefined && Date.now() - lookedAt < TRUSTED_FOR_MS) return working.platform;
      const connected = await attempt();
      if (typeof connected !== 'string') return connected.platform;
      if (working === undefined) throw retryLater('ConfigurationInvalid', connected);
      return working.platform;
    },
    close: async () => {
      await working?.client.close();
    },
  };
}

function describeProblems(problems: readonly Problem[]): string {
  return `the configuration is not valid: ${problems.map(describeProblem).join('; ')}`;
}

async function connect(configuration: Configuration): Promise<Connected> {
  const { baseUrls, clientId, clientSecret, thirdParties, registrar } = configuration;
  const client = createLmsClient({
    baseUrl: baseUrls.lms,
    clientId,
    clientSecret,
    concurrency: registrar.lmsConcurrency,
    timeoutMs: registrar.requestTimeoutMs,
  });
  const services = await createServices({
    thirdParties,
    baseUrls,
    declarations: registrar.services,
    lmsTokens: client.tokens,
    pipeline: configuration.pipeline,
    timeoutMs: registrar.requestTimeoutMs,
  });
  const probes = createProbes({
    declarations: registrar.services,
    timeoutMs: registrar.requestTimeoutMs,
  });
  const segmentIds =
    configuration.fetchEcommerceSegmentId && baseUrls['ecommerce'] !== undefined
      ? createSegmentIdSource({
          baseUrl: baseUrls['ecommerce'],
          tokens: client.tokens,
          timeoutMs: registrar.requestTimeoutMs,
        })
      : undefined;
  const platform: Platform = {
    configuration,
    queue: createRetirementQueue(client),
    cleanup: createCleanup(client),
    partnerReports: createPartnerReports(client),
    services: { ...services, [LMS]: createLmsService(client) },
    probeFor: ({ service, method }) => {
      const ofService = Object.hasOwn(probes, service) ? probes[service] : undefined;
      return ofService !== undefined && Object.hasOwn(ofService, method) ? ofService[method] : undefined;
    },
    segmentIdFor: (service) => (sendsSegmentId(service, configuration) ? segmentIds : undefined),
  };
  return { platform, client };
}

function sendsSegmentId(service: string, { registrar }: Configuration): boolean {
  return service === 'SEGMENT' || registrar.services[service] !== undefined;
}
