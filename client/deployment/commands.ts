import { Option, type Command } from 'commander';
import { parseDuration } from '../../config/duration.ts';
import { notFound, wrongUsage } from '../operation-error.ts';
import type { Environment } from '../database.ts';
import { instantText } from '../times.ts';
import { examples, type Run, type Tools } from '../tools.ts';
import { viewDeployment, type BuildId, type BuildView } from './deployment.ts';
import { formerBuild, promote, type Promoted } from './promote.ts';

const DEFAULT_DEPLOYMENT = 'registrar';

interface Options {
  readonly deployment?: string;
  readonly buildId?: string;
  readonly unversioned?: boolean;
  readonly wait: string;
}

/** `deployment`: which build of the workers gets the work. */
export function addDeploymentCommands(program: Command, run: Run): void {
  const deployment = program
    .command('deployment')
    .description('which build of the workers gets the work, where TEMPORAL_WORKER_BUILD_ID names builds');

  withDeployment(deployment.command('show'))
    .description('builds of the workers, the current one, and who polls for it')
    .addHelpText('after', examples('registrar deployment show'))
    .action((options: Options, command: Command) =>
      run(command, async ({ session, output }) => {
        const name = nameOf(session.env, options);
        const view = await viewDeployment(await session.temporal(), name);
        output.document(view);
        if (view.builds.length === 0) output.line(`no worker of ${view.deployment} has polled yet`);
        else output.table(view.builds, columns);
      }),
    );

  withWait(withDeployment(deployment.command('promote')))
    .option('--build-id <ID>', 'default TEMPORAL_WORKER_BUILD_ID')
    .option('--unversioned', 'give the work back to workers without versioning')
    .description('give all work to this build, once its workers poll every task queue that any worker polls')
    .addHelpText(
      'after',
      examples('registrar deployment promote --build-id 0.2.0', 'registrar deployment promote --wait 5m'),
    )
    .action((options: Options, command: Command) =>
      run(command, (tools) => promoteTo(tools, options, wantedBuild(tools.session.env, options))),
    );

  withWait(withDeployment(deployment.command('rollback')))
    .description('give all work to the build that was current before, whose workers must run still')
    .addHelpText('after', examples('registrar deployment rollback'))
    .action((options: Options, command: Command) =>
      run(command, async (tools) => {
        const name = nameOf(tools.session.env, options);
        const former = formerBuild(await viewDeployment(await tools.session.temporal(), name));
        if (former === undefined) {
          throw notFound(
            `no build of ${name} was current before: name one with \`registrar deployment promote --build-id ID\``,
          );
        }
        await promoteTo(tools, options, former);
      }),
    );
}

function withDeployment(command: Command): Command {
  return command.option('--deployment <NAME>', `default TEMPORAL_DEPLOYMENT_NAME, or ${DEFAULT_DEPLOYMENT}`);
}

function withWait(command: Command): Command {
  return command.addOption(
    new Option('--wait <DURATION>', "how long the build's workers are waited for").default('1m'),
  );
}

function nameOf(env: Environment, { deployment }: Options): string {
  if (deployment?.trim() === '') {
    throw wrongUsage(
      `--deployment is empty: name the deployment of the workers, or leave it out for TEMPORAL_DEPLOYMENT_NAME or ${DEFAULT_DEPLOYMENT}`,
    );
  }
  return deployment ?? (env['TEMPORAL_DEPLOYMENT_NAME'] || DEFAULT_DEPLOYMENT);
}

function wantedBuild(env: Environment, { buildId, unversioned = false }: Options): BuildId {
  if (unversioned && buildId !== undefined) throw wrongUsage('say one of --build-id ID and --unversioned');
  if (unversioned) return null;
  const wanted = buildId ?? (env['TEMPORAL_WORKER_BUILD_ID'] || undefined);
  if (wanted !== undefined && wanted !== '') return wanted;
  throw wrongUsage(
    'which build? Say --build-id ID (`registrar deployment show` lists them), or set TEMPORAL_WORKER_BUILD_ID',
  );
}

async function promoteTo(
  { session, output, progress }: Tools,
  options: Options,
  buildId: BuildId,
): Promise<void> {
  const waitMs = parseDuration(options.wait);
  if (waitMs === undefined) {
    throw wrongUsage(`--wait ${options.wait} is no duration: write 30s, 5m or 1h30m`);
  }
  const deployment = nameOf(session.env, options);
  const temporal = await session.temporal();
  const promoted = await progress.following(`workers of ${textOf(buildId)}`, (show) =>
    promote(temporal, { deployment, buildId, waitMs, watch: show }),
  );
  output.document(promoted);
  output.line(describe(promoted));
}

function describe({ deployment, before, current, changed }: Promoted): string {
  if (!changed) return `${deployment}: ${textOf(current)} is current already`;
  return `${deployment}: ${textOf(current)} is current now, ${textOf(before)} was before`;
}

function textOf(buildId: BuildId): string {
  return buildId === null ? 'unversioned' : `build ${buildId}`;
}

const columns = [
  { head: 'BUILD', cell: ({ buildId }: BuildView) => buildId ?? '(unversioned)' },
  { head: 'STATUS', cell: ({ status }: BuildView) => status },
  {
    head: 'LAST CURRENT',
    cell: ({ lastCurrentAt }: BuildView) => (lastCurrentAt === null ? '-' : instantText(lastCurrentAt)),
  },
  {
    head: 'NOBODY POLLS',
    cell: ({ unpolled }: BuildView) => (unpolled.length === 0 ? '-' : unpolled.join(', ')),
  },
];
