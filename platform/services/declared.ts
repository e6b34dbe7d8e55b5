import type { Dispatcher } from 'undici';
import type {
  DeclaredMethod,
  DeclaredService,
  ServiceAuth,
} from '../../domain/retirement/service-declaration.ts';
import { ServiceFailure } from '../failure.ts';
import type { Learner, Service, ServiceCall, ServiceOutcome } from '../learner.ts';
import { createTokenSource } from '../oauth.ts';
import { createEndpoint, type Endpoint, type EndpointOptions, type Reply } from './endpoint.ts';
import { erased, isSuccess, nobodyThere, nothingToErase } from './outcome.ts';
import { fillPath } from './path.ts';
import { checkPlaceholders, fillBody, placeholderValue } from './placeholders.ts';
import { basicAuthorization } from './third-party.ts';

export interface DeclaredServiceOptions {
  /** Milliseconds for one request. */
  readonly timeoutMs: number;
  readonly dispatcher?: Dispatcher | undefined;
}

/**
 * Makes a service of its declaration. Placeholders are percent-encoded in paths and written as JSON in bodies; a text
 * that is nothing but `{user_id}` becomes a number. No value reaches host, path structure or headers.
 * Whether a method may be called twice is up to the operator's service; nothing is retried here but a 401 with OAuth.
 * Throws a plain Error for a placeholder that does not exist and for credentials that no header can carry.
 */
export function createDeclaredService(
  name: string,
  declaration: DeclaredService,
  options: DeclaredServiceOptions,
): Service {
  const ask = createEndpoint({
    ...options,
    ...authorization(name, declaration.auth, options),
    service: name,
    baseUrl: declaration.baseUrl,
  });
  return Object.fromEntries(
    Object.entries(declaration.methods).map(([method, declared]) => {
      checkPlaceholders(`service "${name}", method "${method}"`, declared.path, declared.body);
      return [method, (call: ServiceCall) => callMethod(name, ask, declared, call)];
    }),
  );
}

async function callMethod(
  service: string,
  ask: Endpoint,
  method: DeclaredMethod,
  { learner, signal }: ServiceCall,
): Promise<ServiceOutcome> {
  const { verb } = method;
  const template = method.path.startsWith('/') ? method.path : `/${method.path}`;
  // Messages carry the route, and a query may carry a key.
  const [route = template] = template.split('?', 1);
  if (isUnknownToSegment(learner, template)) return nothingToErase('the learner has no ecommerce_segment_id');
  const refuse = (what: string): ServiceFailure =>
    new ServiceFailure({ service, verb, path: route, route, what, transient: false });
  const valueOf = (name: string): string => placeholderValue(learner, name, refuse) ?? '';

  const filled = fillPath(template, valueOf);
  if ('unusable' in filled) throw refuse(`cannot be asked: its path would hold ${filled.unusable}`);
  const body = method.body === undefined ? {} : { json: fillBody(method.body, learner, refuse) };
  return judge(method, await ask({ verb, path: filled.path, route, ...body, signal }));
}

function judge(method: DeclaredMethod, reply: Reply): ServiceOutcome {
  if (method.ok.includes(reply.status) && !reply.html) return erased(reply.summary());
  if (method.nothingToErase.includes(reply.status) && (!reply.html || reply.routeIsMissing)) {
    return nobodyThere(reply);
  }
  if (isSuccess(reply.status)) {
    throw reply.failure({
      what: `answered ${reply.status}, which the declaration does not list`,
      transient: false,
    });
  }
  throw reply.failure();
}

/** Null means that ecommerce was asked and knows no id, so a path that is made of one leads to nobody. */
function isUnknownToSegment(learner: Learner, path: string): boolean {
  return learner.ecommerceSegmentId === null && path.includes('{ecommerce_segment_id}');
}

function authorization(
  service: string,
  auth: ServiceAuth,
  options: DeclaredServiceOptions,
): Pick<EndpointOptions, 'headers' | 'secrets' | 'tokens'> {
  switch (auth.kind) {
    case 'none':
      return {};
    case 'bearer':
      return { headers: { authorization: `Bearer ${auth.token}` }, secrets: [auth.token] };
    case 'basic': {
      const value = basicAuthorization(auth.username, auth.password);
      return { headers: { authorization: value }, secrets: [auth.password, value.slice('Basic '.length)] };
    }
    case 'header':
      return { headers: { [auth.name.toLowerCase()]: auth.value }, secrets: [auth.value] };
    case 'oauth': {
      const { scheme, tokenUrl, clientId, clientSecret, scope } = auth;
      const tokenType = scheme === 'JWT' ? ('jwt' as const) : undefined;
      const source = createTokenSource({
        ...options,
        service,
        tokenUrl,
        clientId,
        clientSecret,
        scope,
        tokenType,
      });
      return { tokens: { source, scheme }, secrets: [clientSecret] };
    }
    default:
      return auth satisfies never;
  }
}
