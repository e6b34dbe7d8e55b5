import type { Configuration } from '../../config/configuration.ts';
import { loadConfiguration, type ConfigurationPlace } from '../../config/load.ts';
import { describeProblem } from '../../config/problem.ts';
import { bad, ok, warning, type Check } from './check.ts';

const NAME = 'configuration';

/** Each mistake and each warning of the file, or that there is none. Reads nothing but files. */
export async function checkConfiguration(
  place: ConfigurationPlace,
): Promise<{ readonly checks: readonly Check[]; readonly configuration?: Configuration }> {
  const loaded = await loadConfiguration(place);
  const warnings = loaded.warnings.map((problem) => warning(NAME, describeProblem(problem)));
  if (loaded.kind === 'invalid') {
    return {
      checks: [...loaded.problems.map((problem) => bad(NAME, describeProblem(problem))), ...warnings],
    };
  }
  const { configuration } = loaded;
  const { length } = configuration.pipeline;
  const fine = ok(NAME, `${configuration.path} is valid, ${length} ${length === 1 ? 'stage' : 'stages'}`);
  return { checks: [fine, ...warnings], configuration };
}
