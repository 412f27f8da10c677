import { checkOptions, number, PIXEL, REGION } from '../check/options.js';
import { compoundLoss, type CompoundOptions, partsOf, smoothOf, sumsLoss } from '../define.js';
import { powerOfLog } from '../family/score.js';
import type { Loss } from '../types.js';
import { overlapScore } from './dice.js';
import { powerOfLogLoss } from './parts.js';

/** Options of `exponentialLogarithmicLoss`. */
export interface ExponentialLogarithmicOptions extends CompoundOptions {
  /** Weight of the Dice part, ≥ 0; default 0.8. */
  readonly diceWeight?: number | undefined;
  /** Weight of the cross-entropy part, ≥ 0; default 0.2. */
  readonly crossEntropyWeight?: number | undefined;
  /** Power of −ln Dice, ≥ 0; default 0.3. */
  readonly diceExponent?: number | undefined;
  /** Power of −ln p_y, ≥ 0; default 0.3. */
  readonly crossEntropyExponent?: number | undefined;
}

const size = number({ min: 0 });
const RULES = {
  ...PIXEL,
  ...REGION,
  diceWeight: size,
  crossEntropyWeight: size,
  diceExponent: size,
  crossEntropyExponent: size,
};

/**
 * Exponential logarithmic loss: powers of −ln Dice and of −ln p_y, so that hard and easy structures balance.
 *
 * Formula: w_D·mean_k (−ln Dice_k)^a + w_C·mean_i w_y(−ln p_y)^b; Dice_k = (2TP + s_n)/(P + G + s_d), at least 1e-7.
 * Sigmoid and none: p_y is the probability of the element's own label. `classWeights` are w_y and do not weigh the mean
 * of the Dice part; the other options of pixel and region losses go to their part, shared ones to both.
 * Gradient: w_D·a(−ln S)^(a−1)/S times that of `diceLoss`, S = Dice_k, and w_C·b(−ln p_y)^(b−1) times that of
 * `crossEntropyLoss` or `binaryCrossEntropyLoss`.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, ∞), no unit.
 * Empty: a class without target has (−ln(s_n/(P + s_d)))^a, with the gradient a(−ln S)^(a−1)/(P + s_d) of a logarithm,
 * and none where S is below 1e-7; or what `emptyClass` says.
 * Weights: as `crossEntropyLoss` in the second part, as `diceLoss` without class weights in the first.
 * Numerics: a power of −ln p is e^(b ln(−ln p)), relative error 6e-8·(1 + b|ln(−ln p)|); with a power below 1 the slope at Dice = 1 and at p_y = 1 is infinite; the gradient there is defined as 0,
 * never NaN (`test/matrix.test.ts`, `test/gradient.test.ts`).
 * Errors: as every loss; `RangeError` for a negative weight or power.
 * Source: K. C. L. Wong, M. Moradi, H. Tang, T. Syeda-Mahmood, "3D Segmentation with Exponential Logarithmic Loss for
 * Highly Unbalanced Object Sizes", 2018, eq. 1-3.
 *
 * @example
 * ```ts
 * import { exponentialLogarithmicLoss } from 'segloss';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * const labels = new Uint8Array([0, 1]);
 * exponentialLogarithmicLoss().value(logits, labels, { shape: [1, 2, 2] }); // => 0.6301
 * ```
 */
export function exponentialLogarithmicLoss(options?: ExponentialLogarithmicOptions): Loss {
  const name = 'exponentialLogarithmicLoss';
  const given = checkOptions(name, options, RULES);
  const {
    diceWeight = 0.8,
    crossEntropyWeight = 0.2,
    diceExponent = 0.3,
    crossEntropyExponent = 0.3,
  } = given;
  const smooth = smoothOf(given.smooth, 1e-5);
  const { pixel, region } = partsOf(given);
  const dice = sumsLoss(
    'diceLoss',
    { ...region, classWeights: undefined },
    {
      allSums: false,
      score: overlapScore(1, smooth, powerOfLog(diceExponent)),
      formula: '(−ln((2TP + s_n)/(P + G + s_d)))^diceExponent',
      own: { diceExponent, smooth },
    },
  );
  return compoundLoss(name, {
    parts: [
      [diceWeight, dice],
      [crossEntropyWeight, powerOfLogLoss({ ...pixel, exponent: crossEntropyExponent })],
    ],
    formula:
      'diceWeight mean (−ln Dice)^diceExponent + crossEntropyWeight mean w_y (−ln p_y)^crossEntropyExponent',
    own: { diceWeight, crossEntropyWeight, diceExponent, crossEntropyExponent },
    options: given,
  });
}
