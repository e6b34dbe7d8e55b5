import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { setCourseStage, type CourseStage } from '../support/courses.ts';
import { setRetirementStage, type RetirementStage } from '../support/retirement.ts';

let retirement: RetirementStage;
let courses: CourseStage;
beforeAll(async () => {
  retirement = await setRetirementStage();
  courses = await setCourseStage();
  await Promise.all([retirement.startWorker(), courses.startWorker()]);
});
afterAll(() => Promise.all([retirement.close(), courses.close()]));

const garbage: readonly unknown[] = [
  null,
  'text',
  7,
  [],
  {},
  { userId: '42' },
  { courseId: -1 },
  { unreadable: true },
];

const more: Readonly<Record<string, readonly unknown[]>> = {
  retireUser: [
    { userId: 1.5 },
    { userId: 2 ** 60 },
    { userId: 1, rerun: 'some' },
    { userId: 1, found: 'PENDING' },
    { userId: 1, parked: {} },
    { userId: 1, parked: { cause: { what: 7 } } },
  ],
  probeErasure: [
    { userId: 1, receipt: 1 },
    { userId: 1, receipt: 1, afterMs: 'soon' },
    { userId: 1, receipt: 1, afterMs: -1 },
  ],
  rerunRetirements: [{ kind: 'some' }, { kind: 'all', userId: 'ada' }, { kind: 'all', userIds: ['ada'] }],
  eraseCourseUser: [{ userId: Number.MAX_SAFE_INTEGER + 1 }],
  courseUpdate: [{ courseId: '7' }],
  preUpdate: [
    { courseId: 1, now: 'today', left: [] },
    { courseId: 1, now: '2026-01-01T00:00:00Z' },
  ],
  reprocess: [{ courseId: 1, now: '2026-01-01T00:00:00Z', left: 'none' }],
  ingest: [{ courseId: 1, left: [] }],
};

const starts = Object.entries(more).flatMap(([type, own]) =>
  [...garbage, ...own].map((input) => [type, input] as const),
);

it.each([...starts, ['archiveRetirements', null], ['archiveRetirements', { dryRun: 'yes' }]] as const)(
  '%s that is started with %j fails at once, in words',
  async (type, input) => {
    const isCourses = ['courseUpdate', 'preUpdate', 'reprocess', 'ingest'].includes(type);
    const { client } = (isCourses ? courses : retirement).temporal;
    const end: unknown = await client.workflow
      .execute(type, {
        workflowId: `garbage-${Math.random()}`,
        taskQueue: isCourses ? 'timeslices' : 'retirement',
        args: [input],
        workflowExecutionTimeout: '50 seconds',
      })
      .catch((error: unknown) => error);
    const cause = end instanceof WorkflowFailedError ? end.cause : undefined;
    expect(cause).toBeInstanceOf(ApplicationFailure);
    expect(cause).toMatchObject({ type: 'BadInput', nonRetryable: true });
    expect((cause as ApplicationFailure).message).toMatch(/^the input('s "\w+")? must be /);
  },
);
