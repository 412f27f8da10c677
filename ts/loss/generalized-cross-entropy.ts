import { checkOptions, number, refuse, SMOOTHED } from '../check/options.js';
import { pixelLoss } from '../define.js';
import { fillSmoothed } from '../term.js';
import type { Loss, SmoothedOptions } from '../types.js';

/** Options of `generalizedCrossEntropyLoss`. */
export interface GeneralizedCrossEntropyOptions extends SmoothedOptions {
  /** In (0, 1]: towards 0 it becomes cross-entropy, 1 is the mean absolute error. Default 0.5. */
  readonly q?: number | undefined;
}

const KERNEL = 4;
const RULES = { ...SMOOTHED, q: number({ min: 0, max: 1 }) };

/**
 * Generalized cross-entropy: between cross-entropy and mean absolute error, for labels that are sometimes wrong.
 *
 * Formula: softmax Σ_k w_k g_k (1 − p_k^q)/q; sigmoid and none g (1 − p^q)/q + (1−g)(1 − (1−p)^q)/q.
 * Gradient: by z, softmax with the label y: w_y p_y^q(p_k − [k = y]); sigmoid: −p^q(1 − p) for a positive, (1 − p)^q p
 * for a negative.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1/q], no unit.
 * Empty: a class without pixels adds nothing. Nothing to count: value and gradient 0.
 * Weights: ignored and masked pixels add nothing and are not counted (`normalizer: 'all'` counts them). Pixel, sample
 * and class weights multiply a term and leave the divisor alone, unless `normalizer: 'weights'` divides by their sum.
 * Numerics: p^q = e^(q ln p), and the series of 1 − e^−x where that cancels (`test/matrix.test.ts`).
 * Errors: `RangeError` for a q outside (0, 1].
 * Source: Z. Zhang, M. R. Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels",
 * 2018, eq. 6.
 *
 * @example
 * ```ts
 * import { generalizedCrossEntropyLoss } from 'segloss';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * const labels = new Uint8Array([0, 1]);
 * generalizedCrossEntropyLoss().value(logits, labels, { shape: [1, 2, 2] }); // => 0.2065
 * ```
 */
export function generalizedCrossEntropyLoss(options?: GeneralizedCrossEntropyOptions): Loss {
  const name = 'generalizedCrossEntropyLoss';
  const given = checkOptions(name, options, RULES);
  const { q = 0.5, labelSmoothing = 0 } = given;
  if (q === 0) refuse('"q" expected a number in (0, 1], got 0; that limit is crossEntropyLoss');
  return pixelLoss(name, given, {
    kernel: KERNEL,
    exponent: q,
    fill: fillSmoothed(labelSmoothing),
    formula: 'softmax: Σ_k g_k (1 − p_k^q)/q; sigmoid and none: g (1 − p^q)/q + (1−g)(1 − (1−p)^q)/q',
    own: { q, labelSmoothing },
    options: given,
  });
}
