import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import {
  PARTNER_REPORT,
  RETIREMENT_TASK_QUEUE,
  type PartnerReportResult,
} from '../../workflows/retirement/contract.ts';
import type { SandboxConfiguration } from '../../sandbox/lms/pipeline.ts';
import {
  setRetirementStage,
  type NewLearner,
  type RetirementStage,
  type SandboxLearner,
  type StageOptions,
} from './retirement.ts';
import { waitFor } from './wait.ts';

export const TAKE = '/api/user/v1/accounts/retirement_partner_report/';
export const CLEAN_UP = '/api/user/v1/accounts/retirement_partner_report_cleanup/';

export const mapping = { AcmeX: ['Acme'], BorealisX: ['Borealis', 'North'], CumulusX: ['Acme'] } as const;

/** A stage whose LMS has learners for partners, and whose reports go to a folder. */
export interface PartnerStage extends RetirementStage {
  readonly folder: string;
  /** Writes the configuration anew, with `keys` in place of those of the partner report. */
  configureReport(keys: ReportKeys): void;
  /** Learners who have been through the whole pipeline. */
  retire(learners: readonly NewLearner[]): Promise<readonly SandboxLearner[]>;
  report(): Promise<PartnerReportResult>;
  /** What the report failed with. */
  reportFailure(): Promise<string>;
  /** File name to lines, without the header. */
  files(): Readonly<Record<string, readonly string[]>>;
  /** Puts learners who have been through the pipeline into the LMS's queue once more, as if they had never been reported. */
  queueAgain(learners: readonly SandboxLearner[]): Promise<void>;
  /** Starts a report and does not wait for it. */
  startReport(): Promise<WorkflowHandle>;
  /** A delivered file. */
  read(name: string): string;
  /** As if no report had ever been asked for. Learners who were reported stay so. */
  reset(): Promise<void>;
  /** Rows with people in them that we keep. */
  keptRows(): Promise<number>;
  /** Waits until the LMS has the learner in its queue, and our own run of the pipeline has ended. */
  waitForQueued(username: string): Promise<void>;
  /** The history of the report that was started last. */
  lastHistory(): Promise<unknown>;
  /** Starts a report, lets it ask the LMS, and terminates it. */
  abandonReport(): Promise<void>;
  /** Rows of the LMS's queue that are left: user id to whether it is being processed. */
  held(): Promise<Readonly<Record<number, boolean>>>;
}

export interface ReportKeys {
  readonly org_partner_mapping?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly partner_report_platform_name?: string | undefined;
  readonly partner_reports?: Readonly<Record<string, unknown>> | undefined;
}

export async function setPartnerStage(options: StageOptions = {}): Promise<PartnerStage> {
  const stage = await setRetirementStage({}, options);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'registrar-reports-'));
  let reports = 0;

  const begin = (): Promise<WorkflowHandle> =>
    stage.temporal.client.workflow.start(PARTNER_REPORT, {
      workflowId: `partner-report-${(reports += 1)}`,
      taskQueue: RETIREMENT_TASK_QUEUE,
      args: [],
    });
  const run = async (): Promise<PartnerReportResult> =>
    (await (await begin()).result()) as PartnerReportResult;

  const own: PartnerStage = {
    ...stage,
    folder,
    configureReport: (keys) => {
      const {
        org_partner_mapping = mapping,
        partner_report_platform_name = 'edge',
        partner_reports = {},
      } = keys;
      const registrar = { partner_reports: { destination: folder, ...partner_reports } };
      stage.configure({
        registrar: {
          user_count_error_threshold: 1000,
          max_user_batch_size: 1000,
          ...('partner_reports' in keys && keys.partner_reports === undefined ? {} : registrar),
        },
      } satisfies Partial<SandboxConfiguration>);
      const rootKeys = {
        ...('org_partner_mapping' in keys && keys.org_partner_mapping === undefined
          ? {}
          : { org_partner_mapping }),
        ...('partner_report_platform_name' in keys && keys.partner_report_platform_name === undefined
          ? {}
          : { partner_report_platform_name }),
      };
      const lines = Object.entries(rootKeys).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
      appendFileSync(stage.configurationPath, lines.join(''));
    },
    retire: async (learners) => {
      const asked = learners.length === 0 ? [] : await stage.ask(learners);
      await stage.collect();
      await Promise.all(asked.map((learner) => stage.workflow(learner.user_id).result()));
      return asked;
    },
    startReport: begin,
    report: run,
    reportFailure: async () => {
      const error: unknown = await run().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (!(error instanceof WorkflowFailedError))
        throw new Error('the report did not fail', { cause: error });
      return String(error.cause?.cause);
    },
    files: () =>
      Object.fromEntries(
        readdirSync(folder)
          .toSorted()
          .map((name) => [name, readFileSync(path.join(folder, name), 'utf8').split('\r\n').slice(1, -1)]),
      ),
    read: (name) => readFileSync(path.join(folder, name), 'utf8'),
    reset: async () => {
      for (const name of readdirSync(folder)) rmSync(path.join(folder, name), { recursive: true });
      await stage.database.query(
        'truncate partner_report_requests, partner_report_batches, partner_report_rows, partner_report_files',
      );
      await stage.database.query('delete from sandbox_lms.partner_reports');
      await stage.clearFaults();
      await stage.control('DELETE', '/_sandbox/requests');
      own.configureReport({});
    },
    queueAgain: async (learners) => {
      const ids = learners.map((learner) => learner.user_id);
      await stage.database.query('delete from partner_reported_learners where user_id = any($1::bigint[])', [
        ids,
      ]);
      await stage.database.query(
        `insert into sandbox_lms.partner_reports (user_id, original_username, original_email, original_name)
         select user_id, original_username, original_email, original_name from sandbox_lms.retirements
         where user_id = any($1::bigint[]) order by user_id`,
        [ids],
      );
    },
    keptRows: async () => {
      const { rows } = await stage.database.query<{ count: number }>(
        'select count(*) from partner_report_rows',
      );
      return rows[0]?.count ?? 0;
    },
    waitForQueued: async (username) => {
      const learner = await waitFor(() => stage.lms(username), { what: 'the learner in the LMS' });
      await stage.workflow(Number(learner['user_id'])).result();
    },
    lastHistory: () => stage.temporal.client.workflow.getHandle(`partner-report-${reports}`).fetchHistory(),
    abandonReport: async () => {
      const handle = await begin();
      await waitFor(
        async () =>
          (
            await stage.database.query(
              `select from partner_report_requests where outcome in ('asked', 'lost') and not settled`,
            )
          ).rowCount,
        { what: 'the LMS to be asked' },
      );
      await handle.terminate('abandoned by the test');
    },
    held: async () => {
      const { rows } = await stage.database.query<{ id: number; processed: boolean }>(
        `select user_id as id, is_being_processed as processed from sandbox_lms.partner_reports order by user_id`,
      );
      return Object.fromEntries(rows.map((row) => [row.id, row.processed]));
    },
    close: async () => {
      await stage.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  own.configureReport({});
  return own;
}
