import type { Command } from 'commander';
import { wrongUsage } from '../operation-error.ts';
import { examples, type Run } from '../tools.ts';
import type { PageAsked } from './pages.ts';
import { upkeepLines } from './schedule.ts';
import { coursesOf } from './session-client.ts';

/** `enroll`, `drop`, `exclude` and `include`: who and what is counted, from the next update on. */
export function addMembershipCommands(course: Command, run: Run): void {
  course
    .command('enroll')
    .argument('<SLUG>', 'the course')
    .argument('<USERNAME...>', 'usernames on the wikis; spaces and underscores are the same')
    .description('make people students of a course; their edits count from its start, with the next update')
    .addHelpText('after', examples('registrar course enroll botany-2026 Alice "Bob B"'))
    .action((slug: string, usernames: readonly string[], _options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const done = await coursesOf(session).enroll(slug, usernames);
        output.document(done);
        for (const username of done.enrolled) output.line(`${username} enrolled`);
        for (const username of done.already) output.line(`${username} is a student of ${slug} already`);
        for (const line of upkeepLines(done.schedule)) output.line(line);
      }),
    );

  course
    .command('drop')
    .argument('<SLUG>', 'the course')
    .argument('<USERNAME...>', 'usernames of students; one who is none, and nobody is dropped')
    .description('take students out of a course; the next update takes their edits out of the numbers')
    .addHelpText('after', examples('registrar course drop botany-2026 Alice'))
    .action((slug: string, usernames: readonly string[], _options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const done = await coursesOf(session).drop(slug, usernames);
        output.document(done);
        for (const username of done.dropped) output.line(`${username} dropped`);
        for (const line of upkeepLines(done.schedule)) output.line(line);
      }),
    );

  addExclusionCommand(course, run, {
    name: 'exclude',
    description: 'take an article out of the numbers by hand; it stays out until it is included again',
    done: 'excluded',
    already: 'is excluded already',
  });
  addExclusionCommand(course, run, {
    name: 'include',
    description: 'take an excluded article back into the numbers',
    done: 'included',
    already: 'is not excluded',
  });
}

interface ExclusionCommand {
  readonly name: 'exclude' | 'include';
  readonly description: string;
  readonly done: string;
  readonly already: string;
}

function addExclusionCommand(
  course: Command,
  run: Run,
  { name, description, done, already }: ExclusionCommand,
): void {
  course
    .command(name)
    .argument('<SLUG>', 'the course')
    .argument('<TITLE>', "without the namespace's name; spaces and underscores are the same")
    .option('--ns <N>', 'number of the namespace; default 0')
    .option('--wiki <URL>', "the wiki's API, where several wikis of the course have such a page")
    .description(description)
    .addHelpText('after', examples(`registrar course ${name} botany-2026 "Oak tree"`))
    .action(
      (
        slug: string,
        title: string,
        { ns, wiki }: { readonly ns?: string; readonly wiki?: string },
        command: Command,
      ) =>
        run(command, async ({ session, output }) => {
          const page: PageAsked = { title, wiki, namespace: ns === undefined ? undefined : namespaceOf(ns) };
          const result = await coursesOf(session)[name](slug, page);
          output.document(result);
          const where = `${result.title} (${result.wiki}, namespace ${result.namespace})`;
          output.line(`${where} ${result.changed ? done : already}`);
          for (const line of upkeepLines(result.schedule)) output.line(line);
        }),
    );
}

function namespaceOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw wrongUsage(`--ns "${text}" is no number of a namespace: write 0 for articles, 2 for user pages, …`);
}
