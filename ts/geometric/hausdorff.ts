import { boolean, checkOptions, number, SHARED } from '../check/options.js';
import { wholeLoss } from '../define.js';
import type { Loss, SharedOptions } from '../types.js';
import { meanOfElements } from './elements.js';
import { type DistanceOptions, distancesRule, spacingRule } from './planes.js';

/** Options of `hausdorffLoss`. */
export interface HausdorffOptions extends SharedOptions, DistanceOptions {
  /** What distances are raised to; ≥ 0, default 2. */
  readonly alpha?: number | undefined;
  /** The loss is ln(1 + L); default false. */
  readonly logarithmic?: boolean | undefined;
}

const RULES = {
  ...SHARED,
  alpha: number({ min: 0 }),
  logarithmic: boolean,
  spacing: spacingRule,
  distances: distancesRule,
};

/**
 * Hausdorff distance loss: squared errors, weighed by how far they lie from the borders of target and prediction.
 *
 * Formula: L = the mean of w·(p − g)²·(D_p^alpha + D_g^alpha) over the elements of the classes that count. D_g is the distance of
 * a pixel of the class to the nearest that is not, and of any other to the nearest that is; D_p the same of the prediction;
 * of the class is what is above 0.5. `logarithmic`: ln(1 + L), after the mean or sum; `unreduced` has the summands of L.
 * Gradient: 2w(p − g)(D_p^alpha + D_g^alpha)/n by p, n the number of elements that count; the distances are constants.
 * `logarithmic`: that over 1 + L.
 * Shapes: prediction `[N, C, ...spatial]` with at most three spatial dimensions; target a label map or dense.
 * Range: [0, ∞), in the units of `spacing` to the power of alpha.
 * Empty: a class that is absent from a sample, or fills it, has no border: D is 0 there, of target and prediction each by
 * itself. Nothing that counts: 0.
 * Weights: pixel, class and sample weights multiply, and do not enter the divisor, where a pixel of weight 0 still counts. What
 * is masked or ignored is neither of a class nor not, and distances go through it.
 * Numerics: exact Euclidean distances in f64, kept as f32; p − 1 from the other classes' side, not from a rounded p
 * (`test/matrix.test.ts`). About 25 bytes of memory an element of a class; `distances` saves half of the time.
 * Errors: `ShapeError` for more than three spatial dimensions, or `spacing` or `distances` of another length; `Error` from
 * `accumulate` (`mergeable` is false). `toJSON` leaves `distances` out: a loss without them finds the same.
 * Source: D. Karimi, S. E. Salcudean, "Reducing the Hausdorff Distance in Medical Image Segmentation with Convolutional
 * Neural Networks", 2019, eq. 8; the logarithm is MONAI's `LogHausdorffDTLoss`.
 *
 * @example
 * ```ts
 * import { hausdorffLoss } from 'segloss/geometric';
 *
 * const probabilities = new Float32Array([0.9, 0.8, 0.4, 0.6]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * const loss = hausdorffLoss({ activation: 'none', alpha: 1 });
 * loss.value(probabilities, mask, { shape: [1, 1, 4] }); // => 0.38
 * ```
 */
export function hausdorffLoss(options?: HausdorffOptions): Loss {
  const name = 'hausdorffLoss';
  const { distances, ...given } = checkOptions(name, options, RULES);
  const { alpha = 2, logarithmic = false, spacing } = given;
  return wholeLoss(name, given, {
    run: meanOfElements({
      of: 'residuals',
      spacing,
      distances,
      logarithmic,
      sum: (plane, _, terms) => plane.hausdorff(alpha, terms),
    }),
    formula:
      'mean of (p − g)²·(D_p^alpha + D_g^alpha), D the distance to the border; logarithmic: ln(1 + it)',
    own: { alpha, logarithmic, spacing: spacing ?? 1, distances: distances ? 'given' : 'found in each call' },
    options: given,
  });
}
