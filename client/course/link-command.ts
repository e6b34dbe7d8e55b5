import type { Command } from 'commander';
import { wrongUsage } from '../operation-error.ts';
import { examples, type Run } from '../tools.ts';
import { linkLearner, unlinkLearner, type Linked } from './link.ts';

/** `link`: which learner of the LMS a wiki's user is. */
export function addLinkCommand(course: Command, run: Run): void {
  course
    .command('link')
    .argument('<USERNAME>', "the wiki's user; spaces and underscores are the same")
    .argument('[LMS_USER_ID]', 'the number of the same person in the LMS')
    .option('--unlink', 'take the link away')
    .description('say which learner of the LMS somebody is, so that their retirement reaches the statistics')
    .addHelpText(
      'after',
      examples('registrar course link "Bob B" 42', 'registrar course link "Bob B" --unlink'),
    )
    .action(
      (
        username: string,
        id: string | undefined,
        { unlink = false }: { readonly unlink?: boolean },
        command: Command,
      ) =>
        run(command, async ({ session, output }) => {
          if (unlink === (id !== undefined)) {
            throw wrongUsage('give either LMS_USER_ID or --unlink: see `registrar course link --help`');
          }
          const database = session.database();
          const linked =
            id === undefined
              ? await unlinkLearner(database, username)
              : await linkLearner(database, { username, lmsUserId: lmsUserIdOf(id) });
          output.document(linked);
          for (const line of linesOf(linked)) output.line(line);
        }),
    );
}

function linesOf({ username, lmsUserId, changed, retired }: Linked): readonly string[] {
  const already = changed ? '' : ' already';
  if (lmsUserId === null) return [`${username} is linked to no learner${changed ? ' any more' : ''}`];
  return [
    `${username} is LMS user ${lmsUserId}${already}`,
    ...(retired
      ? [
          `their retirement is over: \`registrar retirement rerun ${lmsUserId}\` takes them out of the statistics too`,
        ]
      : []),
  ];
}

function lmsUserIdOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw wrongUsage(
    `"${text}" is no user id of the LMS: write a number, as \`registrar retirement list\` shows it`,
  );
}
