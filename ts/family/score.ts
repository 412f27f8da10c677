/** Region losses that are a score turned into a loss: a ratio of two sums, and the transforms. */
import { ROWS, type Scored, SUM, type SumName } from '../term.js';
import type { Transform } from '../types.js';

/** Lowest score a logarithm is taken of. */
const LOWEST = 1e-7;

/** Numerator and denominator, each with the derivatives that are not 0: pairs of sum and derivative. */
export interface Ratio {
  readonly numerator: number;
  readonly denominator: number;
  readonly ofNumerator: Float64Array;
  readonly ofDenominator: Float64Array;
}

/** A transform of one loss alone: the loss of a score s and its derivative dL/ds. */
export type ScoreTransform = (s: number) => readonly [number, number];

/** The loss of a score s and its derivative dL/ds. */
function transformed(s: number, transform: Transform | ScoreTransform): readonly [number, number] {
  if (typeof transform === 'function') return transform(s);
  if (typeof transform === 'object') {
    const { power } = transform;
    const rest = 1 - s;
    if (Number.isNaN(rest)) return [NaN, NaN];
    if (rest <= 0) return [power === 0 ? 1 : 0, 0];
    return [rest ** power, power === 0 ? 0 : -power * rest ** (power - 1)];
  }
  switch (transform) {
    case 'oneMinus':
      return [1 - s, -1];
    case 'negative':
      return [-s, -1];
    case 'log':
      return s < LOWEST ? [-Math.log(LOWEST), 0] : [-Math.log(s), -1 / s];
    case 'logCosh':
      return [logCosh(1 - s), -Math.tanh(1 - s)];
  }
}

/** (−ln s)^exponent, whose slope at s = 1 is taken as 0. */
export function powerOfLog(exponent: number): ScoreTransform {
  return (s) => {
    const bounded = s < LOWEST ? LOWEST : s;
    const [loss, slope] = transformed(1 + Math.log(bounded), { power: exponent });
    return [loss, s < LOWEST ? 0 : slope / bounded];
  };
}

/** ln cosh x = |x| + ln(1 + e^−2|x|) − ln 2; near 0, where that cancels, ln(1 + 2 sinh²(x/2)). */
function logCosh(x: number): number {
  const size = Math.abs(x);
  return size < 1
    ? Math.log1p(2 * Math.sinh(size / 2) ** 2)
    : size + Math.log1p(Math.exp(-2 * size)) - Math.LN2;
}

/** The loss of a ratio: a denominator of exactly 0 has loss 0 and gradient 0. */
export function scored(
  { numerator, denominator, ofNumerator, ofDenominator }: Ratio,
  transform: Transform | ScoreTransform,
): Scored {
  if (denominator === 0) return { value: 0, partials: new Float64Array(Math.max(ROWS, ofNumerator.length)) };
  const s = numerator / denominator;
  const [value, slope] = transformed(s, transform);
  const partials = ofNumerator.map((top, i) => (slope * (top - s * (ofDenominator[i] ?? 0))) / denominator);
  return { value, partials };
}

/** Derivatives by name of sum: `{ tp: 2 }`. */
export function derivatives(of: Readonly<Partial<Record<SumName, number>>>): Float64Array {
  const all = new Float64Array(ROWS);
  for (const [name, x] of Object.entries(of)) all[SUM[name as SumName]] = x;
  return all;
}
