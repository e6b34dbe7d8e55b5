import type { Command } from 'commander';
import { configurationPath } from '../../config/environment.ts';
import type { Colour, Output } from '../output.ts';
import type { Session } from '../session.ts';
import { examples, type Run } from '../tools.ts';
import { lookingOnce } from '../worker-presence.ts';
import type { Check } from './check.ts';
import { checkConfiguration } from './configuration-checks.ts';
import { checkCourses } from './course-checks.ts';
import { checkDatabase } from './database-checks.ts';
import { checkLms } from './lms-checks.ts';
import { checkReceiptKeys } from './receipt-checks.ts';
import { checkServices } from './service-checks.ts';
import { checkTemporal } from './temporal-checks.ts';
import { checkWikis } from './wiki-checks.ts';

export function addDoctorCommand(program: Command, run: Run): void {
  program
    .command('doctor')
    .description(
      'check configuration, database, Temporal, worker, LMS and wikis, a line each; changes nothing',
    )
    .option('--offline <FILE>', 'check only this configuration file, without any network')
    .addHelpText('after', examples('registrar doctor', 'registrar doctor --offline registrar.yml'))
    .action(({ offline }: { readonly offline?: string }, command: Command) =>
      run(command, async ({ session, output }) => {
        const checks: Check[] = [];
        for await (const check of offline === undefined ? examine(session) : examineFile(session, offline)) {
          checks.push(check);
          output.line(lineOf(check, output));
        }
        const wrong = checks.filter(({ outcome }) => outcome !== 'ok').length;
        output.document({ ok: wrong === 0, checks });
        if (wrong === 0) return 0;
        output.notice(`registrar: ${wrong} of ${checks.length} checks found something to mend`);
        return 1;
      }),
    );
}

async function* examineFile({ env }: Session, path: string): AsyncGenerator<Check> {
  yield* (await checkConfiguration({ path, env })).checks;
}

async function* examine(session: Session): AsyncGenerator<Check> {
  const { env } = session;
  const { checks, configuration } = await checkConfiguration({ path: configurationPath(env), env });
  yield* checks;
  const database = await checkDatabase(() => session.database());
  yield* database;
  const temporal = await session.temporal().catch(() => undefined);
  const look = temporal && lookingOnce(temporal);
  yield* await checkTemporal(() => session.temporal(), { configuration, look });
  const usable = database.every(({ outcome }) => outcome === 'ok') ? session.database() : undefined;
  if (usable !== undefined && temporal !== undefined) yield* await checkCourses(usable, temporal, look);
  if (configuration === undefined) return;
  if (usable !== undefined) yield* await checkReceiptKeys(configuration, usable);
  yield* await checkLms(configuration, usable);
  yield* await checkServices(configuration);
  if (usable !== undefined) yield* await checkWikis(configuration, usable);
}

const colours: Readonly<Record<Check['outcome'], Colour>> = { ok: 'green', warning: 'yellow', FAILED: 'red' };

function lineOf({ check, outcome, message }: Check, output: Output): string {
  return `${output.paint(colours[outcome], outcome.padEnd(7))}  ${check}: ${message}`;
}
