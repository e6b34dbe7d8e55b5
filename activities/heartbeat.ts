import { heartbeat } from '@temporalio/activity';

const EVERY_MS = 2_000;

/**
 * Heartbeats for as long as `work` lasts, so that Temporal soon notices a worker that died with it. What `work` tells of is
 * shown to whoever looks at the pending activity.
 */
export async function beating<Result>(
  work: (tell: (details: unknown) => void) => Promise<Result>,
): Promise<Result> {
  let latest: unknown;
  const beat = setInterval(() => heartbeat(latest), EVERY_MS);
  try {
    return await work((details) => {
      latest = details;
      heartbeat(details);
    });
  } finally {
    clearInterval(beat);
  }
}
