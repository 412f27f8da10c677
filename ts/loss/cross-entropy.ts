import { boolean, checkOptions, refuseActivation, SMOOTHED } from '../check/options.js';
import { pixelLoss } from '../define.js';
import { fillCategories, weighSpread } from '../term.js';
import type { Loss, WeightedSmoothingOptions } from '../types.js';

const KERNEL = 1;

/**
 * Cross-entropy of a pixel's distribution over classes.
 *
 * Formula: Σ_k w_k g_k (lse(z) − z_k) = −Σ_k w_k g_k ln p_k, w = `classWeights`. With `labelSmoothing` ε, g becomes
 * g(1−ε) + ε/C; weights go by the unsmoothed label, or, `smoothedWeights`, by the smoothed one. The mean is over pixels
 * (activation `'none'`: over elements).
 * Gradient: p_k Σ_j w_j g_j − w_k g_k by z_k; w_y(p_k − [k = y]) for the label y.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target a label map, or dense of the prediction's length.
 * Range: [0, ∞) nats; ln C for equal logits.
 * Empty: a class without pixels adds nothing. Nothing to count: value and gradient 0.
 * Weights: ignored and masked pixels add nothing and are not counted (`normalizer: 'all'` counts them). Pixel, sample
 * and class weights multiply a term and leave the divisor alone, unless `normalizer: 'weights'` divides by their sum.
 * Numerics: −ln p_y is ln(1 + Σ of the other e / e_y), of logits far from 0 from the largest on, and 1 − p_y a sum of
 * the other p: exact to 1e-6 at margins of 8, 18 and 40, where log(Σe) is 5 % wrong (`test/extremes.test.ts`).
 * Errors: `RangeError` for `activation: 'sigmoid'` and for one channel (use `binaryCrossEntropyLoss`).
 * Source: I. J. Good, "Rational Decisions", 1952; for segmentation J. Long, E. Shelhamer, T. Darrell, "Fully
 * Convolutional Networks for Semantic Segmentation", 2015.
 *
 * @example
 * ```ts
 * import { crossEntropyLoss } from 'segloss';
 *
 * const loss = crossEntropyLoss({ ignoreIndex: 255 });
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // class 0 of three pixels, then class 1
 * const labels = new Uint8Array([0, 255, 1]);
 * loss.value(logits, labels, { shape: [1, 2, 3] }); // => 0.0878
 * ```
 */
export function crossEntropyLoss(options?: WeightedSmoothingOptions): Loss {
  const name = 'crossEntropyLoss';
  const given = checkOptions(name, options, { ...SMOOTHED, smoothedWeights: boolean });
  refuseActivation(name, given.activation, 'sigmoid', 'binaryCrossEntropyLoss');
  const { labelSmoothing = 0, smoothedWeights = false } = given;
  return pixelLoss(
    name,
    { activation: 'softmax', ...given },
    {
      kernel: KERNEL,
      fill: (table, classes, _, scale) => {
        fillCategories(table, classes, scale, labelSmoothing, () => 1);
        if (smoothedWeights) weighSpread(table, classes);
      },
      formula: 'Σ_k w_k g_k (lse(z) − z_k)',
      own: { labelSmoothing, smoothedWeights },
      options: given,
    },
  );
}
