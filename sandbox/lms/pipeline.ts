import { stringify } from 'yaml';

export type PipelineRow = readonly [startState: string, endState: string, service: string, method: string];

/** The pipeline of the sandbox and of the benchmarks. */
export const sandboxPipeline: readonly PipelineRow[] = [
  ['RETIRING_ENROLLMENTS', 'ENROLLMENTS_COMPLETE', 'LMS', 'retirement_unenroll'],
  ['RETIRING_FORUMS', 'FORUMS_COMPLETE', 'LMS', 'retirement_retire_forum'],
  ['RETIRING_NOTES', 'NOTES_COMPLETE', 'LMS', 'retirement_retire_notes'],
  ['RETIRING_PROCTORING', 'PROCTORING_COMPLETE', 'LMS', 'retirement_retire_proctoring_data'],
  ['ADDING_TO_PARTNER_QUEUE', 'PARTNER_QUEUE_COMPLETE', 'LMS', 'retirement_partner_queue'],
  ['RETIRING_LMS_MISC', 'LMS_MISC_COMPLETE', 'LMS', 'retirement_lms_retire_misc'],
  ['RETIRING_LMS', 'LMS_COMPLETE', 'LMS', 'retirement_lms_retire'],
];

/** The wiki edits that the sandbox marks as made by the platform itself carry this OAuth consumer's tag. */
const SYSTEM_OAUTH_ID = 252;

/** Whom a wiki's operators would write to; the sandbox wiki's write to nobody. */
const CONTACT = 'sandbox@example.org';

export interface SandboxConfiguration {
  readonly lmsUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Default {@link sandboxPipeline}. */
  readonly pipeline?: readonly PipelineRow[];
  /** The sandbox wiki, which counts references too. */
  readonly wikiUrl?: string;
  /** Absent: Registrar's default. */
  readonly coolOffDays?: number;
  /** Folder for partner reports and archives; absent = neither is set up. */
  readonly deliveryFolder?: string;
  /** More keys at the top of the file. */
  readonly root?: Readonly<Record<string, unknown>>;
  /** More keys for the section `registrar`, as they are to stand there. */
  readonly registrar?: Readonly<Record<string, unknown>>;
}

/** Every organisation that the sandbox gives to learners by itself. */
const partners = {
  org_partner_mapping: {
    AcmeX: ['Acme'],
    BorealisX: ['Northern Partners'],
    CumulusX: ['Northern Partners'],
    DeltaX: ['Delta'],
    EstuaryX: ['Delta', 'Estuary'],
  },
  partner_report_platform_name: 'sandbox',
};

/** Renders the YAML file of `REGISTRAR_CONFIG` for the sandbox; the original driver reads it too. */
export function sandboxConfigurationYaml(configuration: SandboxConfiguration): string {
  const registrar = {
    ...(configuration.coolOffDays === undefined ? {} : { cool_off_days: configuration.coolOffDays }),
    ...(configuration.wikiUrl === undefined
      ? {}
      : {
          reference_counter_url: configuration.wikiUrl,
          system_oauth_ids: [SYSTEM_OAUTH_ID],
          contact: CONTACT,
        }),
    ...(configuration.deliveryFolder === undefined
      ? {}
      : {
          partner_reports: { destination: `${configuration.deliveryFolder}/partner-reports` },
          archive: { destination: `${configuration.deliveryFolder}/archive` },
        }),
    ...configuration.registrar,
  };
  // Quoted so that the original driver's YAML 1.1 reader sees texts where we mean texts.
  return stringify(
    {
      client_id: configuration.clientId,
      client_secret: configuration.clientSecret,
      base_urls: { lms: configuration.lmsUrl },
      retirement_pipeline: configuration.pipeline ?? sandboxPipeline,
      ...(configuration.deliveryFolder === undefined ? {} : partners),
      ...configuration.root,
      ...(Object.keys(registrar).length === 0 ? {} : { registrar }),
    },
    { version: '1.1' },
  );
}
