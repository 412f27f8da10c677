import { boolean, checkOptions, numberOrNumbers, refuseActivation, SMOOTHED } from '../check/options.js';
import { pixelLoss } from '../define.js';
import { fillElements } from '../term.js';
import type { Loss, WeightedSmoothingOptions } from '../types.js';

/** Options of `binaryCrossEntropyLoss`. */
export interface BinaryCrossEntropyOptions extends WeightedSmoothingOptions {
  /** Weight of the positives, one for all channels or one a channel; default 1. ≠ 1 is weighted cross-entropy. */
  readonly positiveWeight?: number | readonly number[] | undefined;
}

const KERNEL = 0;
const RULES = { ...SMOOTHED, smoothedWeights: boolean, positiveWeight: numberOrNumbers({ min: 0 }) };

/**
 * Binary cross-entropy (log loss) of independent channels; weighted cross-entropy when positives weigh more.
 *
 * Formula: β g·softplus(−z) + (1−g)·softplus(z) = −β g ln p − (1−g) ln(1−p), β = `positiveWeight`. With
 * `labelSmoothing` ε, g becomes g(1−ε) + ε/2; β goes by the unsmoothed g, or, `smoothedWeights`, by the smoothed one. The
 * mean is over the elements of `classes`.
 * Gradient: (1 − g)p − β g(1 − p) by z, which is p − g for β = 1.
 * Shapes: prediction `[N, C, ...spatial]`; target of the same length in [0, 1], or a label map, one-hot per channel.
 * Range: [0, ∞) nats; 0 for a certain, right prediction.
 * Empty: a channel without positives has its negatives' loss. Nothing to count: value and gradient 0.
 * Weights: ignored and masked pixels add nothing and are not counted (`normalizer: 'all'` counts them). Pixel, sample
 * and class weights multiply a term and leave the divisor alone, unless `normalizer: 'weights'` divides by their sum. β
 * never counts.
 * Numerics: softplus, so no logit overflows; value within 1e-6 and gradient within 1e-5 relative of f64 for |z| ≤ 20
 * (`test/gradient.test.ts`); the gradient of a hard target is never the difference of two rounded numbers.
 * Errors: `RangeError` for `activation: 'softmax'` (use `crossEntropyLoss`); else as every loss.
 * Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
 * eq. 1 (weighted, of which this is the binary case).
 *
 * @example
 * ```ts
 * import { binaryCrossEntropyLoss } from 'segloss';
 *
 * const loss = binaryCrossEntropyLoss({ positiveWeight: 2 });
 * const logits = new Float32Array([0, 0, 2, -2]);
 * const mask = new Uint8Array([1, 0, 1, 0]);
 * const { value, grad } = loss.valueAndGrad(logits, mask, { shape: [1, 1, 2, 2] });
 * value; // => 0.6151
 * grad[0]; // => -0.25
 * ```
 */
export function binaryCrossEntropyLoss(options?: BinaryCrossEntropyOptions): Loss {
  const name = 'binaryCrossEntropyLoss';
  const given = checkOptions(name, options, RULES);
  refuseActivation(name, given.activation, 'softmax', 'crossEntropyLoss');
  const { positiveWeight = 1, labelSmoothing = 0, smoothedWeights = false } = given;
  const half = labelSmoothing / 2;
  const weightOf = (k: number): number =>
    typeof positiveWeight === 'number' ? positiveWeight : (positiveWeight[k] ?? 1);
  return pixelLoss(
    name,
    { activation: 'sigmoid', ...given },
    {
      kernel: KERNEL,
      perClass: { positiveWeight: typeof positiveWeight === 'number' ? undefined : positiveWeight },
      fill: (table, classes, _, scale) => {
        fillElements(table, classes, scale, (k) => ({
          positiveAt0: half * (smoothedWeights ? weightOf(k) : 1),
          positiveAt1: weightOf(k) * (1 - half),
          negativeAt0: 1 - half,
          negativeAt1: half * (smoothedWeights ? 1 : weightOf(k)),
        }));
      },
      formula: 'β g softplus(−z) + (1−g) softplus(z), β = positiveWeight',
      own: { positiveWeight, labelSmoothing, smoothedWeights },
      options: given,
    },
  );
}
