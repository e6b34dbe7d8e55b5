import type { SandboxConfiguration } from '../../sandbox/lms/pipeline.ts';
import { setCourseStage, type CourseStage } from '../support/courses.ts';
import { createMigratedDatabase } from '../support/database.ts';
import { setRetirementStage, type RetirementStage } from '../support/retirement.ts';
import { createNamespace, type TestNamespace } from '../support/temporal.ts';
import { startServedWorker, type ServedWorker } from './served-worker.ts';

/** One worker process that does both jobs, as in a deployment, with its endpoints. */
export interface BothJobs {
  readonly temporal: TestNamespace;
  readonly retirement: RetirementStage;
  readonly courses: CourseStage;
  readonly worker: ServedWorker;
  /** What {@link retirement} was configured with. */
  readonly settings: Partial<SandboxConfiguration>;
  close(): Promise<void>;
}

export async function startBothJobs(env: Readonly<Record<string, string>> = {}): Promise<BothJobs> {
  const [database, temporal] = await Promise.all([createMigratedDatabase(), createNamespace()]);
  const shared = {
    temporal: { ...temporal, close: () => Promise.resolve() },
    database: { ...database, drop: () => Promise.resolve() },
  };
  const courses = await setCourseStage({}, shared);
  // One file for both: the first wiki counts references too. Nothing is delivered by itself, for there are no schedules.
  const settings = { wikiUrl: new URL(courses.wikis[0].apiUrl).origin, deliveryFolder: '/nonexistent' };
  const retirement = await setRetirementStage(settings, shared);
  const worker = await startServedWorker({
    databaseUrl: database.url,
    temporalAddress: temporal.address,
    namespace: temporal.namespace,
    configurationPath: retirement.configurationPath,
    env,
  });
  return {
    temporal,
    retirement,
    courses,
    worker,
    settings,
    close: async () => {
      worker.signal('SIGKILL');
      await worker.ended();
      await retirement.close();
      await courses.close();
      await temporal.close();
      await database.drop();
    },
  };
}

/** A course in session whose one student edits: what an update of it finds. Answers the course's id. */
export async function addCourseInSession(courses: CourseStage, student: string): Promise<number> {
  const day = 86_400_000;
  const at = (days: number): string => new Date(Math.floor(Date.now() / day + days) * day).toISOString();
  await courses.wikis[0].edit({ user: student, title: 'A page', timestamp: at(-2), new: true });
  return courses.addCourse({ startsAt: at(-10), endsAt: at(10), students: [student] });
}
