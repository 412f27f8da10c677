import { checkOptions, SHARED } from '../check/options.js';
import { wholeLoss } from '../define.js';
import type { Loss, SharedOptions } from '../types.js';
import { meanOfElements } from './elements.js';
import { type DistanceOptions, distancesRule, spacingRule } from './planes.js';

/** Options of `boundaryLoss`. */
export interface BoundaryOptions extends SharedOptions, DistanceOptions {}

const RULES = { ...SHARED, spacing: spacingRule, distances: distancesRule };

/**
 * Boundary loss: the distance between two contours, as an integral of probabilities.
 *
 * Formula: the mean of w·φ·p over the elements of the classes that count. φ of a pixel beyond the target of its class is the
 * distance to the nearest pixel of it; within it −(the distance to the nearest pixel not of it − the smallest spacing), so
 * that φ is 0 on the pixels of the border. A soft target is of its class above 0.5.
 * Gradient: wφ/n by p, n the number of elements that count.
 * Shapes: prediction `[N, C, ...spatial]` with at most three spatial dimensions; target a label map or dense.
 * Range: (−∞, ∞), in the units of `spacing`. It is least for the target itself, and no measure of overlap: add a region
 * loss (`weightedSum`), whose share the paper lets fall from 1 to 0.01.
 * Empty: a class that is absent from a sample, or fills it, has no border: φ is 0 there. Nothing that counts: 0.
 * Weights: pixel, class and sample weights multiply, and do not enter the divisor, where a pixel of weight 0 still counts. What
 * is masked or ignored is neither of a class nor not, and distances go through it.
 * Numerics: exact Euclidean distances in f64, kept as f32; sums in f64 (`test/matrix.test.ts`). About 25 bytes of memory an
 * element of a class; with `distances` 12, and no distance is found.
 * Errors: `ShapeError` for more than three spatial dimensions, or `spacing` or `distances` of another length; `Error` from
 * `accumulate` (`mergeable` is false). `toJSON` leaves `distances` out: a loss without them finds the same.
 * Source: H. Kervadec et al., "Boundary loss for highly unbalanced segmentation", 2019, eq. 5; the border's own pixels as in
 * the authors' code, which subtracts 1 whatever the spacing.
 *
 * @example
 * ```ts
 * import { boundaryLoss } from 'segloss/geometric';
 *
 * const probabilities = new Float32Array([0.9, 0.8, 0.4, 0.1]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * const loss = boundaryLoss({ activation: 'none' });
 * loss.value(probabilities, mask, { shape: [1, 1, 4] }); // => -0.075
 * ```
 */
export function boundaryLoss(options?: BoundaryOptions): Loss {
  const name = 'boundaryLoss';
  const { distances, ...given } = checkOptions(name, options, RULES);
  return wholeLoss(name, given, {
    run: meanOfElements({
      of: 'probabilities',
      spacing: given.spacing,
      distances,
      logarithmic: false,
      sum: (plane, spacing, terms) => plane.boundary(Math.min(...spacing), terms),
    }),
    formula: 'mean of p·φ, φ the signed distance to the border of the target',
    own: { spacing: given.spacing ?? 1, distances: distances ? 'given' : 'found in each call' },
    options: given,
  });
}
