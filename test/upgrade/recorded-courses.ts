import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { courseUpdateId } from '../../workflows/timeslices/contract.ts';
import { waitFor } from '../support/wait.ts';
import type { RecordedStage } from './recorded-learners.ts';
import type { RecordedCourse } from './release-manifest.ts';

const DAY_MS = 86_400_000;
/** Far away, so that no course is over when the state is taken up; few slices until then. */
const ENDS_AT = '2040-01-01T00:00:00Z';
const SLICE_SECONDS = 90 * 86_400;

const atDay = (day: number): string =>
  new Date(Date.parse('2026-09-01T09:00:00Z') + day * DAY_MS).toISOString().replace('.000', '');

interface NewCourse {
  readonly slug: string;
  readonly wikis: readonly { readonly language: string; readonly api_url: string }[];
  readonly students: readonly string[];
}

/** Imports the course by its file, as an operator does; answers its id. */
async function importCourse(
  { product }: RecordedStage,
  folder: string,
  { slug, wikis, students }: NewCourse,
): Promise<number> {
  const file = path.join(folder, `${slug}.yml`);
  const course = {
    slug,
    title: `The course ${slug}`,
    starts_at: '2026-09-01T00:00:00Z',
    ends_at: ENDS_AT,
    wikis: wikis.map((wiki) => ({ ...wiki, project: 'wikipedia', timeslice_seconds: SLICE_SECONDS })),
    students,
  };
  writeFileSync(file, stringify(course));
  const { courseId } = (await product.json('course', 'import', file)) as { readonly courseId: number };
  return courseId;
}

/** Edits on both wikis, a handful for each student. */
async function edit({ product }: RecordedStage): Promise<void> {
  const edits = (students: readonly string[]): readonly unknown[] =>
    students.flatMap((user, index) =>
      [1, 20, 40].map((day) => ({
        user,
        title: day === 40 ? 'Shared page' : `Page of ${user}`,
        ns: 0,
        timestamp: atDay(day + index),
        sizediff: 100 + day + index,
        refs: day,
        ...(day === 1 ? { new: true } : {}),
      })),
    );
  await product.wiki('POST', '/_sandbox/edits', edits(['Ada L', 'Hypatia']));
  await product.secondWiki('POST', '/_sandbox/edits', edits(['Ada L', 'Émilie C']));
}

/** Updated as a whole on two wikis; then an article was taken out, which no update has seen yet. */
export async function recordMarkedCourse(stage: RecordedStage, folder: string): Promise<RecordedCourse> {
  const { product } = stage;
  const { WIKI_URL, SECOND_WIKI_URL } = product.place;
  await edit(stage);
  const slug = 'history-2026';
  const courseId = await importCourse(stage, folder, {
    slug,
    wikis: [
      { language: 'en', api_url: `${WIKI_URL}/w/api.php` },
      { language: 'fr', api_url: `${SECOND_WIKI_URL}/w/api.php` },
    ],
    students: ['Ada L', 'Hypatia', 'Émilie C'],
  });
  await product.json('course', 'update', slug, '--wait');
  await product.json('course', 'verify', slug);
  const shown = pickNumbers((await product.json('course', 'show', slug)) as Record<string, unknown>);
  const excluded = 'Page of Hypatia';
  await product.json('course', 'exclude', slug, excluded);
  return { slug, courseId, part: 'marked', shown, excluded };
}

function pickNumbers(course: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(course).filter(([name]) => /(Count|Sum)$/.test(name)));
}

/** Its first update waits for a wiki that does not answer. */
export async function recordUpdatingCourse(stage: RecordedStage, folder: string): Promise<RecordedCourse> {
  const { product, client } = stage;
  const slug = 'geometry-2026';
  const courseId = await importCourse(stage, folder, {
    slug,
    wikis: [{ language: 'fr', api_url: `${product.place.SECOND_WIKI_URL}/w/api.php` }],
    students: ['Émilie C'],
  });
  await product.secondWiki('POST', '/_sandbox/faults', { path: '/w/api.php', delay_ms: 600_000 });
  await product.json('course', 'update', slug);
  const query = `ExecutionStatus = "Running" and CourseId = ${courseId}`;
  await waitFor(
    async () => {
      for await (const { workflowId } of client.workflow.list({ query })) {
        if (!workflowId.startsWith(courseUpdateId(courseId))) continue;
        const { raw } = await client.workflow.getHandle(workflowId).describe();
        if ((raw.pendingActivities ?? []).some(({ state }) => Number(state) === STARTED)) return true;
      }
      return false;
    },
    { what: 'the wiki to be asked' },
  );
  return { slug, courseId, part: 'updating' };
}

/** Of a pending activity, in the server's API. */
const STARTED = 2;
