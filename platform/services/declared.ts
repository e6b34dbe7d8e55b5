import type { Dispatcher } from 'undici';
import type {
  DeclaredMethod,
  DeclaredRequest,
  DeclaredService,
  ServiceAuth,
} from '../../domain/retirement/service-declaration.ts';
import { ServiceFailure } from '../failure.ts';
import type { Learner, Probe, Service, ServiceCall, ServiceOutcome } from '../learner.ts';
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
  const ask = endpointOf(name, declaration, options);
  return Object.fromEntries(
    Object.entries(declaration.methods).map(([method, declared]) => {
      checkPlaceholders(`service "${name}", method "${method}"`, declared.path, declared.body);
      return [method, (call: ServiceCall) => callMethod(name, ask, declared, call)];
    }),
  );
}

/** The probes of those methods that declare a `verify` request, by the method's name; see {@link createDeclaredService}. */
export function createDeclaredProbes(
  name: string,
  declaration: DeclaredService,
  options: DeclaredServiceOptions,
): Readonly<Record<string, Probe>> {
  const ask = endpointOf(name, declaration, options);
  return Object.fromEntries(
    Object.entries(declaration.methods).flatMap(([method, { verify }]) => {
      if (verify === undefined) return [];
      checkPlaceholders(`service "${name}", method "${method}", verify`, verify.path, undefined);
      return [[method, (call: ServiceCall) => probe(name, ask, verify, call)]];
    }),
  );
}

function endpointOf(name: string, declaration: DeclaredService, options: DeclaredServiceOptions): Endpoint {
  const { secrets = [], ...authorized } = authorization(name, declaration.auth, options);
  return createEndpoint({
    ...options,
    ...authorized,
    secrets: [...secrets, ...keysInQueries(declaration)],
    service: name,
    baseUrl: declaration.baseUrl,
  });
}

/** Shorter values of a query are words such as `json` or `true`; longer ones may be keys. */
const SHORTEST_KEY = 8;

/** What queries hold beside the learner's values. */
function keysInQueries({ methods }: DeclaredService): readonly string[] {
  const paths = Object.values(methods).flatMap(({ path, verify }) => [path, verify?.path ?? '']);
  return paths.flatMap((path) => {
    const [, ...query] = path.split('?');
    return [...new URLSearchParams(query.join('?')).values()].filter(
      (value) => value.length >= SHORTEST_KEY && !value.includes('{'),
    );
  });
}

async function callMethod(
  service: string,
  ask: Endpoint,
  method: DeclaredMethod,
  call: ServiceCall,
): Promise<ServiceOutcome> {
  if (isUnknownToSegment(call.learner, method.path))
    return nothingToErase('the learner has no ecommerce_segment_id');
  const { asked, refuse } = fill(service, method, call);
  const body = method.body === undefined ? {} : { json: fillBody(method.body, call.learner, refuse) };
  return judge(method, await ask({ ...asked, ...body }));
}

async function probe(
  service: string,
  ask: Endpoint,
  request: NonNullable<DeclaredMethod['verify']>,
  call: ServiceCall,
): Promise<'gone' | 'still-there'> {
  if (isUnknownToSegment(call.learner, request.path)) return 'gone';
  const reply = await ask(fill(service, request, call).asked);
  if (request.gone.includes(reply.status) && !reply.html && !reply.routeIsMissing) return 'gone';
  if (isSuccess(reply.status) && !reply.html && !request.gone.includes(reply.status)) return 'still-there';
  throw reply.failure();
}

/** The request with the learner's values in its path. */
function fill(
  service: string,
  { verb, path }: DeclaredRequest,
  { learner, signal }: ServiceCall,
): { readonly asked: Parameters<Endpoint>[0]; readonly refuse: (what: string) => ServiceFailure } {
  const template = path.startsWith('/') ? path : `/${path}`;
  // Messages carry the route, and a query may carry a key.
  const [route = template] = template.split('?', 1);
  const refuse = (what: string): ServiceFailure =>
    new ServiceFailure({ service, verb, path: route, route, what, transient: false });
  const filled = fillPath(template, (name) => placeholderValue(learner, name, refuse) ?? '');
  if ('unusable' in filled) throw refuse(`cannot be asked: its path would hold ${filled.unusable}`);
  return { asked: { verb, path: filled.path, route, signal }, refuse };
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
