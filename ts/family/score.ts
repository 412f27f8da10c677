/** Region losses that are a score turned into a loss: a ratio of two sums, and the transforms. */
import type { Score } from '../term.js';
import type { Smooth, Transform } from '../types.js';

/** Lowest score a logarithm is taken of. */
const LOWEST = 1e-7;

/** The loss of a score s, and its derivative dL/ds. */
export interface Curve {
  readonly loss: (s: number) => number;
  readonly slope: (s: number) => number;
}

/** max(1 − s, 0)^power. */
function powerOfRest(power: number): Curve {
  return {
    // NaN to the power of 0 is 1.
    loss: (s) => (Number.isNaN(s) ? NaN : Math.max(1 - s, 0) ** power),
    slope: (s) => (1 - s <= 0 || power === 0 ? 0 : -power * (1 - s) ** (power - 1)),
  };
}

const ONE_MINUS: Curve = { loss: (s) => 1 - s, slope: () => -1 };

/** The curve of a transform. */
export function curveOf(transform: Transform): Curve {
  if (typeof transform === 'object') return powerOfRest(transform.power);
  switch (transform) {
    case 'oneMinus':
      return ONE_MINUS;
    case 'negative':
      return { loss: (s) => -s, slope: () => -1 };
    case 'log':
      return {
        loss: (s) => -Math.log(s < LOWEST ? LOWEST : s),
        slope: (s) => (s < LOWEST ? 0 : -1 / s),
      };
    case 'logCosh':
      return { loss: (s) => logCosh(1 - s), slope: (s) => -Math.tanh(1 - s) };
  }
}

/** (−ln s)^exponent, whose slope at s = 1 is taken as 0. */
export function powerOfLog(exponent: number): Curve {
  const { loss, slope } = powerOfRest(exponent);
  return {
    loss: (s) => loss(1 + Math.log(s < LOWEST ? LOWEST : s)),
    slope: (s) => (s < LOWEST ? 0 : slope(1 + Math.log(s)) / s),
  };
}

/** ln cosh x = |x| + ln(1 + e^−2|x|) − ln 2; near 0, where that cancels, ln(1 + 2 sinh²(x/2)). */
function logCosh(x: number): number {
  const size = Math.abs(x);
  return size < 1
    ? Math.log1p(2 * Math.sinh(size / 2) ** 2)
    : size + Math.log1p(Math.exp(-2 * size)) - Math.LN2;
}

/**
 * The loss of a ratio, given with the derivatives of its parts: a denominator of exactly 0 has loss 0 and gradient 0.
 */
export function scored(
  numerator: number,
  denominator: number,
  ofNumerator: Float64Array,
  ofDenominator: Float64Array,
  curve: Curve,
  partials: Float64Array,
): number {
  if (denominator === 0) {
    partials.fill(0);
    return 0;
  }
  const s = numerator / denominator;
  const slope = curve.slope(s);
  for (let i = 0; i < partials.length; i++) {
    partials[i] = (slope * ((ofNumerator[i] ?? 0) - s * (ofDenominator[i] ?? 0))) / denominator;
  }
  return curve.loss(s);
}

/** What multiplies the sums of a denominator. */
export interface Weights {
  readonly tp?: number;
  readonly p: number;
  readonly g: number;
  /** Whether p and g are the sums of squares. */
  readonly squares?: boolean;
}

/** The loss of a ratio: `top` times tp over a weighted sum, each with its smoothing. */
export function ratioScore(
  top: number,
  { tp: ofTp = 0, p: ofP, g: ofG, squares = false }: Weights,
  { numerator, denominator }: Smooth,
  curve: Curve,
): Score {
  const [at, atG] = squares ? [3, 4] : [1, 2];
  const { loss, slope } = curve;
  // `Ratio` in segment.rs is the same: operations, their order, and so the bits.
  const score: Score = (sums, partials) => {
    const tp = sums[0]!;
    const below = ofTp * tp + ofP * sums[at]! + ofG * sums[atG]! + denominator;
    if (below === 0) {
      partials.fill(0);
      return 0;
    }
    const s = (top * tp + numerator) / below;
    const by = slope(s) / below;
    partials[0] = by * (top - s * ofTp);
    partials[at] = -by * s * ofP;
    return loss(s);
  };
  const simple = curve === ONE_MINUS && !squares;
  return Object.assign(score, {
    ratio: simple ? ([top, ofTp, ofP, ofG, numerator, denominator] as const) : undefined,
  });
}
