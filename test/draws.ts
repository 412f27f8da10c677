/**
 * How much of the tests against the twin each project runs. With `simd128` all of it; with `relaxed` and in Chromium,
 * which run the same code compiled otherwise, a third: of what is drawn at random other draws, of what is listed a
 * third by chance, not the same. Fixtures, contract, errors and pools are the same everywhere.
 */
import { inject } from 'vitest';
import { random } from './twin/random.js';

const project = ['simd128', 'relaxed', 'auto'].indexOf(inject('simd'));

export const draws = (all: number): number => (project === 0 ? all : Math.ceil(all / 3));

export function share<T>(all: readonly T[]): readonly T[] {
  // By chance: a fixed step could meet the same option each time.
  const r = random(3);
  return project === 0 ? all : all.filter(() => 1 + r.below(3) === project);
}

/** Another for each project. */
export const seeded = (seed: number): number => seed + 1e6 * project;
