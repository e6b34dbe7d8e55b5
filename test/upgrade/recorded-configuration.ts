import { stringify } from 'yaml';
import { newsletterAt, pipelineWithNewsletter } from '../support/subscriber-service.ts';

/** Until everything is stopped: the later looks are to be waiting then. */
const LATER_LOOK_DAYS = 5 / (24 * 60);

/** The operator's file, with variables for everything that differs from place to place. */
export function recordedConfiguration({ looksLater }: { readonly looksLater: boolean }): string {
  return stringify({
    client_id: '${LMS_CLIENT_ID}',
    client_secret: '${LMS_CLIENT_SECRET}',
    base_urls: { lms: '${LMS_URL}' },
    retirement_pipeline: pipelineWithNewsletter,
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
      services: newsletterAt('${NEWSLETTER_URL}'),
    },
  });
}
