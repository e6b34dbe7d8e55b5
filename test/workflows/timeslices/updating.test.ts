import { afterAll, beforeAll, expect, test } from 'vitest';
import { setCourseStage, type CourseStage } from '../../support/courses.ts';

let stage: CourseStage;

beforeAll(async () => {
  stage = await setCourseStage();
  await stage.startWorker();
});

afterAll(() => stage.close());

test('counts the edits of the students of a course on both of its wikis', async () => {
  const [en, fr] = stage.wikis;
  await en.edit(
    { user: 'Ada', title: 'Engine', timestamp: '2026-03-01T10:00:00Z', sizediff: 500, new: true, refs: 2 },
    { user: 'Ada', title: 'Engine', timestamp: '2026-03-02T10:00:00Z', sizediff: -50, refs: 3 },
    { user: 'Bea', title: 'Engine', timestamp: '2026-03-02T11:00:00Z', sizediff: 70, refs: 3 },
    { user: 'Bea', title: 'Bea', ns: 2, timestamp: '2026-03-03T11:00:00Z', sizediff: 30 },
    { user: 'Ada', title: 'Late', timestamp: '2026-03-10T00:00:01Z', sizediff: 1000 },
  );
  await fr.edit({ user: 'Bea', title: 'Machine', timestamp: '2026-03-04T00:00:00Z', sizediff: 40, refs: 1 });
  const courseId = await stage.addCourse({
    startsAt: '2026-03-01T00:00:00Z',
    endsAt: '2026-03-10T00:00:00Z',
    students: ['Ada', 'Bea'],
    wikis: [en, fr],
  });

  const result = await stage.update(courseId);

  expect(result).toMatchObject({
    preUpdate: { slicesAdded: 20, slicesRemoved: 0, studentsRemoved: 0 },
    reprocess: { slicesFetched: 0 },
    ingest: { groups: 2, revisions: 5 },
    left: [],
  });
  const { rows } = await stage.database.query('select * from courses where id = $1', [courseId]);
  expect(rows[0]).toMatchObject({
    character_sum: 610,
    references_count: 4,
    revision_count: 5,
    user_count: 2,
    article_count: 2,
    new_article_count: 1,
  });
  expect(await stage.differences(courseId)).toEqual([]);
});
