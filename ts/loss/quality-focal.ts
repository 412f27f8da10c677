import { checkOptions, number, PIXEL, refuseActivation } from '../check/options.js';
import { pixelLoss } from '../define.js';
import { fillElements, smoothedElement } from '../term.js';
import type { Loss, PixelOptions } from '../types.js';

/** Options of `qualityFocalLoss`. */
export interface QualityFocalOptions extends PixelOptions {
  /** How much an element near its label is played down, ≥ 0; default 2. */
  readonly beta?: number | undefined;
}

const KERNEL = 3;
const RULES = { ...PIXEL, beta: number({ min: 0 }) };

/**
 * Quality focal loss: focal loss for soft labels, which is 0 where p equals a label between 0 and 1.
 *
 * Formula: |p − g|^β·(−g ln p − (1−g) ln(1−p)). Hard labels: the focal loss of γ = β without alpha.
 * Gradient: |p − g|^β(p − g) + β|p − g|^(β−1) sign(p − g) p(1 − p)·B by z, B the cross-entropy.
 * Shapes: prediction `[N, C, ...spatial]`; target dense, soft values allowed, or a label map, one-hot per channel.
 * Range: [0, ∞) nats; 0 at p = g, for β > 0.
 * Empty: a class without pixels adds nothing. Nothing to count: value and gradient 0.
 * Weights: ignored and masked pixels add nothing and are not counted (`normalizer: 'all'` counts them). Pixel, sample
 * and class weights multiply a term and leave the divisor alone, unless `normalizer: 'weights'` divides by their sum.
 * Numerics: as `focalLoss`; the gradient at p = g is 0, also for β < 1, where the loss has a cusp
 * (`test/matrix.test.ts`).
 * Errors: `RangeError` for `activation: 'softmax'`: the distance of p and g is that of one yes-or-no; and for β < 0.
 * Source: X. Li et al., "Generalized Focal Loss: Learning Qualified and Distributed Bounding Boxes for Dense Object
 * Detection", 2020, eq. 2.
 *
 * @example
 * ```ts
 * import { qualityFocalLoss } from 'segloss';
 *
 * const loss = qualityFocalLoss({ beta: 2 });
 * const logits = new Float32Array([0, 0]);
 * loss.value(logits, new Float32Array([0.5, 1]), { shape: [1, 1, 2] }); // => 0.0866
 * ```
 */
export function qualityFocalLoss(options?: QualityFocalOptions): Loss {
  const name = 'qualityFocalLoss';
  const given = checkOptions(name, options, RULES);
  refuseActivation(
    name,
    given.activation,
    'softmax',
    "'sigmoid' (the distance of p and g is that of one yes-or-no)",
  );
  const { beta = 2 } = given;
  return pixelLoss(
    name,
    { activation: 'sigmoid', ...given },
    {
      kernel: KERNEL,
      exponent: beta,
      fill: (table, classes, _, scale) => {
        fillElements(table, classes, scale, () => smoothedElement(0));
      },
      formula: '|p − g|^β (−g ln p − (1−g) ln(1−p))',
      own: { beta },
      options: given,
    },
  );
}
