/** How often, and from which seed: `FUZZ_RUNS` widens a search, `FUZZ_SEED` repeats one. Says the seed, which a failure needs. */
export function fuzzing(what: string, runs: number): { readonly numRuns: number; readonly seed: number } {
  const numRuns = Number(process.env['FUZZ_RUNS'] ?? runs);
  const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
  process.stderr.write(`${what}: FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}\n`);
  return { numRuns, seed };
}
