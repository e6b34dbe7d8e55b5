/** Something the global setup made, or why it could not: only the tests that ask for it fail then. */
export type Made<Value> =
  { readonly kind: 'made'; readonly value: Value } | { readonly kind: 'failed'; readonly why: string };

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of the shared PostgreSQL's database `postgres`. */
    readonly adminDatabaseUrl: string;
    /** Name of the database that has every migration. */
    readonly migratedTemplate: Made<string>;
    readonly temporalAddress: string;
    /** Absolute path of the bundled workflow code. */
    readonly workflowBundle: Made<string>;
  }
}

/** The value, or a throw of why it is missing. */
export function unwrap<Value>(made: Made<Value>): Value {
  if (made.kind === 'failed') throw new Error(made.why);
  return made.value;
}

/** Runs `make` and keeps what it throws. */
export async function attempt<Value>(what: string, make: () => Promise<Value>): Promise<Made<Value>> {
  try {
    return { kind: 'made', value: await make() };
  } catch (error) {
    return {
      kind: 'failed',
      why: `${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    };
  }
}
