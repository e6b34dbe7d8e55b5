import type { Command } from 'commander';
import { wrongUsage } from '../operation-error.ts';
import { examples, type Run } from '../tools.ts';
import { retirementsOf } from './session-client.ts';

/** `rerun` and `collect`: they start workflows for many learners. */
export function addRunningCommands(retirement: Command, run: Run): void {
  retirement
    .command('rerun')
    .argument('[WHO]', 'LMS user id, username, e-mail address or workflow id')
    .option('--all', 'every COMPLETE learner')
    .option('--only-new', 'only stages that a learner has never completed')
    .description('send COMPLETE learners through the pipeline again')
    .addHelpText(
      'after',
      examples('registrar retirement rerun --all --only-new', 'registrar retirement rerun 42'),
    )
    .action(
      (
        who: string | undefined,
        { all, onlyNew }: { readonly all?: boolean; readonly onlyNew?: boolean },
        command: Command,
      ) =>
        run(command, async ({ session, output, progress }) => {
          if ((who === undefined) === !all)
            throw wrongUsage('rerun whom? Name one learner, or say --all, not both');
          const kind = onlyNew ? 'only-new' : 'all';
          const result = await progress.waiting('starting reruns', () =>
            retirementsOf(session).rerun({ who, kind }),
          );
          output.document(result);
          output.line(
            `${result.complete} COMPLETE, ${result.started} started, ${result.unchanged} with nothing to run or running already`,
          );
        }),
    );

  retirement
    .command('collect')
    .description(
      "one pass of the collector now: a workflow for every learner of the LMS's queue who has none",
    )
    .addHelpText('after', examples('registrar retirement collect', 'registrar retirement collect --json'))
    .action((_options: unknown, command: Command) =>
      run(command, async ({ session, output, progress }) => {
        const result = await progress.waiting('collecting', () => retirementsOf(session).collect());
        output.document(result);
        output.line(
          `${result.listed} in the LMS's queue, ${result.started} started, ${result.running} running already, ${result.left} left for the next pass`,
        );
      }),
    );
}
