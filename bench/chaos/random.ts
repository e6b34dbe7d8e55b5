/** A generator of choices: the same seed and name give the same choices in the same order. */
export interface Random {
  /** At least 0, less than 1. */
  next(): number;
  /** From `least` to `most`, both inclusive. */
  whole(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<Value>(values: readonly Value[]): Value;
  /** `[value, weight]` pairs; a weight of 2 comes twice as often as one of 1. */
  weighted<Value>(values: readonly (readonly [value: Value, weight: number])[]): Value;
}

/** One stream of choices. A name of its own keeps what one actor chooses from depending on how often another was asked. */
export function createRandom(seed: number, name: string): Random {
  let state = (seed ^ hashOf(name)) >>> 0;
  // Weyl sequence, mixed as in Murmur's finaliser: short, and even enough for choices.
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  const whole = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  const weighted = <Value>(values: readonly (readonly [Value, number])[]): Value => {
    let left = next() * values.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [value, weight] of values) {
      left -= weight;
      if (left < 0) return value;
    }
    const last = values.at(-1);
    if (last === undefined) throw new Error(`${name}: nothing to choose from`);
    return last[0];
  };
  return {
    next,
    whole,
    chance: (probability) => next() < probability,
    pick: (values) => weighted(values.map((value) => [value, 1] as const)),
    weighted,
  };
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const unit of text) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
