import type { Destination } from '../domain/retirement/destination.ts';
import type { Pipeline } from '../domain/retirement/pipeline.ts';
import type { ServiceDeclaration } from '../domain/retirement/service-declaration.ts';

/** A checked configuration: whoever holds one may rely on everything in it. */
export interface Configuration {
  /** Absolute. */
  readonly path: string;
  /** Changes whenever the file's text or a variable it uses changes. */
  readonly digest: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** `base_urls`, without a slash at the end; `lms` is always there. */
  readonly baseUrls: BaseUrls;
  readonly pipeline: Pipeline;
  readonly fetchEcommerceSegmentId: boolean;
  readonly thirdParties: ThirdParties;
  readonly partnerReport: PartnerReportKeys;
  /** `s3_archive`; present when it names a bucket. */
  readonly s3Archive?: { readonly bucketName: string; readonly region?: string };
  readonly registrar: RegistrarSettings;
}

export interface BaseUrls {
  readonly lms: string;
  readonly [service: string]: string | undefined;
}

/** Present when the file has the keys that the service needs. */
export interface ThirdParties {
  readonly braze?: { readonly apiKey: string; readonly instance: string };
  readonly segment?: { readonly authToken: string; readonly workspaceSlug: string };
  readonly amplitude?: { readonly apiKey: string; readonly secretKey: string };
  readonly hubspot?: {
    readonly apiKey: string;
    /** Region and addresses of the alert mail that follows a deletion; without them none is sent. */
    readonly awsRegion?: string;
    readonly fromAddress?: string;
    readonly alertEmail?: string;
  };
  readonly salesforce?: {
    readonly user: string;
    readonly password: string;
    readonly token: string;
    /** Default `login`. */
    readonly domain: string;
    readonly assignee: string;
  };
}

/** The keys of Open edX's partner report, each as far as the file has it. */
export interface PartnerReportKeys {
  /** Organisation to the names of its partners, NFKC-normalised. Empty when the file has none. */
  readonly orgPartnerMapping: Readonly<Record<string, readonly string[]>>;
  readonly platformName?: string;
  readonly drivePartnersFolder?: string;
  /** Endings of e-mail addresses that are never notified, in lower case. */
  readonly deniedNotificationDomains: readonly string[];
}

/** Registrar's own keys, under `registrar:`. */
export interface RegistrarSettings {
  /** Days between the learner's request and the first stage; may be a fraction. Default 7. */
  readonly coolOffDays: number;
  /** Days between the learner's request and the day the erasure is due. Default 30. */
  readonly deadlineDays: number;
  /** How long a stage is retried after transient failures; 0 = the first failure errors. Default 10 minutes. */
  readonly retryBudgetMs: number;
  /** The first wait between two attempts; it doubles from there. Default 1 second. */
  readonly retryInitialMs: number;
  /** The longest wait between two attempts. Default 1 minute. */
  readonly retryMaximumMs: number;
  /** Requests that one worker has open at the LMS at once. Default 8. */
  readonly lmsConcurrency: number;
  /** Time for one request. Default 30 seconds. */
  readonly requestTimeoutMs: number;
  /** More new learners than this in one collection and nobody is started. Default 300. */
  readonly userCountErrorThreshold: number;
  /** At most this many learners are started by one collection. Default 200. */
  readonly maxUserBatchSize: number;
  /** How often the collector runs. Default 1 hour. */
  readonly collectEveryMs: number;
  /** Services that the operator declares, by the name that pipeline rows use. */
  readonly services: Readonly<Record<string, ServiceDeclaration>>;
  /** Base address of the service that counts references in revisions; without one there are no such counts. */
  readonly referenceCounterUrl?: string;
  /** OAuth consumer ids whose edits are the system's own. Default none. */
  readonly systemOauthIds: readonly number[];
  /** An address or a mailbox for the User-Agent, so that the owners of a wiki can reach the operator. */
  readonly contact?: string;
  /** Days after COMPLETE until the erasure is verified once more; may be a fraction. */
  readonly probeAfterDays?: number;
  /** Default false. */
  readonly canary: boolean;
  /** Days before the due date from which on a retirement that still runs is warned of; may be a fraction. Default 5. */
  readonly deadlineWarningDays: number;
  /** Present when `registrar.partner_reports` names a destination. */
  readonly partnerReports?: PartnerReportSettings;
  /** Present when `registrar.archive` or `s3_archive` says where to. */
  readonly archive?: ArchiveSettings;
  readonly receipts: ReceiptSettings;
}

export interface PartnerReportSettings {
  readonly destination: Destination;
  /** How often the LMS is asked for a report. Default 7 days. */
  readonly everyMs: number;
  /** Delivered reports are deleted after so many days; absent = never. */
  readonly ageInDays?: number;
}

export interface ArchiveSettings {
  readonly destination: Destination;
  /** `tokens`: the archive names nobody. `keep`: it has the lines of Open edX's own archive. Default `tokens`. */
  readonly identity: 'tokens' | 'keep';
  /** Days since the request after which a COMPLETE learner is archived; may be a fraction. Default 37. */
  readonly afterDays: number;
  /** Learners in one archive file and in one clean-up of the LMS. Default 200. */
  readonly batchSize: number;
  /** How often learners are looked for. Default 1 day. */
  readonly everyMs: number;
}

/** Keys are 32 bytes each; an absent one is kept in the database. */
export interface ReceiptSettings {
  /** Seed of the Ed25519 key that signs receipts. */
  readonly signingKey?: Uint8Array;
  /** Ids of signing keys that were in use before `signingKey`; nobody else's receipts are believed beside its own. */
  readonly earlierKeys?: readonly string[];
  /** Key of the HMAC that turns usernames and addresses into tokens. */
  readonly tokenKey?: Uint8Array;
  /** Keys that made tokens before `tokenKey`: people are looked up with them too. */
  readonly earlierTokenKeys?: readonly Uint8Array[];
}
