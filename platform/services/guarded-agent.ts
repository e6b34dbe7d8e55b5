import { lookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { isLinkLocal } from '../../domain/link-local.ts';
import { ADDRESS_REFUSED } from '../http.ts';

/** Finds all addresses of a host; `lookup` of `node:dns` fits. */
export type ResolveAll = (
  hostname: string,
  options: { readonly all: true; readonly family?: number | 'IPv4' | 'IPv6' | undefined },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** How many connections to a host at once, and how long an idle one is kept, as undici has them. */
export type GuardedOptions = Pick<Agent.Options, 'connections' | 'keepAliveTimeout' | 'pipelining'> & {
  /** Default: as the machine resolves names. */
  readonly resolveAll?: ResolveAll;
};

/**
 * Connections to services, but to none at a link-local or metadata address, whatever name leads there at the moment of connecting.
 * Private networks are let through: services live there. Needs no closing: idle connections end by themselves and hold nothing up.
 */
export function createGuardedAgent({ resolveAll = lookup, ...options }: GuardedOptions = {}): Agent {
  const connect = buildConnector({ lookup: guardedLookup(resolveAll) });
  return new Agent({
    ...options,
    connect: (options, done) => {
      // Names are looked at once they are resolved, addresses are never resolved.
      if (isLinkLocal(options.hostname)) return done(addressRefused(), null);
      connect(options, done);
    },
  });
}

function guardedLookup(resolveAll: ResolveAll): LookupFunction {
  return (hostname, { all = false, family }, done) => {
    resolveAll(hostname, { all: true, family }, (error, addresses) => {
      // One is enough: whoever mixes them would be asked again until it comes first.
      const refused = addresses?.some(({ address }) => isLinkLocal(address)) ? addressRefused() : error;
      if (refused !== null || all) return done(refused, addresses ?? []);
      const [first] = addresses;
      done(null, first?.address ?? '', first?.family ?? 4);
    });
  };
}

function addressRefused(): NodeJS.ErrnoException {
  return Object.assign(new Error('a link-local or metadata address'), { code: ADDRESS_REFUSED });
}
