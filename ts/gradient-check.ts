/**
 * A check of analytic gradients against differences of values, for losses of one's own.
 *
 * @module
 */
import { checkNames } from './check/nearest.js';
import { number, show } from './check/options.js';
import type { Loss, LossCall, Prediction, Target } from './types.js';

/** Options of `checkGradient`. */
export interface GradientCheckOptions {
  /** Entries looked at, spread evenly over the prediction; default 64. */
  readonly samples?: number | undefined;
  /** Largest error allowed, relative to the largest gradient entry seen; default 1e-3. */
  readonly tolerance?: number | undefined;
}

/** What `checkGradient` found. */
export interface GradientCheck {
  readonly passed: boolean;
  /** Entries looked at. */
  readonly checked: number;
  /** The entry with the largest error, relative to the largest gradient entry seen. */
  readonly worst: {
    readonly index: number;
    readonly analytic: number;
    readonly numeric: number;
    readonly error: number;
  };
  readonly tolerance: number;
}

/** Points of a central difference of fourth order, in steps, and their weights. */
const STENCIL = [
  [-2, 1 / 12],
  [-1, -8 / 12],
  [1, 8 / 12],
  [2, -1 / 12],
] as const;

/** A power of two keeps z ± h exact in f32 for logits of ordinary size. */
const STEP = 2 ** -5;

/**
 * Compares a loss's gradient with central differences of its value at sampled entries.
 *
 * Formula: (f(−2h) − 8 f(−h) + 8 f(h) − f(2h))/(12h), h = 1/32; for probabilities near 0 and 1 the point is moved
 * inwards so that all four lie in [0, 1].
 * Numerics: values are f64 sums of f32 terms; differences are therefore good to about 1e-4 of the largest entry, and the
 * default tolerance of 1e-3 finds a wrong formula, not the last digit. Small inputs (some thousand pixels) check best.
 * Errors: whatever the loss throws; `TypeError` and `RangeError` for options that are none.
 *
 * @example
 * ```ts
 * import { checkGradient, diceLoss } from 'segloss';
 *
 * const logits = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
 * const mask = Uint8Array.from({ length: 64 }, (_, i) => i % 5 === 0 ? 1 : 0);
 * checkGradient(diceLoss(), logits, mask, { shape: [1, 1, 8, 8] }).passed; // => true
 * ```
 */
export function checkGradient(
  loss: Pick<Loss, 'value' | 'valueAndGrad'>,
  pred: Prediction,
  target: Target,
  call: LossCall,
  options: GradientCheckOptions = {},
): GradientCheck {
  if (typeof loss?.value !== 'function' || typeof loss.valueAndGrad !== 'function') {
    throw new TypeError(`"loss" expected an object with value and valueAndGrad, got ${show(loss)}`);
  }
  checkNames(options, ['samples', 'tolerance'], 'checkGradient options');
  const { samples = 64, tolerance = 1e-3 } = options;
  number({ min: 1, integer: true })(samples, 'samples');
  number({ min: 0 })(tolerance, 'tolerance');
  // Checks the arguments as they came, before anything is made of them.
  loss.value(pred, target, call);
  const { upstream = 1, out: _, ...plain } = call;
  const moved = Float64Array.from(pred as Float32Array);
  const bounded = moved.every((x) => x >= 0 && x <= 1);
  // Only a loss that refuses −1 needs to stay within [0, 1].
  const points = sampled(moved.length, samples);
  if (bounded && refuses(loss, moved, target, plain)) keepInside(moved, points);
  const { grad } = loss.valueAndGrad(moved, target, { ...plain, upstream });
  const found = points.map((index) => {
    const at = moved[index] ?? 0;
    let numeric = 0;
    for (const [step, weight] of STENCIL) {
      moved[index] = at + step * STEP;
      numeric += (weight / STEP) * loss.value(moved, target, plain);
    }
    moved[index] = at;
    return { index, analytic: grad[index] ?? NaN, numeric: upstream * numeric };
  });
  const largest = Math.max(
    ...found.map(({ analytic, numeric }) => Math.max(Math.abs(analytic), Math.abs(numeric))),
  );
  const scale = largest > 0 || Number.isNaN(largest) ? largest : 1;
  let worst: GradientCheck['worst'] = { index: -1, analytic: 0, numeric: 0, error: 0 };
  for (const one of found) {
    const error = Math.abs(one.analytic - one.numeric) / scale;
    if (!(error <= worst.error)) worst = { ...one, error };
  }
  return { passed: worst.error <= tolerance, checked: found.length, worst, tolerance };
}

function sampled(length: number, samples: number): number[] {
  const count = Math.min(length, samples);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * length) / count));
}

function refuses(loss: Pick<Loss, 'value'>, pred: Float64Array, target: Target, call: LossCall): boolean {
  if (pred.length === 0) return false;
  const outside = pred.slice().fill(-1);
  try {
    loss.value(outside, target, call);
    return false;
  } catch {
    return true;
  }
}

/**
 * Moves the sampled probabilities to where the stencil fits and is good: at p = 8h its error on ln p is 2e-4, at 3h 2e-2.
 */
function keepInside(pred: Float64Array, points: readonly number[]): void {
  for (const i of points) pred[i] = Math.min(Math.max(pred[i] ?? 0, 8 * STEP), 1 - 8 * STEP);
}
