import { checkOptions, number, REGION, TRANSFORM } from '../check/options.js';
import { smoothOf, sumsLoss } from '../define.js';
import type { Loss, RegionOptions, TransformOptions } from '../types.js';
import { tverskyScore } from './tversky.js';

/** Options of `fBetaLoss`. */
export interface FBetaOptions extends RegionOptions, TransformOptions {
  /** How many times recall counts as much as precision, ≥ 0; default 1.5. */
  readonly beta?: number | undefined;
}

const RULES = { ...REGION, ...TRANSFORM, beta: number({ min: 0 }) };

/**
 * F-beta loss: one minus the F-score, recall counting β times as much as precision ("asymmetric similarity loss").
 *
 * Formula: 1 − (TP + s_n)/(TP + FP/(1+β²) + FN·β²/(1+β²) + s_d) per class: Tversky with fpWeight 1/(1+β²) and fnWeight
 * β²/(1+β²). β = 1 is Dice (with half its smoothing). s = `smooth`, 1e-5.
 * Gradient: that of `tverskyLoss` with these weights.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1], no unit, for s_n = s_d.
 * Empty: as `tverskyLoss`, fp = 1/(1+β²).
 * Weights: as `diceLoss`.
 * Numerics: as `tverskyLoss` (`test/matrix.test.ts`).
 * Errors: as every loss; `RangeError` for β < 0.
 * Source: S. R. Hashemi, S. S. M. Salehi, D. Erdogmus, S. P. Prabhu, S. K. Warfield, A. Gholipour, "Asymmetric Loss
 * Functions and Deep Densely-Connected Networks for Highly-Imbalanced Medical Image Segmentation", 2018, eq. 2.
 *
 * @example
 * ```ts
 * import { fBetaLoss } from 'segloss';
 *
 * const probabilities = new Float32Array([1, 0, 0, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * const loss = fBetaLoss({ activation: 'none', smooth: 0, beta: 2 });
 * loss.value(probabilities, mask, { shape: [1, 1, 2, 2] }); // => 0.4444
 * ```
 */
export function fBetaLoss(options?: FBetaOptions): Loss {
  const name = 'fBetaLoss';
  const given = checkOptions(name, options, RULES);
  const { beta = 1.5, transform = 'oneMinus', overlap = 'product' } = given;
  const smooth = smoothOf(given.smooth, 1e-5);
  const fnWeight = beta ** 2 / (1 + beta ** 2);
  return sumsLoss(name, given, {
    allSums: false,
    score: tverskyScore(1 - fnWeight, fnWeight, smooth, transform),
    formula: '1 − (TP + s_n)/(TP + FP/(1+β²) + FN·β²/(1+β²) + s_d)',
    own: { beta, smooth, transform, overlap },
  });
}
