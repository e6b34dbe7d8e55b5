import type { Dispatcher } from 'undici';
import type { Pipeline } from '../../domain/retirement/pipeline.ts';
import type { ServiceDeclaration } from '../../domain/retirement/service-declaration.ts';
import type { Probe, Service } from '../learner.ts';
import type { TokenSource } from '../oauth.ts';
import { createAmplitude, type AmplitudeKeys } from './amplitude.ts';
import { createBraze, type BrazeKeys } from './braze.ts';
import { createDeclaredProbes, createDeclaredService } from './declared.ts';
import { createGuardedAgent } from './guarded-agent.ts';
import { createHubspot, type HubspotKeys } from './hubspot.ts';
import { loadModuleService } from './module.ts';
import { createDemographics, createLicenseManager } from './open-edx.ts';
import { createSalesforce, type SalesforceKeys } from './salesforce.ts';
import { createSegment, type SegmentKeys } from './segment.ts';
import type { ThirdPartyOptions } from './third-party.ts';

export { createSegmentIdSource, type SegmentIdSource } from './ecommerce.ts';

export interface ServicesOptions {
  /** As the configuration has them. */
  readonly thirdParties: {
    readonly braze?: BrazeKeys;
    readonly segment?: SegmentKeys;
    readonly amplitude?: AmplitudeKeys;
    readonly hubspot?: HubspotKeys;
    readonly salesforce?: SalesforceKeys;
  };
  /** `license_manager` and `demographics`; `segment`, `braze`, `amplitude`, `hubspot`, `salesforce` override a vendor's own address. */
  readonly baseUrls: Readonly<Record<string, string | undefined>>;
  readonly declarations: Readonly<Record<string, ServiceDeclaration>>;
  /** The LMS's tokens, shared with the LMS's own client. */
  readonly lmsTokens: TokenSource;
  /** Milliseconds for one request. */
  readonly timeoutMs: number;
  /** When given, modules are checked for the methods that its rows name. */
  readonly pipeline?: Pipeline;
  /** Default: one that calls no link-local or metadata address, but for declarations that allow it. */
  readonly dispatcher?: Dispatcher | undefined;
}

/**
 * Every service but the LMS that the configuration has keys for, by its pipeline name; the others are absent. An
 * operator's declaration takes the place of a service we ship under the same name.
 * Throws a plain Error of one line for a declaration or module that cannot work.
 */
export async function createServices(options: ServicesOptions): Promise<Readonly<Record<string, Service>>> {
  const guarded = { ...options, dispatcher: options.dispatcher ?? createGuardedAgent() };
  const services = shipped(guarded);
  for (const [name, declaration] of Object.entries(options.declarations)) {
    services[name] = await declared(name, declaration, isAllowedAnywhere(declaration) ? options : guarded);
  }
  return services;
}

/** The probes that declarations have, by service and method: `probes.NEWSLETTER?.unsubscribe`. */
export function createProbes({
  declarations,
  timeoutMs,
  dispatcher,
}: Pick<ServicesOptions, 'declarations' | 'timeoutMs' | 'dispatcher'>): Readonly<
  Record<string, Readonly<Record<string, Probe>>>
> {
  const guarded = dispatcher ?? createGuardedAgent();
  return Object.fromEntries(
    Object.entries(declarations).flatMap(([name, declaration]) => {
      if (declaration.kind !== 'http') return [];
      const through = isAllowedAnywhere(declaration) ? dispatcher : guarded;
      return [[name, createDeclaredProbes(name, declaration, { timeoutMs, dispatcher: through })]];
    }),
  );
}

function isAllowedAnywhere(declaration: ServiceDeclaration): boolean {
  return declaration.kind === 'http' && declaration.allowLinkLocal === true;
}

function shipped(options: ServicesOptions): Record<string, Service> {
  const { thirdParties, baseUrls, timeoutMs, dispatcher } = options;
  const at = (name: string): ThirdPartyOptions => ({ baseUrl: baseUrls[name], timeoutMs, dispatcher });
  const edx = (baseUrl: string) => ({ baseUrl, tokens: options.lmsTokens, timeoutMs, dispatcher });
  const { braze, segment, amplitude, hubspot, salesforce } = thirdParties;
  const licenseManager = baseUrls['license_manager'];
  const demographics = baseUrls['demographics'];
  return {
    ...(braze ? { BRAZE: createBraze(braze, at('braze')) } : {}),
    ...(segment ? { SEGMENT: createSegment(segment, at('segment')) } : {}),
    ...(amplitude ? { AMPLITUDE: createAmplitude(amplitude, at('amplitude')) } : {}),
    ...(hubspot ? { HUBSPOT: createHubspot(hubspot, at('hubspot')) } : {}),
    ...(salesforce ? { SALESFORCE: createSalesforce(salesforce, at('salesforce')) } : {}),
    ...(licenseManager ? { LICENSE_MANAGER: createLicenseManager(edx(licenseManager)) } : {}),
    ...(demographics ? { DEMOGRAPHICS: createDemographics(edx(demographics)) } : {}),
  };
}

async function declared(
  name: string,
  declaration: ServiceDeclaration,
  { timeoutMs, dispatcher, pipeline = [] }: ServicesOptions,
): Promise<Service> {
  if (declaration.kind === 'http') return createDeclaredService(name, declaration, { timeoutMs, dispatcher });
  const rows = pipeline.filter((stage) => stage.service === name);
  const methods = rows.map((stage) => stage.method);
  return loadModuleService(name, declaration.path, { timeoutMs, dispatcher, methods });
}
