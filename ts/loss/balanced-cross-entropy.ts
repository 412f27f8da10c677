import { checkOptions, oneOf, SMOOTHED } from '../check/options.js';
import { wholeLoss } from '../define.js';
import { balanced } from '../family/balanced.js';
import type { Loss, SmoothedOptions } from '../types.js';

/** Options of `balancedCrossEntropyLoss`. */
export interface BalancedCrossEntropyOptions extends SmoothedOptions {
  /** How a class's weight comes of its number of labels; default `'inverse'`. */
  readonly frequency?: 'inverse' | 'squareInverse' | 'median' | 'effective' | undefined;
}

const RULES = { ...SMOOTHED, frequency: oneOf('inverse', 'squareInverse', 'median', 'effective') };

/**
 * Cross-entropy with class weights from the batch's own label counts.
 *
 * Formula: Σ_k w_k g_k (−ln p_k) with n_k = Σ g_k over the call, pixel and sample weights in it: w_k ∝ 1/n_k (`'inverse'`),
 * 1/n_k² (`'squareInverse'`), (1−β)/(1−β^n_k) with β = 0.9999 (`'effective'`), each scaled so that the mean weight of a
 * label is 1; or median(n)/n_k (`'median'`), not scaled. Absent classes have weight 0 and no part in scale and median.
 * Sigmoid, and one given probability: each channel weighs its positives and its negatives so. `classWeights` multiply.
 * Gradient: that of `crossEntropyLoss` or `binaryCrossEntropyLoss` with these weights.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense. Probabilities of several channels
 * (`activation: 'none'`) are one distribution.
 * Range: [0, ∞) nats.
 * Empty: an absent class has weight 0; a channel with positives or negatives alone weighs those by 1 ('median' too).
 * Nothing to count: value and gradient 0.
 * Weights: as `crossEntropyLoss`; ignored and masked pixels are not in n_k either. The balancing weights never count in
 * the divisor.
 * Numerics: as `crossEntropyLoss`; the weights are f64 and constant for the gradient (`test/matrix.test.ts`).
 * Errors: as every loss; `Error` from `accumulate`: the weights are known only when all labels are (`mergeable` is false).
 * Source: S. Xie, Z. Tu, "Holistically-Nested Edge Detection", 2015, eq. 2 (inverse, binary); D. Eigen, R. Fergus, 2015
 * (median); Y. Cui et al., "Class-Balanced Loss Based on Effective Number of Samples", 2019, eq. 2.
 *
 * @example
 * ```ts
 * import { balancedCrossEntropyLoss } from 'segloss';
 *
 * const logits = new Float32Array([1, 0, 0, 0]);
 * const mask = new Uint8Array([1, 0, 0, 0]);
 * balancedCrossEntropyLoss().value(logits, mask, { shape: [1, 1, 2, 2] }); // => 0.5032
 * ```
 */
export function balancedCrossEntropyLoss(options?: BalancedCrossEntropyOptions): Loss {
  const name = 'balancedCrossEntropyLoss';
  const given = checkOptions(name, options, RULES);
  const { frequency = 'inverse', labelSmoothing = 0, normalizer = 'valid', meanOver = 'elements' } = given;
  return wholeLoss(name, given, {
    run: balanced(given, labelSmoothing, frequency),
    formula: 'Σ_k w_k g_k (−ln p_k), w_k of the number of labels',
    own: { frequency, labelSmoothing, normalizer, meanOver },
    options: given,
  });
}
