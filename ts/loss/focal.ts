import { checkOptions, number, numberOrNumbers, PIXEL } from '../check/options.js';
import { pixelLoss } from '../define.js';
import { fillCategories, fillElements } from '../term.js';
import type { Loss, PixelOptions } from '../types.js';

/** Options of `focalLoss`. */
export interface FocalOptions extends PixelOptions {
  /** How much an easy pixel is played down: any real number ≥ 0, default 2; 0 is cross-entropy. */
  readonly gamma?: number | undefined;
  /** Sigmoid and none: weight of positives, negatives get 1 − alpha. Softmax: weight of the pixel's class. In [0, 1]. */
  readonly alpha?: number | readonly number[] | undefined;
}

const KERNEL = 2;
const RULES = { ...PIXEL, gamma: number({ min: 0 }), alpha: numberOrNumbers({ min: 0 }) };

/**
 * Focal loss: cross-entropy in which pixels that are already right hardly count.
 *
 * Formula: sigmoid and none −α g (1−p)^γ ln p − (1−α)(1−g) p^γ ln(1−p); softmax −Σ_k α_k g_k (1−p_k)^γ ln p_k.
 * Without `alpha` all weights are 1. Soft g are taken as written.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, ∞) nats. A mean by default; the sum of the first implementations is `reduction: 'sum'`, and what their
 * per-pixel sum over sigmoid channels is, `meanOver: 'pixels'`.
 * Numerics: from σ(−|z|) and its logarithm, no power of a rounded 1 − p; at p = 1 the gradient is 0 for every γ, never
 * NaN (`test/gradient.test.ts`, `test/extremes.test.ts`).
 * Errors: `RangeError` for γ < 0, and for α outside [0, 1] under sigmoid and none.
 * Source: T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, "Focal Loss for Dense Object Detection", 2017, eq. 5.
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
  const { gamma = 2, alpha } = given;
  const alphaOf = (k: number): number | undefined => (typeof alpha === 'object' ? alpha[k] : alpha);
  return pixelLoss(name, given, {
    kernel: KERNEL,
    exponent: gamma,
    perClass: { alpha: typeof alpha === 'object' ? alpha : undefined },
    alpha,
    fill: (table, classes, activation, scale) => {
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
    },
    formula: 'sigmoid: −α g (1−p)^γ ln p − (1−α)(1−g) p^γ ln(1−p); softmax: −Σ_k α_k g_k (1−p_k)^γ ln p_k',
    own: { gamma, alpha: alpha ?? 'none' },
    options: given,
  });
}
