import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CourseStage } from '../../support/courses.ts';
import { registrar, type Ran } from '../command-line.ts';

/** The environment by which a command finds the servers of a stage. */
export function environmentOf(stage: CourseStage): Readonly<Record<string, string>> {
  return {
    DATABASE_URL: stage.databaseUrl,
    TEMPORAL_ADDRESS: stage.temporal.address,
    TEMPORAL_NAMESPACE: stage.temporal.namespace,
    TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml',
    REGISTRAR_CONFIG: stage.configurationPath,
  };
}

/** `registrar course …` on a stage. */
export function courseCommand(stage: CourseStage, ...argv: readonly string[]): Promise<Ran> {
  return registrar(['course', ...argv], { env: environmentOf(stage) });
}

/** A course file with this content; it goes with the stage. */
export function written(stage: CourseStage, content: unknown, name = 'course.json'): string {
  const file = path.join(path.dirname(stage.configurationPath), name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** Two days of a course on the stage's first wiki, unless `changed` says otherwise. */
export function courseOn(
  stage: CourseStage,
  changed: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    slug: 'botany',
    title: 'Botany',
    starts_at: '2026-03-01T00:00:00Z',
    ends_at: '2026-03-02T23:59:59Z',
    wikis: [{ language: 'en', project: 'wikipedia', api_url: stage.wikis[0].apiUrl }],
    students: ['Alice', 'Bob'],
    ...changed,
  };
}

/** Imports the course and answers its id. */
export async function imported(
  stage: CourseStage,
  changed: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  const ran = await courseCommand(stage, 'import', written(stage, courseOn(stage, changed)), '--json');
  if (ran.status !== 0) throw new Error(ran.stderr);
  return (ran.json() as { courseId: number }).courseId;
}
