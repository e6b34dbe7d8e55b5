import type { Command } from 'commander';
import { refused, wrongUsage } from '../operation-error.ts';
import { examples, type Run, type Tools } from '../tools.ts';
import { eraseLinked, isPastStatistics } from './link-erasure.ts';
import { linkLearner, unlinkLearner } from './link.ts';

/** `link`: which learner of the LMS a wiki's user is. */
export function addLinkCommand(course: Command, run: Run): void {
  course
    .command('link')
    .argument('<USERNAME>', "the wiki's user; spaces and underscores are the same")
    .argument('[LMS_USER_ID]', 'the number of the same person in the LMS')
    .option('--unlink', 'take the link away')
    .option('--erase', 'the learner is retired already: take them out of the statistics now')
    .description('say which learner of the LMS somebody is, so that their retirement reaches the statistics')
    .addHelpText(
      'after',
      examples('registrar course link "Bob B" 42', 'registrar course link "Bob B" --unlink'),
    )
    .action(
      (
        username: string,
        id: string | undefined,
        { unlink = false, erase = false }: { readonly unlink?: boolean; readonly erase?: boolean },
        command: Command,
      ) =>
        run(command, async (tools) => {
          if (unlink === (id !== undefined)) {
            throw wrongUsage('give either LMS_USER_ID or --unlink: see `registrar course link --help`');
          }
          if (id === undefined) await takeLinkAway(tools, username);
          else await link(tools, username, { lmsUserId: lmsUserIdOf(id), erase });
        }),
    );
}

/**
 * Whose retirement is past the statistics is taken out of them now, where that was said: nothing else would do it any more, and a
 * mistyped number would erase somebody else.
 */
async function link(
  { session, output, progress }: Tools,
  username: string,
  { lmsUserId, erase }: { readonly lmsUserId: number; readonly erase: boolean },
): Promise<void> {
  const database = session.database();
  const context = {
    database,
    temporal: () => session.temporal(),
    configuration: () => session.configuration(),
  };
  if (!erase && (await isPastStatistics(context, lmsUserId))) {
    throw refused(
      `LMS user ${lmsUserId} is retired already: to take "${username}" out of every course now, say --erase`,
    );
  }
  const linked = await linkLearner(database, { username, lmsUserId });
  output.line(`${linked.username} is LMS user ${lmsUserId}${linked.changed ? '' : ' already'}`);
  if (!(await isPastStatistics(context, lmsUserId))) {
    return output.document({ ...linked, retired: false, erased: null });
  }
  output.line('their retirement is past the statistics: they are taken out of these now');
  const { text } = await progress.waiting('taking them out of the statistics', () =>
    eraseLinked(context, lmsUserId),
  );
  output.line(text);
  output.document({ ...linked, retired: true, erased: text });
}

async function takeLinkAway({ session, output }: Tools, username: string): Promise<void> {
  const unlinked = await unlinkLearner(session.database(), username);
  output.document({ ...unlinked, retired: false, erased: null });
  output.line(`${unlinked.username} is linked to no learner${unlinked.changed ? ' any more' : ''}`);
}

function lmsUserIdOf(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw wrongUsage(
    `"${text}" is no user id of the LMS: write a number, as \`registrar retirement list\` shows it`,
  );
}
