import type { StackView } from '../client/stack-commands.ts';
import { readTemporalSettings } from '../config/temporal-settings.ts';
import { registrarHome } from '../stack/home.ts';
import { readRunningStack } from '../stack/state.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The stack that runs in this REGISTRAR_HOME. Its `environment` is what `up` wrote down, name by name as `env` prints it. */
export function viewStack(env: Environment): StackView {
  const stack = readRunningStack(registrarHome(env));
  if (stack === undefined) return { kind: 'none' };
  return stack.ready ? { kind: 'ready', environment: stack.environment } : { kind: 'starting' };
}

/**
 * The environment with what is unset filled in from the running stack, so that commands beside `up` need no settings.
 * What somebody set is kept, and the sandbox's configuration is never put together with another database.
 */
export function effectiveEnvironment(env: Environment): Environment {
  const running = readRunningStack(registrarHome(env))?.environment;
  if (running === undefined) return env;
  const namesDatabase = isSet(env['DATABASE_URL']) || isSet(env['DATABASE_URL_FILE']);
  const ownDatabase = namesDatabase && env['DATABASE_URL'] !== running['DATABASE_URL'];
  const taken = [
    ...(namesDatabase ? [] : ['DATABASE_URL']),
    ...(namesTemporal(env) ? [] : ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_UI_URL']),
    ...(isSet(env['REGISTRAR_CONFIG']) || ownDatabase ? [] : ['REGISTRAR_CONFIG']),
  ];
  const filled = taken.flatMap((name) =>
    running[name] === undefined ? [] : [[name, running[name]] as const],
  );
  return { ...env, ...Object.fromEntries(filled) };
}

/** True when the environment or a profile of `temporal.toml` gives an address. A file that cannot be read is told later. */
function namesTemporal(env: Environment): boolean {
  try {
    return readTemporalSettings(env).namesServer;
  } catch {
    return true;
  }
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
