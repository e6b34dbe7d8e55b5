import { SLICES } from './course.ts';
import { setUpCourse, using } from './update-course.ts';
import { countLive, leastRequests, leavers, usernames } from './update-edits.ts';
import { peakMiB } from './update-memory.ts';
import { measureUpdate, type MeasuredUpdate } from './update-meter.ts';
import { onUpdateStage, type UpdateStage } from './update-stage.ts';

export interface UpdateBenchOptions {
  readonly revisions: number;
  readonly log: (line: string) => void;
}

/**
 * Whole updates of one course, from the request to the result, by the product's worker against the sandbox wiki: the first, one
 * where nothing happened, one after each of three students left, and a full rebuild. After each, every derived number is
 * compared with a rebuild. Returns times, requests against the fewest possible, CPU time, rows written, and peak memory.
 */
export async function benchUpdates({ revisions, log }: UpdateBenchOptions): Promise<Record<string, unknown>> {
  return onUpdateStage(log, async (stage) => {
    const idleMiB = peakMiB(stage.pids.worker);
    const { courseId, edits } = await setUpCourse(stage, revisions, log);
    const all: MeasuredUpdate[] = [];
    let students = usernames;
    const update = async (name: string): Promise<MeasuredUpdate> => {
      const measured = await measureUpdate(stage, { courseId, name, revisions: countLive(edits, students) });
      all.push(measured);
      const { timeMs, cpuMs, requests, largestBackendMiB, workerPeakMiB } = measured;
      log(`${name}: ${JSON.stringify({ timeMs, cpuMs, requests, largestBackendMiB, workerPeakMiB })}`);
      return measured;
    };
    const first = await update('first');
    const dormant = await update('nothing-happened');
    const departures: MeasuredUpdate[] = [];
    for (const [place, slices] of leavers) {
      const leaver = usernames[place];
      students = students.filter((name) => name !== leaver);
      await leave(stage, leaver);
      departures.push(await update(`left-${slices}-slices`));
    }
    await using(stage.databaseUrl, (database) =>
      database.query('update courses set needs_update = true where id = $1::bigint', [courseId]),
    );
    const rebuild = await update('full-rebuild');
    return {
      revisions,
      students: usernames.length,
      slices: SLICES,
      first: {
        ...shown(first),
        leastRequests: leastRequests(edits, usernames),
        cpuMicrosecondsPerRevision: perRevision(first, revisions),
      },
      nothingHappened: {
        ...shown(dormant),
        leastRequests: leastRequests([], usernames),
        rowsWritten: dormant.rowsWritten,
      },
      studentLeft: departures.map((departure) => reportDeparture(departure, { dormant, rebuild })),
      fullRebuild: { ...shown(rebuild), leastRequests: leastRequests(edits, students) },
      workerMiB: { idle: idleMiB, peak: peakMiB(stage.pids.worker), aim: 512 },
      largestBackendMiB: largest(all),
    };
  });
}

async function leave({ databaseUrl }: UpdateStage, username: string | undefined): Promise<void> {
  await using(databaseUrl, (database) =>
    database.query(
      'delete from courses_users where user_id = (select id from users where username = $1::text)',
      [username],
    ),
  );
}

function shown({ timeMs, cpuMs, requests }: MeasuredUpdate): Record<string, unknown> {
  return { seconds: rounded(timeMs / 1000), requests, cpuMs };
}

function perRevision({ cpuMs }: MeasuredUpdate, revisions: number): Record<string, number> | undefined {
  if (!cpuMs) return undefined;
  const { worker, postgres } = cpuMs;
  return {
    worker: Math.round((worker * 1000) / revisions),
    postgres: Math.round((postgres * 1000) / revisions),
  };
}

/** What a departure cost beyond an update where nothing happened, and all of it against a full rebuild. */
function reportDeparture(
  departure: MeasuredUpdate,
  { dormant, rebuild }: { readonly dormant: MeasuredUpdate; readonly rebuild: MeasuredUpdate },
): Record<string, unknown> {
  const { slicesRebuilt } = departure.result.reprocess;
  return {
    slices: slicesRebuilt,
    ofSlices: rounded(slicesRebuilt / SLICES),
    ...shown(departure),
    requestsMore: departure.requests.wiki - dormant.requests.wiki,
    cpuMsMore: cpuOf(departure) - cpuOf(dormant),
    timeOfFullRebuild: rounded(departure.timeMs / rebuild.timeMs),
    cpuOfFullRebuild: rounded(cpuOf(departure) / cpuOf(rebuild)),
    rowsWritten: Object.values(departure.rowsWritten).reduce((sum, rows) => sum + rows, 0),
  };
}

/** Of the worker and PostgreSQL; not a number where there is no /proc. */
function cpuOf({ cpuMs }: MeasuredUpdate): number {
  return cpuMs ? cpuMs.worker + cpuMs.postgres : Number.NaN;
}

function largest(updates: readonly MeasuredUpdate[]): number | undefined {
  const seen = updates.flatMap(({ largestBackendMiB }) => largestBackendMiB ?? []);
  return seen.length === 0 ? undefined : Math.max(...seen);
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}
