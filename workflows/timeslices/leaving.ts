import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import type { NamedWiki } from '../../activities/timeslices/planning.ts';
import type { Progress } from './progress.ts';

/** Runs `work` on a wiki. One that does not answer as it should is left for the next update; the others go on. */
export async function orLeave(
  progress: Progress,
  { wikiId, wiki }: NamedWiki,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await progress.at(wiki, work);
  } catch (error) {
    const because = reasonToLeave(error);
    if (because === undefined) throw error;
    progress.leave({ wikiId, wiki, because });
  }
}

function reasonToLeave(error: unknown): string | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  const { cause } = error;
  return cause instanceof ApplicationFailure && cause.type === 'WikiUnavailable' ? cause.message : undefined;
}
