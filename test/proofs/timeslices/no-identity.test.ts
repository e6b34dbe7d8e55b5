import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setCourseStage, type CourseStage, type NewEdit } from '../../support/courses.ts';
import { formsIn, hashForms, plainForms } from '../../support/identity-forms.ts';
import {
  readFolder,
  startOwnTemporal,
  type OwnTemporal,
  type StoredFile,
} from '../../support/own-temporal.ts';
import { startWorkerProcess, type WorkerProcess } from '../../support/worker-process.ts';

/** In every student's username; in no other text of this machine. */
const MARKERS = ['Quokkazephyr', 'Ŵyrd-Quokka'];
/** A part of what the product tells Temporal on purpose: the search must find it, or it finds nothing. */
const TOLD = 'Rolling-up-marker-Plimsollfinch';

const STUDENTS = 55;
const nameOf = (number: number): string => `Ŵyrd-Quokkazephyr ${number}`;
const names = Array.from({ length: STUDENTS }, (_, index) => nameOf(index));

let temporal: OwnTemporal;
let stage: CourseStage;
let worker: WorkerProcess;
let files: readonly StoredFile[];
let leftBecause: readonly string[];

beforeAll(async () => {
  temporal = await startOwnTemporal({ onDisk: true });
  stage = await setCourseStage({ retry_budget: '4s' }, { temporal: temporal.namespace });
  worker = await startWorkerProcess({
    databaseUrl: stage.databaseUrl,
    temporalAddress: temporal.namespace.address,
    namespace: temporal.namespace.namespace,
    configurationPath: stage.configurationPath,
    logLevel: 'trace',
  });
  leftBecause = await drive();
  await worker.kill('SIGTERM');
  files = readFolder(temporal.directory);
  await temporal.stop();
  files = [...files, ...readFolder(temporal.directory)];
}, 240_000);

afterAll(async () => {
  await worker.kill('SIGKILL');
  await stage.close();
  await temporal.remove();
});

/** Everything in which a username could get where it should not: pages of results, refused names, failures that echo, broken rows. */
async function drive(): Promise<readonly string[]> {
  const [en] = stage.wikis;
  const period = { startsAt: '2026-03-01T00:00:00Z', endsAt: '2026-03-31T00:00:00Z' };
  const edits = names.flatMap((user, student) =>
    Array.from({ length: 12 }, (_, edit): NewEdit => ({
      user,
      title: `User page of ${user} ${edit}`,
      ns: edit % 3 === 0 ? 2 : 0,
      timestamp: new Date(Date.UTC(2026, 2, 1 + edit, student % 24)).toISOString(),
      refs: edit,
    })),
  );
  await en.edit(...edits);
  const courseId = await stage.addCourse({ ...period, students: [...names, `${nameOf(99)}#bad`] });
  await stage.update(courseId);

  const echo = { error: { code: 'internal_api_error_Oops', info: `no row for ${nameOf(3)}` } };
  const left: string[] = [];
  for (const fault of [
    { status: 200, body: echo },
    { status: 500, body: `<html>${nameOf(4)}</html>` },
    { status: 404, body: nameOf(5) },
    { drop: 'after' },
  ]) {
    await en.fault({ path: '/w/api.php', ...fault });
    await stage.database.query('update courses set needs_update = true');
    left.push(...(await stage.update(courseId)).left.map(({ because }) => because));
    await en.clearFaults();
  }

  // PostgreSQL's own words for a broken rule quote the row.
  await stage.database.query(
    `create function refuse_once() returns trigger language plpgsql as $$
     begin
       if nextval('refusals') < 3 then
         raise exception 'the title "%" of ${nameOf(6)} is refused', new.titles[1];
       end if;
       return new;
     end $$`,
  );
  await stage.database.query('create sequence refusals');
  await stage.database.query(
    'create trigger refuse_once before insert on wiki_fetched_pages for each row execute function refuse_once()',
  );
  await stage.drop(courseId, nameOf(7), nameOf(8));
  await stage.enroll(courseId, nameOf(200));
  await stage.update(courseId);
  await temporal.namespace.client.workflow.start('courseUpdate', {
    workflowId: `course-update-${courseId}-${TOLD}`,
    taskQueue: 'timeslices',
    args: [{ courseId }],
  });
  return left;
}

describe('what Temporal stored of course updates', () => {
  test('has what the product told it', () => {
    expect(files.some(({ bytes }) => formsIn(bytes, plainForms(TOLD)).length > 0)).toBe(true);
    expect(leftBecause).toHaveLength(4);
  });

  test.each(MARKERS)('has no %s in it, in whatever form', (marker) => {
    const forms = plainForms(marker);
    for (const { name, bytes } of files) {
      expect({ name, found: formsIn(bytes, forms) }).toEqual({ name, found: [] });
    }
  });

  test('has no hash of a username in it', () => {
    const forms = names.slice(0, 10).flatMap(hashForms);
    for (const { name, bytes } of files) {
      expect({ name, found: formsIn(bytes, forms) }).toEqual({ name, found: [] });
    }
  });
});

test('what the worker logged names nobody', () => {
  const said = Buffer.from(worker.said());
  expect(said.toString()).toContain('an activity met an unexpected error');
  for (const marker of MARKERS) expect(formsIn(said, plainForms(marker))).toEqual([]);
});
