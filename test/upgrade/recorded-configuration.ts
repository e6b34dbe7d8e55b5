import { stringify } from 'yaml';
import { sandboxPipeline, type PipelineRow } from '../../sandbox/lms/pipeline.ts';

/** A stage whose service can be asked afterwards whether it forgot the learner. */
const NEWSLETTER: PipelineRow = ['RETIRING_COURSE_STATS', 'COURSE_STATS_COMPLETE', 'NEWSLETTER', 'forget'];

/** Until everything is stopped: the later looks are to be waiting then. */
const LATER_LOOK_DAYS = 5 / (24 * 60);

/** The operator's file, with variables for everything that differs from place to place. */
export function recordedConfiguration({ looksLater }: { readonly looksLater: boolean }): string {
  const path = '/subscribers/{user_id}';
  return stringify({
    client_id: '${LMS_CLIENT_ID}',
    client_secret: '${LMS_CLIENT_SECRET}',
    base_urls: { lms: '${LMS_URL}' },
    retirement_pipeline: [...sandboxPipeline.slice(0, -1), NEWSLETTER, ...sandboxPipeline.slice(-1)],
    org_partner_mapping: { AcmeX: ['Acme'] },
    partner_report_platform_name: 'sandbox',
    registrar: {
      reference_counter_url: '${WIKI_URL}',
      system_oauth_ids: [252],
      contact: 'operator@example.org',
      retry_initial: '200ms',
      retry_maximum: '5s',
      retry_budget: '1h',
      ...(looksLater ? { probe_after_days: LATER_LOOK_DAYS } : {}),
      partner_reports: { destination: '${DELIVERY_FOLDER}/partner-reports' },
      archive: { destination: '${DELIVERY_FOLDER}/archive' },
      services: {
        NEWSLETTER: {
          base_url: '${NEWSLETTER_URL}',
          methods: { forget: { verb: 'DELETE', path, ok: [200], verify: { path, gone: [404] } } },
        },
      },
    },
  });
}
