import { checkOptions } from '../check/options.js';
import { smoothOf, sumsLoss } from '../define.js';
import { curveOf, ratioScore } from '../family/score.js';
import type { Loss } from '../types.js';
import { OVERLAP, type OverlapOptions } from './dice.js';

/**
 * Jaccard (IoU) loss: one minus the soft intersection over union.
 *
 * Formula: 1 − (TP + s_n)/(P + G − TP + s_d) per class; `exponent: 2` takes Σp² + Σg² for P + G. s = `smooth`, 1e-5.
 * Gradient: w(J − (1 + J)g)/U by p, J = (TP + s_n)/U, U = P + G − TP + s_d; with `exponent: 2` w(J(2p − g) − g)/U.
 * `transform` multiplies as in `diceLoss`.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense, soft values allowed.
 * Range: [0, 1], no unit, for s_n = s_d; never below the Dice loss of the same data.
 * Empty: as `diceLoss`: 1 − s_n/(P + s_d), or what `emptyClass` says.
 * Weights: as `diceLoss`.
 * Numerics: as `diceLoss` (`test/gradient.test.ts`).
 * Errors: as every loss; `RangeError` for an exponent other than 1 and 2.
 * Source: M. A. Rahman, Y. Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation",
 * 2016, eq. 3-5.
 *
 * @example
 * ```ts
 * import { jaccardLoss } from 'segloss';
 *
 * const probabilities = new Float32Array([1, 0.5, 0, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * const loss = jaccardLoss({ activation: 'none', smooth: 0 });
 * loss.value(probabilities, mask, { shape: [1, 1, 2, 2] }); // => 0.25
 * ```
 */
export function jaccardLoss(options?: OverlapOptions): Loss {
  const name = 'jaccardLoss';
  const given = checkOptions(name, options, OVERLAP);
  const { exponent = 1, transform = 'oneMinus', overlap = 'product' } = given;
  const smooth = smoothOf(given.smooth, 1e-5);
  const square = exponent === 2;
  return sumsLoss(name, given, {
    allSums: square,
    score: ratioScore(1, { tp: -1, p: 1, g: 1, squares: square }, smooth, curveOf(transform)),
    formula: `1 − (TP + s_n)/(${square ? 'P2 + G2' : 'P + G'} − TP + s_d)`,
    own: { exponent, smooth, transform, overlap },
  });
}
