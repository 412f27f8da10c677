import { checkOptions, number, SMOOTHED } from '../check/options.js';
import { pixelLoss } from '../define.js';
import { fillSmoothed } from '../term.js';
import type { Loss, SmoothedOptions } from '../types.js';

/** Options of `polyCrossEntropyLoss`. */
export interface PolyCrossEntropyOptions extends SmoothedOptions {
  /** Weight of the linear term; any finite number, default 1. */
  readonly epsilon?: number | undefined;
}

const KERNEL = 5;
const RULES = { ...SMOOTHED, epsilon: number() };

/**
 * Poly-1 cross-entropy: cross-entropy with its first polynomial coefficient changed.
 *
 * Formula: softmax Σ_k w_k g_k (−ln p_k + ε(1 − p_k)); sigmoid and none g(−ln p + ε(1−p)) + (1−g)(−ln(1−p) + ε p).
 * Gradient: by z, softmax with the label y: w_y(1 + ε p_y)(p_k − [k = y]); sigmoid: −(1 − p)(1 + ε p) for a positive,
 * p(1 + ε(1 − p)) for a negative.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, ∞) nats for ε ≥ −1.
 * Empty: a class without pixels adds nothing. Nothing to count: value and gradient 0.
 * Weights: ignored and masked pixels add nothing and are not counted (`normalizer: 'all'` counts them). Pixel, sample
 * and class weights multiply a term and leave the divisor alone, unless `normalizer: 'weights'` divides by their sum.
 * Numerics: as `crossEntropyLoss`: 1 − p is never a rounded difference (`test/matrix.test.ts`). Only at ε = −1, where the first
 * order cancels, is the loss of a nearly right pixel a difference of rounded numbers.
 * Errors: as every loss.
 * Source: Z. Leng et al., "PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions", 2022, eq. 3.
 *
 * @example
 * ```ts
 * import { polyCrossEntropyLoss } from 'segloss';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * const labels = new Uint8Array([0, 1]);
 * polyCrossEntropyLoss().value(logits, labels, { shape: [1, 2, 2] }); // => 0.4142
 * ```
 */
export function polyCrossEntropyLoss(options?: PolyCrossEntropyOptions): Loss {
  const name = 'polyCrossEntropyLoss';
  const given = checkOptions(name, options, RULES);
  const { epsilon = 1, labelSmoothing = 0 } = given;
  return pixelLoss(name, given, {
    kernel: KERNEL,
    exponent: epsilon,
    fill: fillSmoothed(labelSmoothing),
    formula:
      'softmax: Σ_k g_k (−ln p_k + ε(1−p_k)); sigmoid and none: g(−ln p + ε(1−p)) + (1−g)(−ln(1−p) + ε p)',
    own: { epsilon, labelSmoothing },
    options: given,
  });
}
