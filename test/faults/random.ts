/** Random numbers that a seed gives again. */
export interface Random {
  /** 0 ≤ x < 1. */
  (): number;
}

/** mulberry32: small, and good enough to choose work and faults. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed for each part of a run, so that one part more or less does not change the others. */
export function seedOf(seed: number, part: string): number {
  let hash = seed >>> 0;
  for (const char of part) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  return hash;
}

export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

export function oneOf<T>(random: Random, values: readonly T[]): T {
  if (values.length === 0) throw new RangeError("There is nothing to choose from.");
  return values[below(random, values.length)] as T;
}
