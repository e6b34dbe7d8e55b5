import type { Command } from 'commander';
import { describeProblem } from '../../config/problem.ts';
import { listUnknownMigrations } from '../../db/pending-migrations.ts';
import { databaseUrlOf } from '../database.ts';
import { exactSpanText } from '../times.ts';
import { examples, type Run } from '../tools.ts';
import type { ScheduleOutcome } from './schedules.ts';
import { setUp, type SetUpReport } from './set-up.ts';

export function addSetupCommand(program: Command, run: Run): void {
  program
    .command('setup')
    .description(
      'migrate the database, grant rights to workers, register search attributes, create schedules; safe to repeat',
    )
    .addHelpText('after', examples('registrar setup', 'registrar setup --json'))
    .action((_options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const databaseUrl = databaseUrlOf(session.env);
        const temporal = await session.temporal();
        const loaded = await session.loadConfiguration();
        if (loaded.kind === 'invalid') {
          const [first] = loaded.problems;
          output.notice(
            `warning: the schedules get their defaults, because the configuration is not valid: ${first === undefined ? '' : describeProblem(first)}`,
          );
        }
        const configuration = loaded.kind === 'valid' ? loaded.configuration : undefined;
        const workerRole = session.env['REGISTRAR_WORKER_ROLE'] || undefined;
        const report = await setUp({ databaseUrl, temporal, configuration, workerRole });
        const newerMigrations = await listUnknownMigrations(session.database());
        output.document({ ...report, ...(newerMigrations.length > 0 && { newerMigrations }) });
        for (const line of reportLines(report, newerMigrations)) output.line(line);
      }),
    );
}

function reportLines(
  { migrations, workerRole, searchAttributes, schedules }: SetUpReport,
  newerMigrations: readonly string[],
): readonly string[] {
  return [
    `database: ${migrations.length === 0 ? 'up to date' : `migrated: ${migrations.join(', ')}`}`,
    ...(newerMigrations.length === 0
      ? []
      : [`database: has ${newerMigrations.join(', ')} of a newer release; this one leaves them alone`]),
    ...(workerRole === undefined ? [] : [`rights: ${workerRole} may read and write rows`]),
    `search attributes: ${searchAttributes.length === 0 ? 'all registered' : `registered: ${searchAttributes.join(', ')}`}`,
    ...schedules.flatMap(scheduleLines),
    ...courseLines(schedules),
  ];
}

function scheduleLines(schedule: ScheduleOutcome): readonly string[] {
  const { scheduleId, outcome, paused } = schedule;
  if (outcome === 'removed')
    return [`schedule ${scheduleId}: removed, the configuration does not ask for it`];
  if ('everyMs' in schedule) {
    const every = exactSpanText(schedule.everyMs);
    return [`schedule ${scheduleId}: ${outcome}, every ${every}${paused ? ', paused by an operator' : ''}`];
  }
  return outcome === 'unchanged' ? [] : [`schedule ${scheduleId}: ${outcome}${paused ? ', paused' : ''}`];
}

/** Schedules of courses are as many as the courses; those that were right already share a line. */
function courseLines(schedules: readonly ScheduleOutcome[]): readonly string[] {
  const unchanged = schedules.filter(
    (schedule) => 'courseId' in schedule && schedule.outcome === 'unchanged',
  );
  return unchanged.length === 0 ? [] : [`schedules of courses: ${unchanged.length} unchanged`];
}
