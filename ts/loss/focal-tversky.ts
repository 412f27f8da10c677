import { checkOptions, number, REGION } from '../check/options.js';
import { smoothOf, sumsLoss } from '../define.js';
import type { Loss, RegionOptions } from '../types.js';
import { tverskyScore, WEIGHTS } from './tversky.js';

/** Options of `focalTverskyLoss`. */
export interface FocalTverskyOptions extends RegionOptions {
  /** Weight of false positives, ≥ 0; default 0.3. */
  readonly fpWeight?: number | undefined;
  /** Weight of false negatives, ≥ 0; default 0.7. */
  readonly fnWeight?: number | undefined;
  /** Power of 1 − T, ≥ 0; default 0.75 (the paper's 1/γ with γ = 4/3). */
  readonly power?: number | undefined;
}

const RULES = { ...REGION, ...WEIGHTS, power: number({ min: 0 }) };

/**
 * Focal Tversky loss: a power of the Tversky loss of each class, so that classes gone wrong count more or less.
 *
 * Formula: (1 − T)^power per class, then the mean; T the Tversky index with `fpWeight`, `fnWeight` and `smooth` 1e-5.
 * Gradient: power·(1 − T)^(power − 1) times that of `tverskyLoss`; 0 where T = 1.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1], no unit, for equal smoothing.
 * Empty: a class without target has loss (1 − s_n/(fp·P + s_d))^power, or what `emptyClass` says.
 * Weights: as `diceLoss`.
 * Numerics: with power < 1 the slope at T = 1 is infinite; the gradient there is defined as 0, never NaN
 * (`test/extremes.test.ts`).
 * Errors: as every loss.
 * Source: N. Abraham, N. M. Khan, "A Novel Focal Tversky Loss Function with Improved Attention U-Net for Lesion
 * Segmentation", 2019, eq. 4 (whose exponent is 1/γ).
 *
 * @example
 * ```ts
 * import { focalTverskyLoss } from 'segloss';
 *
 * const probabilities = new Float32Array([1, 0, 1, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * const loss = focalTverskyLoss({ activation: 'none', smooth: 0 });
 * loss.value(probabilities, mask, { shape: [1, 1, 2, 2] }); // => 0.5946
 * ```
 */
export function focalTverskyLoss(options?: FocalTverskyOptions): Loss {
  const name = 'focalTverskyLoss';
  const given = checkOptions(name, options, RULES);
  const { fpWeight = 0.3, fnWeight = 0.7, power = 0.75 } = given;
  const smooth = smoothOf(given.smooth, 1e-5);
  return sumsLoss(name, given, {
    allSums: false,
    score: tverskyScore(fpWeight, fnWeight, smooth, { power }),
    formula: '(1 − (TP + s_n)/(TP + fpWeight·FP + fnWeight·FN + s_d))^power',
    own: { fpWeight, fnWeight, power, smooth },
  });
}
