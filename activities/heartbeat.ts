import { heartbeat } from '@temporalio/activity';

const EVERY_MS = 2_000;

/** Heartbeats for as long as `work` lasts, so that Temporal soon notices a worker that died with it. */
export async function beating<Result>(work: () => Promise<Result>): Promise<Result> {
  const beat = setInterval(() => heartbeat(), EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
  }
}
