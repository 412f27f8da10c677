import { boolean, checkOptions, number, numberOrNumbers, PIXEL, refuse } from '../check/options.js';
import { pixelLoss, wholeLoss } from '../define.js';
import { normalized } from '../family/normalized.js';
import { fillCategories, fillElements, type PixelTerm } from '../term.js';
import type { Loss, PixelOptions } from '../types.js';

/** Options of `focalLoss`. */
export interface FocalOptions extends PixelOptions {
  /** How much an easy pixel is played down: any real number ≥ 0, default 2; 0 is cross-entropy. */
  readonly gamma?: number | undefined;
  /** Sigmoid and none: weight of positives, negatives get 1 − alpha. Softmax: weight of the pixel's class. In [0, 1]. */
  readonly alpha?: number | readonly number[] | undefined;
  /** Divides by the sum of the focal factors; default false. */
  readonly normalized?: boolean | undefined;
  /** In (0, 1]: below this p_t a pixel keeps its whole loss, and the factor is ((1 − p_t)/τ)^γ above; default none. */
  readonly reducedThreshold?: number | undefined;
}

export const KERNEL = 2;
const REDUCED = 7;
const FACTOR = 8;
const RULES = {
  ...PIXEL,
  gamma: number({ min: 0 }),
  alpha: numberOrNumbers({ min: 0 }),
  normalized: boolean,
  reducedThreshold: number({ min: 0, max: 1 }),
};

/**
 * Focal loss: cross-entropy in which pixels that are already right hardly count.
 *
 * Formula: sigmoid and none −α g (1−p)^γ ln p − (1−α)(1−g) p^γ ln(1−p); softmax −Σ_k α_k g_k (1−p_k)^γ ln p_k.
 * Without `alpha` all weights are 1. Soft g are taken as written. With p_t the probability of the label, the factor
 * f = (1−p_t)^γ is ((1−p_t)/τ)^γ under `reducedThreshold` τ, and 1 where p_t < τ. `normalized` divides the mean or sum
 * by Σ f of all that counts, at least 1e-6: pixel and sample weights are in that sum, alpha and class weights are not. As
 * in segmentation_models_pytorch the gradient goes through the sum too; such a loss is not `mergeable`.
 * Gradient: by z, sigmoid: α(1−p)^γ(γ p ln p − (1 − p)) for a positive, (1−α)p^γ(p − γ(1 − p)ln(1 − p)) for a negative;
 * softmax with the label y: α_y(1−p_y)^γ(1 − γ p_y ln p_y/(1 − p_y))(p_k − [k = y]).
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, ∞) nats. A mean by default; the sum of the first implementations is `reduction: 'sum'`, and what their
 * per-pixel sum over sigmoid channels is, `meanOver: 'pixels'`.
 * Empty: a class without pixels adds nothing. Nothing to count: value and gradient 0.
 * Weights: ignored and masked pixels add nothing and are not counted (`normalizer: 'all'` counts them). Pixel, sample
 * and class weights multiply a term and leave the divisor alone, unless `normalizer: 'weights'` divides by their sum.
 * Alpha never counts.
 * Numerics: from σ(−|z|) and its logarithm, no power of a rounded 1 − p; at p = 1 the gradient is 0 for every γ, never
 * NaN (`test/gradient.test.ts`, `test/extremes.test.ts`).
 * Errors: `RangeError` for γ < 0, for α outside [0, 1] under sigmoid and none, and for τ outside (0, 1].
 * Source: T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, "Focal Loss for Dense Object Detection", 2017, eq. 5;
 * N. Sergievskiy, A. Ponamarev, "Reduced Focal Loss", 2019; Z. Zheng et al., 2019 (normalised).
 *
 * @example
 * ```ts
 * import { focalLoss } from 'segloss';
 *
 * const loss = focalLoss({ gamma: 2, alpha: 0.25 });
 * const logits = new Float32Array([0, 4]);
 * loss.value(logits, new Uint8Array([1, 0]), { shape: [1, 1, 2] }); // => 1.4748
 * ```
 */
export function focalLoss(options?: FocalOptions): Loss {
  const name = 'focalLoss';
  const given = checkOptions(name, options, RULES);
  const { gamma = 2, alpha, normalized: divided = false, reducedThreshold: threshold } = given;
  if (threshold === 0) refuse('"reducedThreshold" expected a number in (0, 1], got 0');
  const perClass = { alpha: typeof alpha === 'object' ? alpha : undefined };
  const { loss, factor } = focalKernels({ gamma, alpha, reducedThreshold: threshold });
  const { normalizer = 'valid', meanOver = 'elements' } = given;
  const described = {
    formula: 'sigmoid: −α g (1−p)^γ ln p − (1−α)(1−g) p^γ ln(1−p); softmax: −Σ_k α_k g_k (1−p_k)^γ ln p_k',
    own: {
      gamma,
      alpha: alpha ?? 'none',
      normalized: divided,
      reducedThreshold: threshold ?? 'none',
      ...(divided && { normalizer, meanOver }),
    },
    options: given,
  };
  if (divided) {
    const run = normalized(given, loss, factor);
    return wholeLoss(name, given, { ...described, perClass, alpha, run });
  }
  return pixelLoss(name, given, { ...described, ...loss, perClass, alpha });
}

interface Kernels {
  readonly gamma: number;
  readonly alpha: FocalOptions['alpha'];
  readonly reducedThreshold: number | undefined;
}

/** The focal loss of the core, and its factor alone. */
export function focalKernels({ gamma, alpha, reducedThreshold: threshold }: Kernels): {
  readonly loss: Pick<PixelTerm, 'kernel' | 'exponent' | 'fill'>;
  readonly factor: Pick<PixelTerm, 'kernel' | 'exponent' | 'fill'>;
} {
  const alphaOf = (k: number): number | undefined => (typeof alpha === 'object' ? alpha[k] : alpha);
  return {
    loss: {
      kernel: threshold === undefined ? KERNEL : REDUCED,
      exponent: gamma,
      fill: fillFocal(gamma, alphaOf, threshold),
    },
    factor: { kernel: FACTOR, exponent: gamma, fill: fillFocal(gamma, () => undefined, threshold) },
  };
}

/** A threshold τ and τ^−γ are the first constants of rows 4 and 5. */
function fillFocal(
  gamma: number,
  alphaOf: (k: number) => number | undefined,
  threshold = 0,
): PixelTerm['fill'] {
  return (table, classes, activation, scale) => {
    table[4 * classes.channels] = threshold;
    table[5 * classes.channels] = threshold > 0 ? threshold ** -gamma : 1;
    if (activation === 'softmax') {
      fillCategories(table, classes, scale, 0, (k) => alphaOf(k) ?? 1);
      return;
    }
    fillElements(table, classes, scale, (k) => ({
      positiveAt0: 0,
      positiveAt1: alphaOf(k) ?? 1,
      negativeAt0: 1 - (alphaOf(k) ?? 0),
      negativeAt1: 0,
    }));
  };
}
