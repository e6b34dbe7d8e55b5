import type { Command } from 'commander';
import { wrongUsage } from '../operation-error.ts';
import { examples, type Run, type Tools } from '../tools.ts';
import { scheduleText, type ScheduleChange } from './schedule.ts';
import { coursesOf } from './session-client.ts';

/** `update` and `schedule`: when a course is updated. */
export function addRunningCommands(course: Command, run: Run): void {
  course
    .command('update')
    .argument('<SLUG>', 'the course')
    .option('--full', 'fetch and build everything anew')
    .option('--wait', 'until an update that began after this request has ended')
    .description('ask for an update now; while one runs, one more follows it')
    .addHelpText('after', examples('registrar course update botany-2026 --wait'))
    .action((slug: string, options: UpdateOptions, command: Command) =>
      run(command, (tools) => update(tools, slug, options)),
    );

  course
    .command('schedule')
    .argument('<SLUG>', 'the course')
    .option('--cron <SPEC>', 'minute, hour, day, month, weekday; in UTC unless CRON_TZ=… stands before it')
    .option('--pause', 'no updates but those asked for')
    .option('--resume', 'updates again')
    .description(
      'change when a course is updated; each update begins up to five minutes later than the spec says',
    )
    .addHelpText(
      'after',
      examples(
        'registrar course schedule botany-2026 --cron "0 4 * * *"',
        'registrar course schedule botany-2026 --pause',
      ),
    )
    .action((slug: string, options: ScheduleOptions, command: Command) =>
      run(command, async ({ session, output }) => {
        const schedule = await coursesOf(session).schedule(slug, changeAsked(options));
        output.document(schedule);
        output.line(scheduleText(schedule));
      }),
    );
}

interface UpdateOptions {
  readonly full?: boolean;
  readonly wait?: boolean;
}

async function update(
  { session, output, progress }: Tools,
  slug: string,
  { full = false, wait = false }: UpdateOptions,
): Promise<void> {
  const courses = coursesOf(session);
  if (!wait) {
    const requested = await courses.requestUpdate(slug, { full });
    output.document(requested);
    output.line(
      requested.waits ? `${slug}: an update runs, one more follows it` : `${slug}: the update has begun`,
    );
    return;
  }
  const ended = await progress.following(`updating ${slug}`, (show) =>
    courses.update(
      slug,
      { full },
      output.isTerminal && !output.json
        ? ({ slices, phase, wikis }) => show(slices.done, slices.all, [phase, ...wikis].join(' '))
        : undefined,
    ),
  );
  output.document(ended);
  const { preUpdate, reprocess, ingest, left, paused } = ended.result;
  output.line(
    `${slug} updated: ${ingest.revisions} new revisions looked at, ${reprocess.slicesFetched} slices fetched again whole, ${reprocess.slicesRebuilt + ingest.slicesRebuilt} rebuilt, ${preUpdate.studentsRemoved} former students removed`,
  );
  for (const { wiki, because } of left) output.line(`${wiki} was left over: ${because}`);
  if (paused) output.line('The course is long over and nothing is left to do: its schedule is paused.');
}

interface ScheduleOptions {
  readonly cron?: string;
  readonly pause?: boolean;
  readonly resume?: boolean;
}

function changeAsked({ cron, pause, resume }: ScheduleOptions): ScheduleChange {
  const asked: readonly ScheduleChange[] = [
    ...(cron === undefined ? [] : [{ kind: 'cron', cron } as const]),
    ...(pause ? [{ kind: 'pause' } as const] : []),
    ...(resume ? [{ kind: 'resume' } as const] : []),
  ];
  const [change, ...more] = asked;
  if (change !== undefined && more.length === 0) return change;
  throw wrongUsage('change what? Say one of --cron SPEC, --pause and --resume');
}
