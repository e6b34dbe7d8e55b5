import type { Command } from 'commander';
import { instantText } from '../times.ts';
import { examples, type Run } from '../tools.ts';
import { isUnchanged, type Change, type Imported, type WikiChange } from './import.ts';
import { loadCourseFile } from './load-file.ts';
import { upkeepLines } from './schedule.ts';
import { coursesOf } from './session-client.ts';

const format = `
A course file, in YAML or JSON:

  slug: botany-2026
  title: Botany
  starts_at: 2026-03-01T08:00:00+01:00
  ends_at: 2026-05-31                    # the whole day
  wikis:
    - {language: en, project: wikipedia, namespaces: [0, 2, 118]}
    - {project: wikidata, timeslice_seconds: 3600}
    - {project: wikipedia, language: en, api_url: "https://wiki.example.org/w/api.php"}
  students: [Alice, Bob B]
  other_roles:
    - {username: Prof, role: instructor}

Dates are ISO 8601 in whole seconds, UTC where they name no time zone; a day alone is its first second as a beginning and
its last as an end. A wiki is known by its API, by default Wikimedia's. Its entry describes it whole: without namespaces
only the mainspace (0) is tracked, and timeslice_seconds is 86400 unless it is given; another length is for slices made from then on.
students is the whole roster: who is not in it any more leaves. other_roles (1 instructor, 2 campus volunteer, 3 online
volunteer, 4 staff) is whole too where it is given, and leaves people as they are where it is not.
"alice b" and "Alice_b" are one user.

Exit status, and nothing is changed: 2 for mistakes in the file, a line each; 3 when there is no such file; 4 when an api_url is
that of a wiki which other courses have under another name.`;

export function addImportCommand(course: Command, run: Run): void {
  course
    .command('import')
    .argument('<FILE>', 'a course file, YAML or JSON')
    .description('create or change a course, and say what changed; asks nothing of a wiki')
    .addHelpText('after', format + examples('registrar course import botany.yml'))
    .action((file: string, _options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const imported = await coursesOf(session).import(await loadCourseFile(file));
        output.document(imported);
        for (const line of linesOf(imported)) output.line(line);
      }),
    );
}

function linesOf(imported: Imported): readonly string[] {
  const { slug, courseId, created, schedule } = imported;
  const head = created
    ? `${slug} created (course ${courseId})`
    : `${slug} ${isUnchanged(imported) ? 'is as the file says already' : 'changed'} (course ${courseId})`;
  return [
    head,
    ...changeLine('title', imported.title, (title) => `"${title}"`),
    ...changeLine('starts', imported.startsAt, instantText),
    ...changeLine('ends', imported.endsAt, instantText),
    ...listLine('wikis added', imported.wikisAdded),
    ...listLine('wikis removed', imported.wikisRemoved),
    ...imported.wikisChanged.flatMap(wikiLines),
    ...listLine('students joined', imported.joined),
    ...listLine('students left', imported.left),
    ...listLine(
      'roles added',
      imported.rolesAdded.map(({ username, role }) => `${username} (${role})`),
    ),
    ...listLine(
      'roles removed',
      imported.rolesRemoved.map(({ username, role }) => `${username} (${role})`),
    ),
    ...upkeepLines(schedule),
  ];
}

function changeLine<Value>(
  what: string,
  change: Change<Value> | null,
  text: (value: Value) => string,
): readonly string[] {
  return change === null ? [] : [`  ${what}: ${text(change.from)} → ${text(change.to)}`];
}

function wikiLines({ wiki, name, namespaces, timesliceSeconds }: WikiChange): readonly string[] {
  const tracked = (numbers: readonly number[]): string => (numbers.length === 0 ? '0' : numbers.join(', '));
  return [
    ...changeLine('wiki called', name, String),
    ...changeLine(`${wiki}, namespaces`, namespaces, tracked),
    ...changeLine(`${wiki}, seconds a slice`, timesliceSeconds, String).map(
      (line) => `${line} (new slices only; those that are there keep their length)`,
    ),
  ];
}

const MOST_NAMED = 20;

function listLine(what: string, items: readonly string[]): readonly string[] {
  if (items.length === 0) return [];
  const more = items.length > MOST_NAMED ? `, and ${items.length - MOST_NAMED} more` : '';
  return [`  ${what}: ${items.length} (${items.slice(0, MOST_NAMED).join(', ')}${more})`];
}
