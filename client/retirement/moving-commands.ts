import type { Command } from 'commander';
import { wrongUsage } from '../operation-error.ts';
import { examples, type Run, type Tools } from '../tools.ts';
import { retirementsOf } from './session-client.ts';
import { describeStarted } from './start.ts';

interface ResumeOptions {
  readonly from?: string;
  readonly reason?: string;
  readonly skip?: boolean;
  readonly allErrored?: boolean;
  readonly stage?: string;
}

/** `start`, `resume` and `cancel`: they move one learner, or all who failed in a stage. */
export function addMovingCommands(retirement: Command, run: Run): void {
  retirement
    .command('start')
    .argument('<USERNAME>', "the learner's username in the LMS, exactly as it is there")
    .description("start one learner's workflow now, without waiting for the collector")
    .addHelpText('after', examples('registrar retirement start ada'))
    .action((username: string, _options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const started = await retirementsOf(session).start(username);
        output.document(started);
        output.line(describeStarted(started));
      }),
    );

  retirement
    .command('resume')
    .argument('[WHO]', 'LMS user id, username, e-mail address or workflow id')
    .option('--from <STATE>', 'the state just before the stage to retry; an earlier one repeats more')
    .option('--reason <TEXT>', 'why, for the log; must not name the learner, because Temporal keeps it')
    .option('--skip', 'allow a later state, and leave out the stages between')
    .option('--all-errored', 'everybody who failed in the stage that --stage names')
    .option('--stage <START_STATE>', 'with --all-errored: the stage to retry, by its start state')
    .description('resume an ERRORED retirement')
    .addHelpText(
      'after',
      examples(
        'registrar retirement resume 42 --from ENROLLMENTS_COMPLETE --reason "forum is back"',
        'registrar retirement resume --all-errored --stage RETIRING_FORUMS',
      ),
    )
    .action((who: string | undefined, options: ResumeOptions, command: Command) =>
      run(command, (tools) =>
        options.allErrored ? resumeAll(tools, who, options) : resumeOne(tools, who, options),
      ),
    );

  retirement
    .command('cancel')
    .argument('<EMAIL>', 'the address the learner had when asking for deletion')
    .description('cancel a retirement while it is PENDING')
    .addHelpText('after', examples('registrar retirement cancel ada@example.com'))
    .action((email: string, _options: unknown, command: Command) =>
      run(command, async ({ session, output }) => {
        const cancelled = await retirementsOf(session).cancel(email);
        output.document(cancelled);
        output.line(cancelled.message);
      }),
    );
}

async function resumeOne(
  { session, output }: Tools,
  who: string | undefined,
  { from, reason, skip, stage }: ResumeOptions,
): Promise<void> {
  if (who === undefined)
    throw wrongUsage('resume whom? Name a learner, or say --all-errored --stage START_STATE');
  if (stage !== undefined)
    throw wrongUsage('--stage goes with --all-errored; for one learner say --from STATE');
  if (from === undefined || from === '')
    throw wrongUsage('resume from which state? Say --from STATE, the one before the stage to retry');
  const resumed = await retirementsOf(session).resume(who, {
    state: from,
    ...(reason === undefined ? {} : { reason }),
    ...(skip ? { skip } : {}),
  });
  output.document(resumed);
  output.line(`LMS user ${resumed.userId}: ${resumed.message}`);
}

async function resumeAll(
  { session, output, progress }: Tools,
  who: string | undefined,
  { from, reason, skip, stage }: ResumeOptions,
): Promise<number> {
  if (who !== undefined || from !== undefined || skip) {
    throw wrongUsage('--all-errored goes with --stage START_STATE alone: no WHO, --from or --skip');
  }
  if (stage === undefined) throw wrongUsage('--all-errored wants --stage START_STATE: the stage that failed');
  const asked = { stage, ...(reason === undefined ? {} : { reason }) };
  const outcomes = await progress.counting(`resuming ${stage}`, (watch) =>
    retirementsOf(session).resumeAllErrored(asked, watch),
  );
  const wrong = outcomes.filter(({ outcome }) => outcome === 'not-resumed').length;
  output.document({ stage, resumed: outcomes.length - wrong, notResumed: wrong, outcomes });
  if (outcomes.length === 0) output.line(`nobody is ERRORED in ${stage}`);
  else {
    output.table(outcomes, [
      { head: 'USER', cell: ({ userId }) => String(userId), align: 'right' },
      { head: 'USERNAME', cell: ({ username }) => username },
      { head: 'OUTCOME', cell: ({ outcome }) => outcome },
      { head: '', cell: ({ message }) => message.split('\n').join('; ') },
    ]);
  }
  if (wrong === 0) return 0;
  output.notice(`registrar: ${wrong} of ${outcomes.length} were not resumed: the table says why`);
  return 1;
}
