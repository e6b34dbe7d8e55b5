import type { Configuration } from '../config/configuration.ts';
import { createLmsClient, type LmsClient } from '../platform/lms/client.ts';
import { createRetirementQueue, type RetirementQueue } from '../platform/lms/retirement.ts';

/** The LMS of a configuration, while `work` runs. */
export async function withLms<Result>(
  configuration: Configuration,
  work: (lms: { readonly client: LmsClient; readonly queue: RetirementQueue }) => Promise<Result>,
): Promise<Result> {
  const { baseUrls, clientId, clientSecret, registrar } = configuration;
  const client = createLmsClient({
    baseUrl: baseUrls.lms,
    clientId,
    clientSecret,
    concurrency: registrar.lmsConcurrency,
    timeoutMs: registrar.requestTimeoutMs,
  });
  try {
    return await work({ client, queue: createRetirementQueue(client) });
  } finally {
    await client.close();
  }
}
