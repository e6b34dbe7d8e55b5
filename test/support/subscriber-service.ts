import { createServer } from 'node:http';
import { sandboxPipeline, type PipelineRow } from '../../sandbox/lms/pipeline.ts';
import { listenOnLoopback } from './loopback.ts';

const NEWSLETTER: PipelineRow = ['RETIRING_COURSE_STATS', 'COURSE_STATS_COMPLETE', 'NEWSLETTER', 'forget'];

/** The sandbox's pipeline with the newsletter before the last stage. */
export const pipelineWithNewsletter: readonly PipelineRow[] = [
  ...sandboxPipeline.slice(0, -1),
  NEWSLETTER,
  ...sandboxPipeline.slice(-1),
];

/** How an operator declares the newsletter at `url`, with what a verification adds to its address. */
export function newsletterAt(url: string, verifyQuery = ''): Readonly<Record<string, unknown>> {
  const path = '/subscribers/{user_id}';
  const verify = { path: `${path}${verifyQuery}`, gone: [404] };
  return {
    NEWSLETTER: { base_url: url, methods: { forget: { verb: 'DELETE', path, ok: [200], verify } } },
  };
}

/** A newsletter of an operator's own: it forgets who is deleted, tells who is there, and can be given people back. */
export interface SubscriberService {
  readonly url: string;
  /** `DELETE`, `GET` and so on with the id, in the order of asking. */
  readonly asked: readonly string[];
  /** Everybody is subscribed who was not deleted. Takes somebody in again, as a faulty import would. */
  bringBack(userId: number): void;
  /** The next requests of this verb are answered with these statuses, one each. */
  answerNext(verb: string, ...statuses: readonly number[]): void;
  /** Whoever asks about this person is never answered. */
  hangAbout(userId: number): void;
  /** Deletes are answered 200 and do nothing from now on. */
  forgetNobody(): void;
  close(): Promise<void>;
}

export async function startSubscriberService(): Promise<SubscriberService> {
  const asked: string[] = [];
  const gone = new Set<number>();
  const hanging = new Set<number>();
  const answers: { readonly verb: string; readonly status: number }[] = [];
  let forgets = true;
  const server = createServer((request, response) => {
    const userId = Number(/^\/subscribers\/(\d+)(\?|$)/.exec(request.url ?? '')?.[1]);
    const verb = request.method ?? '';
    asked.push(`${verb} ${userId}`);
    if (verb === 'GET' && hanging.has(userId)) return;
    const index = answers.findIndex((answer) => answer.verb === verb);
    const [given] = index < 0 ? [] : answers.splice(index, 1);
    if (given !== undefined) return response.writeHead(given.status).end();
    if (verb === 'DELETE') {
      if (forgets) gone.add(userId);
      return response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    }
    const known = { 'content-type': 'application/json' };
    if (gone.has(userId)) return response.writeHead(404, known).end('{"detail":"no such subscriber"}');
    return response.writeHead(200, known).end(JSON.stringify({ subscriber: userId }));
  });
  const { url, close } = await listenOnLoopback(server);
  return {
    url,
    asked,
    bringBack: (userId) => void gone.delete(userId),
    answerNext: (verb, ...statuses) => void answers.push(...statuses.map((status) => ({ verb, status }))),
    hangAbout: (userId) => void hanging.add(userId),
    forgetNobody: () => {
      forgets = false;
    },
    close,
  };
}
