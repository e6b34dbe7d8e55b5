/**
 * The services and methods that a `retirement_pipeline` row may name without declaring anything, as Open edX's own
 * driver knows them, and those it knows whose endpoint no longer exists.
 */
export type KnownMethod = { readonly kind: 'works' } | { readonly kind: 'gone'; readonly instead: string };

const works: KnownMethod = { kind: 'works' };
const gone = (instead: string): KnownMethod => ({ kind: 'gone', instead });

export const knownServices: Readonly<Record<string, Readonly<Record<string, KnownMethod>>>> = {
  LMS: {
    retirement_retire_forum: works,
    retirement_unenroll: works,
    retirement_retire_notes: works,
    retirement_retire_proctoring_data: works,
    retirement_retire_proctoring_backend_data: works,
    retirement_lms_retire_misc: works,
    retirement_partner_queue: works,
    retirement_lms_retire: works,
    retirement_retire_mailings: gone(
      'the LMS removed this endpoint long ago and clears mailing lists in retirement_lms_retire_misc: remove this row and keep a row with that method',
    ),
    retirement_deactivate_logout: gone(
      'this endpoint acts on the account that calls it, not on the learner, and the account is already locked when a deletion is asked for: remove this row',
    ),
  },
  LICENSE_MANAGER: { retire_learner: works },
  DEMOGRAPHICS: { retire_learner: works },
  SEGMENT: { delete_and_suppress_learner: works },
  HUBSPOT: { delete_user: works },
  BRAZE: { delete_user: works },
  AMPLITUDE: { delete_user: works },
  SALESFORCE: { retire_learner: works },
  // Ours: the learner leaves the statistics of courses.
  REGISTRAR: { retirement_remove_course_user: works },
  ECOMMERCE: {
    retire_learner: gone(
      'the ecommerce service never had this endpoint: remove this row, or declare your own service under registrar.services',
    ),
  },
  CREDENTIALS: {
    retire_learner: gone(
      'the credentials service has no working retirement endpoint: remove this row, or declare your own service under registrar.services',
    ),
  },
};
