import { afterAll, beforeAll, expect, it } from 'vitest';
import { courseUpdateId } from '../../../workflows/timeslices/contract.ts';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';
import { waitFor } from '../../support/wait.ts';
import { registrar } from '../command-line.ts';
import { environmentOf, imported } from './course-commands.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
});
afterAll(() => stage.close());

/** The lines of `doctor` that are about courses. */
async function courseLines(): Promise<readonly string[]> {
  const { stdout } = await registrar(['doctor'], { env: environmentOf(stage) });
  return stdout.split('\n').filter((line) => /course schedules|wiki|timeslices|contact/.test(line));
}

it('says nothing of wikis while there is no course', async () => {
  expect(await courseLines()).toEqual([]);
});

it('has a line for each wiki of a course, and says who is missing', async () => {
  const [first, second] = stage.wikis;
  await imported(stage, {
    wikis: [
      { language: 'en', project: 'wikipedia', api_url: first.apiUrl },
      { language: 'fr', project: 'wikipedia', api_url: second.apiUrl },
    ],
  });
  await second.fault({ path: '/w/api.php', status: 503 });
  expect(await courseLines()).toEqual([
    expect.stringMatching(/^ok +course schedules: all 1 are there, 0 paused$/),
    expect.stringMatching(/^FAILED +worker: .*task queue timeslices/),
    expect.stringMatching(/^FAILED +worker: .*task queue wiki/),
    expect.stringMatching(/^ok +wiki en\.wikipedia: .*MediaWiki/),
    expect.stringMatching(/^FAILED +wiki fr\.wikipedia: .*503/),
  ]);
  await second.clearFaults();
  await stage.startWorker();
  expect(await courseLines()).toEqual([
    expect.stringMatching(/^ok +course schedules/),
    expect.stringMatching(/^ok +worker: polls the task queue timeslices$/),
    expect.stringMatching(/^ok +worker: polls the task queue wiki$/),
    expect.stringMatching(/^ok +wiki en\.wikipedia/),
    expect.stringMatching(/^ok +wiki fr\.wikipedia/),
  ]);
});

it('warns when nobody is named to whom wikis may write', async () => {
  stage.configure({ contact: undefined });
  expect(await courseLines()).toContainEqual(
    expect.stringMatching(/^warning +configuration: registrar\.contact/),
  );
});

it('names the schedules that are missing', async () => {
  const courseId = await imported(stage, { slug: 'without-schedule' });
  await stage.temporal.client.schedule.getHandle(courseUpdateId(courseId)).delete();
  // The server's list of schedules follows in a moment.
  const told = await waitFor(
    async () => (await courseLines()).find((line) => /^FAILED +course schedules/.test(line)),
    { what: 'doctor to miss the schedule' },
  );
  expect(told).toContain(`missing: ${courseUpdateId(courseId)}: run \`registrar setup\``);
});
