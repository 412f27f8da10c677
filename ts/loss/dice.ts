import { checkOptions, oneOfNumbers, REGION, TRANSFORM } from '../check/options.js';
import { smoothOf, sumsLoss } from '../define.js';
import { type Curve, curveOf, ratioScore } from '../family/score.js';
import type { Score } from '../term.js';
import type { Loss, RegionOptions, Smooth, TransformOptions } from '../types.js';

/** Options of `diceLoss` and `jaccardLoss`. */
export interface OverlapOptions extends RegionOptions, TransformOptions {
  /** 1: p and g in the denominator (default). 2: their squares. */
  readonly exponent?: 1 | 2 | undefined;
}

export const OVERLAP = { ...REGION, ...TRANSFORM, exponent: oneOfNumbers(1, 2) };

/** The Dice score of a class, turned into a loss. */
export function overlapScore(exponent: 1 | 2, smooth: Smooth, curve: Curve): Score {
  return ratioScore(2, { p: 1, g: 1, squares: exponent === 2 }, smooth, curve);
}

/**
 * Dice loss: one minus the soft Dice coefficient, the overlap of prediction and truth against their sizes.
 *
 * Formula: 1 − (2TP + s_n)/(P + G + s_d) per class; `exponent: 2` takes Σp² + Σg² for P + G. s = `smooth`, 1e-5.
 * TP is Σ p g; `overlap: 'minimum'` takes Σ min(p, g), so that a soft target is met best by p = g.
 * Gradient: w(S − 2g)/D by p, S = (2TP + s_n)/D, D = P + G + s_d; with `exponent: 2` 2w(S p − g)/D, D = P2 + G2 + s_d.
 * `transform` multiplies: 'log' by 1/S (0 below 1e-7), 'logCosh' by tanh(1 − S), `{ power: q }` by q(1 − S)^(q−1),
 * 'negative' by 1.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense, soft values allowed.
 * Range: [0, 1], no unit, for s_n = s_d; an empty class predicted empty has loss 0 then. Two empty masks with s = 0: 0.
 * Empty: a class without target has loss 1 − s_n/(P + s_d) and gradient s_n/(P + s_d)²: next to none once P is larger
 * than the smoothing. `emptyClass` leaves such a class out, or makes it 0 or 1, without gradient. Everything left out:
 * 0.
 * Weights: ignored and masked pixels, and those of weight 0, are in no sum. Pixel weights multiply a pixel's part of
 * every sum; sample weights weigh the samples' losses, or under `aggregate: 'batch'` their pixels; class weights weigh
 * the mean over classes (`classWeighting`).
 * Numerics: every sum in f64, relative error 1e-9 at any size; gradient p(1−p)·(a + b g) from the smaller
 * of p and 1 − p (`test/gradient.test.ts`).
 * Errors: as every loss; `RangeError` for an exponent other than 1 and 2.
 * Source: F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net", 2016, section 3 (squared); C. H. Sudre et al., "Generalised
 * Dice Overlap as a Deep Learning Loss Function for Highly Unbalanced Segmentations", 2017, eq. 2; Z. Wang et al., "Dice
 * Semimetric Losses: Optimizing the Dice Score with Soft Labels", 2023 (the minimum).
 *
 * @example
 * ```ts
 * import { diceLoss } from 'segloss';
 *
 * const probabilities = new Float32Array([1, 0.5, 0, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * const loss = diceLoss({ activation: 'none', smooth: 0 });
 * loss.value(probabilities, mask, { shape: [1, 1, 2, 2] }); // => 0.1429
 * ```
 */
export function diceLoss(options?: OverlapOptions): Loss {
  const name = 'diceLoss';
  const given = checkOptions(name, options, OVERLAP);
  const { exponent = 1, transform = 'oneMinus', overlap = 'product' } = given;
  const smooth = smoothOf(given.smooth, 1e-5);
  const square = exponent === 2;
  return sumsLoss(name, given, {
    allSums: square,
    score: overlapScore(exponent, smooth, curveOf(transform)),
    formula: `1 − (2TP + s_n)/(${square ? 'P2 + G2' : 'P + G'} + s_d)`,
    own: { exponent, smooth, transform, overlap },
  });
}
