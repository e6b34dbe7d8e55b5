import path from 'node:path';
import { parseArgs } from 'node:util';
import { createOutput } from '../client/output.ts';
import { createCourseClient } from '../client/course/client.ts';
import { createRetirementClient } from '../client/retirement/client.ts';
import { connectTemporal } from '../client/temporal.ts';
import type { Configuration } from '../config/configuration.ts';
import { loadConfiguration } from '../config/load.ts';
import { openDatabase } from '../db/database.ts';
import { sandboxPipeline, type PipelineRow } from '../sandbox/lms/pipeline.ts';
import { registrarHome } from '../stack/home.ts';
import { compose } from './compose.ts';
import { playCourseStory, type Chapter } from './story/course-story.ts';
import { playErasureStory, type Erasure } from './story/erasure-story.ts';
import { playRetirementStory, type Ending } from './story/retirement-story.ts';
import { untilInterrupted } from './up.ts';

/** The sandbox's, and before the learner is renamed: out of the courses. */
const pipeline: readonly PipelineRow[] = [
  ...sandboxPipeline.slice(0, -1),
  ['RETIRING_COURSE_STATS', 'COURSE_STATS_COMPLETE', 'REGISTRAR', 'retirement_remove_course_user'],
  ...sandboxPipeline.slice(-1),
];

/** `npm start`: brings everything up on embedded defaults, plays one story, and stays until Ctrl-C (`--once`: ends). */
async function start(once: boolean): Promise<number> {
  const began = Date.now();
  const tell = (line: string): void => void process.stderr.write(`${since(began)}  ${line}\n`);
  const interrupted = untilInterrupted();
  // A stage that fails is given up after seconds, so that the story need not wait out the usual ten minutes.
  const sandbox = { configurationName: 'story.yml', registrar: { retry_budget: '2s' }, pipeline };
  // The story is told in lines; the worker's own log would stand between them.
  const env = { REGISTRAR_LOG_LEVEL: 'error', ...process.env };
  const product = await compose({ env, sandbox, log: tell });
  try {
    await product.ready;
    tell('the worker is ready');
    const told = await play(product.environment, tell);
    report(told, product.environment);
    const held =
      told.endings.every((ending) => ending.held) &&
      told.chapters.every(({ wrong }) => wrong === '') &&
      told.erasure.wrong === '';
    tell(held ? 'everything is as the story says' : 'something is not as the story says: see the tables');
    if (!once) {
      tell('everything stays up until Ctrl-C; `npx registrar retirement list` and the others work beside it');
      await interrupted;
    }
    return held ? 0 : 1;
  } finally {
    tell('stopping');
    await product.stop();
  }
}

interface Told {
  readonly endings: readonly Ending[];
  readonly chapters: readonly Chapter[];
  readonly erasure: Erasure;
}

async function play(
  environment: Readonly<Record<string, string>>,
  tell: (line: string) => void,
): Promise<Told> {
  const env = { ...process.env, ...environment };
  const database = openDatabase({ url: environment['DATABASE_URL'] ?? '' });
  const temporal = await connectTemporal(env);
  try {
    const configuration = async (): Promise<Configuration> => {
      const loaded = await loadConfiguration({ path: environment['REGISTRAR_CONFIG'] ?? '', env });
      if (loaded.kind === 'valid') return loaded.configuration;
      throw new Error('the configuration of the sandbox is not valid');
    };
    const retirements = createRetirementClient({ database, temporal: async () => temporal, configuration });
    const courses = createCourseClient({ database, temporal: async () => temporal });
    const folder = registrarHome(process.env).sandbox;
    const lmsUrl = environment['LMS_URL'] ?? '';
    const castFile = path.join(folder, 'story.json');
    const endings = await playRetirementStory({ retirements, temporal, database, lmsUrl, castFile, tell });
    const wikiUrls = [environment['WIKI_URL'] ?? '', environment['SECOND_WIKI_URL'] ?? ''] as const;
    const file = path.join(folder, 'course-story.json');
    const chapters = await playCourseStory({ courses, database, wikiUrls, file, tell });
    const last = await playErasureStory({ retirements, courses, database, configuration, lmsUrl, tell });
    return { endings, chapters: [...chapters, last.chapter], erasure: last.erasure };
  } finally {
    await temporal.close();
    await database.close();
  }
}

function report({ endings, chapters, erasure }: Told, environment: Readonly<Record<string, string>>): void {
  const output = createOutput({
    stdout: process.stdout,
    stderr: process.stderr,
    json: false,
    isTerminal: process.stdout.isTTY,
    colours: process.stdout.isTTY,
  });
  output.line();
  output.table(endings, [
    { head: 'LMS user', cell: (ending) => String(ending.userId), align: 'right' },
    { head: 'what happened', cell: (ending) => ending.what },
    { head: 'state', cell: (ending) => ending.ended },
    { head: 'in the LMS', cell: (ending) => ending.inLms },
    { head: 'as told', cell: (ending) => (ending.held ? 'yes' : `NO: wanted ${ending.wanted}`) },
  ]);
  output.line();
  output.table(chapters, [
    { head: 'course', cell: ({ what }) => what },
    { head: 'students', cell: ({ students }) => String(students), align: 'right' },
    { head: 'characters', cell: ({ characters }) => String(characters), align: 'right' },
    { head: 'references', cell: ({ references }) => String(references), align: 'right' },
    { head: 'revisions', cell: ({ revisions }) => String(revisions), align: 'right' },
    { head: 'articles', cell: ({ articles }) => String(articles), align: 'right' },
    { head: 'slices worked', cell: ({ slicesRebuilt }) => String(slicesRebuilt), align: 'right' },
    { head: 'equal to a rebuild', cell: ({ wrong }) => (wrong === '' ? 'yes' : `NO: ${wrong}`) },
  ]);
  output.line();
  output.table(
    [erasure],
    [
      { head: 'LMS user', cell: ({ userId }) => String(userId), align: 'right' },
      { head: 'what happened', cell: () => 'erased, from the course too' },
      { head: 'state', cell: ({ state }) => state },
      { head: 'receipt', cell: ({ receipt }) => String(receipt), align: 'right' },
      { head: 'in the chain', cell: ({ receiptsInChain }) => String(receiptsInChain), align: 'right' },
      { head: 'verified', cell: ({ wrong }) => (wrong === '' ? 'yes' : `NO: ${wrong}`) },
    ],
  );
  output.line();
  output.line(`Temporal UI   ${environment['TEMPORAL_UI_URL'] ?? ''}`);
  output.line(`Sandbox LMS   ${environment['LMS_URL'] ?? ''}`);
  output.line(`Sandbox wikis ${environment['WIKI_URL'] ?? ''}, ${environment['SECOND_WIKI_URL'] ?? ''}`);
  output.line(`Configuration ${environment['REGISTRAR_CONFIG'] ?? ''}`);
  output.line();
}

function since(began: number): string {
  return `${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s`;
}

try {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
  process.exit(await start(values.once));
} catch (error) {
  process.stderr.write(`registrar: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
