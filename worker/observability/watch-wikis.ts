import { CancelledFailure } from '@temporalio/common';
import type { Wikis, WikiSource } from '../../activities/timeslices/wiki-access.ts';
import { isAbort } from '../../activities/failures.ts';
import { ServiceFailure } from '../../platform/failure.ts';
import type { WikiClient } from '../../platform/wiki/client.ts';
import type { Metrics, WikiResult } from './metrics.ts';

/** The same wikis, with every request told of. */
export function watchWikis(source: WikiSource, metrics: Metrics): WikiSource {
  return {
    current: async () => watched(await source.current(), metrics),
    close: () => source.close(),
  };
}

function watched(wikis: Wikis, metrics: Metrics): Wikis {
  const { counter } = wikis;
  return {
    ...wikis,
    clientOf: (apiUrl) => watchedClient(wikis.clientOf(apiUrl), new URL(apiUrl).host, metrics),
    counter: counter && {
      count: (asked) =>
        timed(
          () => counter.count(asked),
          (result, seconds) => metrics.counterAnswered({ result, seconds }),
        ),
      close: () => counter.close(),
    },
  };
}

function watchedClient(client: WikiClient, wiki: string, metrics: Metrics): WikiClient {
  const tell = (result: WikiResult, seconds: number): void => metrics.wikiAnswered({ wiki, result, seconds });
  return {
    listContributions: (asked) =>
      timed(
        () => client.listContributions(asked),
        tell,
        ({ kind }) => (kind === 'bad-user' ? 'refused-name' : 'ok'),
      ),
    describePages: (pageIds, signal) => timed(() => client.describePages(pageIds, signal), tell),
    describeSite: (signal) => timed(() => client.describeSite(signal), tell),
    close: () => client.close(),
  };
}

async function timed<Answer>(
  ask: () => Promise<Answer>,
  tell: (result: WikiResult, seconds: number) => void,
  resultOf: (answer: Answer) => WikiResult = () => 'ok',
): Promise<Answer> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  try {
    const answer = await ask();
    tell(resultOf(answer), seconds());
    return answer;
  } catch (error) {
    tell(failureOf(error), seconds());
    throw error;
  }
}

/** `busy`: the wiki wants to be left alone for a while. */
function failureOf(error: unknown): WikiResult {
  if (error instanceof CancelledFailure || isAbort(error)) return 'interrupted';
  if (!(error instanceof ServiceFailure)) return 'failed';
  const { status, retryAfterMs } = error.exchange;
  if (status === undefined) return 'unanswered';
  return retryAfterMs === undefined ? 'failed' : 'busy';
}
