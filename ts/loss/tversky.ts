import { checkOptions, number, REGION, TRANSFORM } from '../check/options.js';
import { smoothOf, sumsLoss } from '../define.js';
import { curveOf, ratioScore } from '../family/score.js';
import type { Score } from '../term.js';
import type { Loss, RegionOptions, Smooth, Transform, TransformOptions } from '../types.js';

/** Options of `tverskyLoss`. */
export interface TverskyOptions extends RegionOptions, TransformOptions {
  /** Weight of false positives, ≥ 0; default 0.5. */
  readonly fpWeight?: number | undefined;
  /** Weight of false negatives, ≥ 0; default 0.5. */
  readonly fnWeight?: number | undefined;
}

export const WEIGHTS = { fpWeight: number({ min: 0 }), fnWeight: number({ min: 0 }) };
const RULES = { ...REGION, ...TRANSFORM, ...WEIGHTS };

/** The Tversky index of a class, turned into a loss. */
export function tverskyScore(
  fpWeight: number,
  fnWeight: number,
  smooth: Smooth,
  transform: Transform,
): Score {
  const bottom = { tp: 1 - fpWeight - fnWeight, p: fpWeight, g: fnWeight };
  return ratioScore(1, bottom, smooth, curveOf(transform));
}

/**
 * Tversky loss: Dice with a weight each for false positives and false negatives.
 *
 * Formula: 1 − (TP + s_n)/(TP + fp·FP + fn·FN + s_d) per class, FP = P − TP, FN = G − TP. fp = fn = 0.5 is Dice (with
 * half its smoothing), fp = fn = 1 Jaccard. More `fnWeight` finds more of a small lesion, at the price of false alarms.
 * Gradient: w(T(fp + (1 − fp − fn)g) − g)/D by p, T = (TP + s_n)/D, D = TP + fp·FP + fn·FN + s_d: w·fp·T/D where g = 0,
 * w(T(1 − fn) − 1)/D where g = 1. `transform` multiplies as in `diceLoss`.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1], no unit, for s_n = s_d.
 * Empty: a class without target has loss 1 − s_n/(fp·P + s_d) and gradient fp·s_n/(fp·P + s_d)², or what `emptyClass`
 * says.
 * Weights: as `diceLoss`.
 * Numerics: as `diceLoss` (`test/gradient.test.ts`).
 * Errors: as every loss. The weights are named for what they weigh, since α and β mean opposite things elsewhere.
 * Source: S. S. M. Salehi, D. Erdogmus, A. Gholipour, "Tversky Loss Function for Image Segmentation Using 3D Fully
 * Convolutional Deep Networks", 2017, eq. 3 (α weighs FP, β FN).
 *
 * @example
 * ```ts
 * import { tverskyLoss } from 'segloss';
 *
 * const probabilities = new Float32Array([1, 0, 1, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * const loss = tverskyLoss({ activation: 'none', smooth: 0, fpWeight: 0.3, fnWeight: 0.7 });
 * loss.value(probabilities, mask, { shape: [1, 1, 2, 2] }); // => 0.5
 * ```
 */
export function tverskyLoss(options?: TverskyOptions): Loss {
  const name = 'tverskyLoss';
  const given = checkOptions(name, options, RULES);
  const { fpWeight = 0.5, fnWeight = 0.5, transform = 'oneMinus', overlap = 'product' } = given;
  const smooth = smoothOf(given.smooth, 1e-5);
  return sumsLoss(name, given, {
    allSums: false,
    score: tverskyScore(fpWeight, fnWeight, smooth, transform),
    formula: '1 − (TP + s_n)/(TP + fpWeight·FP + fnWeight·FN + s_d)',
    own: { fpWeight, fnWeight, smooth, transform, overlap },
  });
}
