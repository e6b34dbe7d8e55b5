import { SandboxRefusal } from '../../sandbox/control/client.ts';
import { readCourse, type CourseFile } from '../../domain/timeslices/course-file.ts';
import { learnerNumber, pageNumber, slugOf, studentNumber } from './cast.ts';
import { operate } from './operating.ts';
import type { AskedLearner } from './people.ts';
import type { Stage } from './stage.ts';
import type { Action, CourseVariant } from './step.ts';

const HOUR_MS = 3_600_000;
const SLICE_SECONDS = 43_200;
/** A course lasts from three days and a quarter ago until five days from now, give or take the variant. */
const BEGAN_HOURS_AGO = 78;
const LASTS_HOURS_MORE = 120;

type Of<Kind extends Action['kind']> = Extract<Action, { readonly kind: Kind }>;

/** `beganAt`: when the run began, from which the course's dates are counted. */
export async function importCourse(
  stage: Stage,
  beganAt: number,
  { course, variant }: Of<'import'>,
  tries = 1,
): Promise<string> {
  const file = courseFile(stage, beganAt, slugOf(course), variant);
  const { joined, left, created } = await operate(stage, ({ courses }) => courses.import(file), { tries });
  return `${created ? 'created, ' : ''}${joined.length} joined, ${left.length} left`;
}

function courseFile(stage: Stage, beganAt: number, slug: string, variant: CourseVariant): CourseFile {
  const [first, second] = stage.wikiUrls;
  const wiki = (language: string, url: string): Readonly<Record<string, unknown>> => ({
    language,
    project: 'wikipedia',
    api_url: `${url}/w/api.php`,
    namespaces: variant.namespaces,
    timeslice_seconds: SLICE_SECONDS,
  });
  const at = (hours: number): string =>
    new Date(Math.floor(beganAt / HOUR_MS + hours) * HOUR_MS).toISOString();
  const read = readCourse({
    slug,
    title: `Course ${slug}`,
    starts_at: at(variant.startHours - BEGAN_HOURS_AGO),
    ends_at: at(variant.endHours + LASTS_HOURS_MORE),
    wikis: [wiki('en', first), ...(variant.hasSecondWiki ? [wiki('fr', second)] : [])],
    students: variant.students.map(studentNumber),
  });
  if (read.kind === 'valid') return read.course;
  throw new Error(`the course file of the run is wrong: ${JSON.stringify(read.mistakes)}`);
}

export async function changeRoster(
  stage: Stage,
  { kind, course, student }: Of<'enroll' | 'drop'>,
): Promise<string> {
  const names = [studentNumber(student)];
  return operate(stage, async ({ courses }) => {
    if (kind === 'drop') return `${(await courses.drop(slugOf(course), names)).dropped.length} dropped`;
    return `${(await courses.enroll(slugOf(course), names)).enrolled.length} enrolled`;
  });
}

export async function changeExclusion(
  stage: Stage,
  { kind, course, page, wiki }: Of<'exclude' | 'include'>,
): Promise<string> {
  const asked = { title: pageNumber(page), wiki: `${stage.wikiUrls[wiki]}/w/api.php` };
  await operate(stage, ({ courses }) => courses[kind](slugOf(course), asked));
  return 'done';
}

export async function requestUpdate(stage: Stage, { course, full }: Of<'update'>): Promise<string> {
  const { waits } = await operate(stage, ({ courses }) => courses.requestUpdate(slugOf(course), { full }));
  return waits ? 'waits behind another' : 'asked';
}

export async function edit(
  stage: Stage,
  action: Of<'edit'>,
  user = studentNumber(action.student),
): Promise<string> {
  await controlOf(stage, action.wiki)('POST', '/_sandbox/edits', [
    {
      user,
      title: pageNumber(action.page),
      ns: action.ns,
      timestamp: new Date(Math.floor(Date.now() / 1000 - action.minutesAgo * 60) * 1000).toISOString(),
      sizediff: action.size,
      refs: action.refs,
      new: action.isNew,
    },
  ]);
  return 'done';
}

export async function changePage(stage: Stage, action: Of<'page'>): Promise<string> {
  const place = { title: pageNumber(action.page), ns: action.ns };
  const to = { to_title: place.title, to_ns: action.toNs };
  try {
    await controlOf(stage, action.wiki)('POST', `/_sandbox/pages/${action.change}`, {
      ...place,
      ...(action.change === 'move' ? to : {}),
    });
    return 'done';
  } catch (error) {
    // There is no such page now, or there is one where this one was to go.
    if (error instanceof SandboxRefusal && [404, 409].includes(error.status)) return 'no such page, or taken';
    throw error;
  }
}

/** Makes the learner one who edits for a course: their erasure has to reach its numbers. */
export async function linkLearner(
  stage: Stage,
  { number, userId }: Pick<AskedLearner, 'number' | 'userId'>,
  course: number,
): Promise<void> {
  const { wikiUsername } = learnerNumber(number);
  for (const page of [0, 1 + (number % 5)]) {
    const done = { student: 0, page, ns: 0, wiki: 0, size: 40 + number, refs: 1, isNew: false } as const;
    await edit(stage, { kind: 'edit', ...done, minutesAgo: 30 + (number % 200) }, wikiUsername);
  }
  await operate(
    stage,
    async ({ courses }) => {
      await courses.enroll(slugOf(course), [wikiUsername]);
      await courses.link(wikiUsername, userId);
      await courses.requestUpdate(slugOf(course)).catch(() => undefined);
    },
    { tries: 4 },
  );
}

function controlOf(stage: Stage, wiki: 0 | 1): Stage['controls']['wiki'] {
  return stage.controls[wiki === 0 ? 'wiki' : 'second-wiki'];
}
