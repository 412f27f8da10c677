/** A benchmark is a test: no time without the right answer. */
import type { Run } from './cases.js';

/** Relative for the value; of the gradient's largest entry for each of its entries. */
const TOLERANCE = 1e-5;

/** Throws where a number differs from what it should be. */
export function closeTo(what: string, actual: number, expected: number): void {
  if (!(Math.abs(actual - expected) <= TOLERANCE * Math.abs(expected))) {
    throw new Error(`${what} ${actual}, but expected ${expected}`);
  }
}

export interface Named {
  readonly name: string;
  readonly run: Run;
  readonly share?: number | undefined;
}

/** Throws where an engine disagrees with the last one, or a value-only run with the run that writes a gradient; `tolerance` is the gradient's. */
export function checkAnswers(runs: readonly Named[], length: number, tolerance = TOLERANCE): void {
  const reference = runs.at(-1);
  if (reference === undefined) return;
  const expected = new Float32Array(length);
  const expectedValue = reference.run(expected);
  let largest = 0;
  for (let j = 0; j < length; j++) largest = Math.max(largest, Math.abs(expected[j] ?? NaN));
  const out = new Float32Array(length);
  for (const { name, run } of runs) {
    out.fill(NaN);
    for (const value of [run(out), run()]) {
      closeTo(`${name}: value`, value, expectedValue);
    }
    for (let j = 0; j < length; j++) {
      const error = Math.abs((out[j] ?? NaN) - (expected[j] ?? NaN));
      if (!(error <= tolerance * largest)) {
        throw new Error(`${name}: gradient[${j}] ${out[j]}, but ${expected[j]} by ${reference.name}`);
      }
    }
  }
}
