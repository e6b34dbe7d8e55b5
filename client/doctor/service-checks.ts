import type { Configuration } from '../../config/configuration.ts';
import { exchange } from '../../platform/http.ts';
import { toOperationError } from '../translate-error.ts';
import { bad, ok, type Check } from './check.ts';

const TIMEOUT_MS = 10_000;

/** Whether something answers at the address of each other service that the pipeline names; any answer will do. */
export async function checkServices(configuration: Configuration): Promise<readonly Check[]> {
  return Promise.all(
    [...addressesOf(configuration)].map(async ([service, url]) => {
      try {
        await exchange({ service, verb: 'GET', url, route: url, timeoutMs: TIMEOUT_MS });
        return ok(service, `${url} answers`);
      } catch (error) {
        return bad(service, toOperationError(error).message);
      }
    }),
  );
}

function addressesOf({ pipeline, baseUrls, registrar }: Configuration): ReadonlyMap<string, string> {
  const used = [...new Set(pipeline.map(({ service }) => service))].filter((service) => service !== 'LMS');
  return new Map(
    used.flatMap((service): [string, string][] => {
      const declared = Object.hasOwn(registrar.services, service) ? registrar.services[service] : undefined;
      if (declared !== undefined) return declared.kind === 'http' ? [[service, declared.baseUrl]] : [];
      const url = baseUrls[service.toLowerCase()];
      return url === undefined ? [] : [[service, url]];
    }),
  );
}
