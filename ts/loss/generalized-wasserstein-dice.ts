import {
  checkOptions,
  GROUPED,
  number,
  oneOf,
  refuse,
  refuseActivation,
  type Rule,
  show,
} from '../check/options.js';
import { smoothOf, sumsLoss } from '../define.js';
import { curveOf, scored } from '../family/score.js';
import { ROWS, SUM } from '../term.js';
import type { Loss, SharedOptions, Smooth } from '../types.js';

/** Options of `generalizedWassersteinDiceLoss`. */
export interface GeneralizedWassersteinDiceOptions extends SharedOptions {
  /** Row y, column c: how far class c is from class y, ≥ 0; one row and one column a channel. Divided by the largest. */
  readonly distances: readonly (readonly number[])[];
  /** `'default'`: every class but 0 counts alike; `'generalized'`: by the inverse of its size. */
  readonly weighting?: 'default' | 'generalized' | undefined;
  /** One ratio per sample (default), or over the batch. */
  readonly aggregate?: 'sample' | 'batch' | undefined;
  readonly smooth?: number | Smooth | undefined;
}

const distance = number({ min: 0 });

const matrix: Rule = (value, name) => {
  if (!Array.isArray(value)) throw new TypeError(`"${name}" expected rows of numbers, got ${show(value)}`);
  value.forEach((row: unknown, y) => {
    if (!Array.isArray(row))
      throw new TypeError(`"${name}[${y}]" expected a row of numbers, got ${show(row)}`);
    if (row.length !== value.length) {
      refuse(`"${name}" expected as many columns as rows, got ${row.length} and ${value.length}`);
    }
    row.forEach((entry, c) => {
      distance(entry, `${name}[${y}][${c}]`);
    });
  });
  if (!value.flat().some((entry: number) => entry > 0)) {
    refuse(`"${name}" expected at least one distance > 0, got none`);
  }
};

const RULES = { ...GROUPED, distances: matrix, weighting: oneOf('default', 'generalized') };

/**
 * Generalized Wasserstein Dice loss: Dice in which a mistake costs as much as its class is far from the true one.
 *
 * Formula: with W_i = Σ_c M[y, c] p_c, M = `distances` over their largest: 1 − (2T + s_n)/(2T + Σ_i W_i + s_d) (`'default'`)
 * and 1 − (2T + s_n)/(Σ_i α_y(2 − W_i) + s_d) (`'generalized'`), T = Σ_i α_y(1 − W_i); α_y = 1 but 0 for class 0, or
 * 1/(G_y + 1). A class counts by its target: `classes` and `classWeights` select and weigh pixels of that label.
 * A given probability (`activation: 'none'`) whose own weight is 0, or that is ignored, is read as 0.
 * Gradient: w(2α_y − S(2α_y − 1))M[y, c]/D by p_c, S the score and D its denominator; w α_y(2 − S)M[y, c]/D under
 * 'generalized'.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target a label map, or dense, where W is the mean over its classes.
 * Range: [0, 1], no unit, for s_n = s_d and a matrix whose diagonal is 0.
 * Empty: a class without pixels has no part. All of class 0 under 'default': 1 − s_n/(Σ_i W_i + s_d). No pixels: 0.
 * Weights: ignored and masked pixels are in no sum. Pixel weights multiply a pixel's part of T, W and G; sample weights
 * weigh the samples' losses, or under `aggregate: 'batch'` their pixels.
 * Numerics: f64 sums of each class; exact in the matrix (`test/matrix.test.ts`).
 * Errors: `TypeError` without `distances`; `ShapeError` where it has not one row a channel; `RangeError` for
 * `activation: 'sigmoid'`, whose channels are no distribution over classes.
 * Source: L. Fidon et al., "Generalised Wasserstein Dice Score for Imbalanced Multi-class Segmentation using Holistic
 * Convolutional Networks", 2017, eq. 6-10; `'generalized'` as in MONAI ("GDL").
 *
 * @example
 * ```ts
 * import { generalizedWassersteinDiceLoss } from 'segloss';
 *
 * const loss = generalizedWassersteinDiceLoss({ distances: [[0, 1, 1], [1, 0, 0.5], [1, 0.5, 0]] });
 * const logits = new Float32Array([2, 0, 0, 0, 1, 0, 0, 0, 1]); // 3 classes of 3 pixels
 * loss.value(logits, new Uint8Array([0, 1, 2]), { shape: [1, 3, 3] }); // => 0.2373
 * ```
 */
export function generalizedWassersteinDiceLoss(options: GeneralizedWassersteinDiceOptions): Loss {
  const name = 'generalizedWassersteinDiceLoss';
  const given = checkOptions(name, options as GeneralizedWassersteinDiceOptions | undefined, RULES);
  if ((given.distances as unknown) === undefined) {
    throw new TypeError('"distances" expected rows of numbers, one row a channel, got undefined');
  }
  refuseActivation(name, given.activation, 'sigmoid', "'softmax' (its channels are one distribution)");
  const { weighting = 'default' } = given;
  const smooth = smoothOf(given.smooth, 1e-5);
  const largest = given.distances.flat().reduce((most, x) => Math.max(most, x), 0);
  const sized = weighting === 'generalized';
  const curve = curveOf('oneMinus');
  return sumsLoss(
    name,
    { activation: 'softmax', ...given },
    {
      allSums: false,
      joint: true,
      distances: given.distances.map((row) => row.map((entry) => entry / largest)),
      // The core has the distances of a class where its probabilities are otherwise.
      score: (sums, partials, { weights, kept }) => {
        let [numerator, denominator] = [smooth.numerator, smooth.denominator];
        const ofNumerator = new Float64Array(sums.length);
        const ofDenominator = new Float64Array(sums.length);
        weights.forEach((weight, i) => {
          // A class of weight 0 is out, whatever its sums hold.
          if (weight === 0) return;
          const [error, size] = [sums[i * ROWS + SUM.p] ?? 0, sums[i * ROWS + SUM.g] ?? 0];
          const alpha = weight * (sized ? 1 / (size + 1) : kept[i] === 0 ? 0 : 1);
          numerator += 2 * alpha * (size - error);
          denominator += sized ? alpha * (2 * size - error) : 2 * alpha * (size - error) + weight * error;
          ofNumerator[i * ROWS + SUM.p] = -2 * alpha;
          ofDenominator[i * ROWS + SUM.p] = sized ? -alpha : weight - 2 * alpha;
        });
        return scored(numerator, denominator, ofNumerator, ofDenominator, curve, partials);
      },
      formula: sized
        ? '1 − (2T + s_n)/(Σ_i α_y(2 − W_i) + s_d), T = Σ_i α_y(1 − W_i), α_y = 1/(G_y + 1)'
        : '1 − (2T + s_n)/(2T + Σ_i W_i + s_d), T = Σ_i α_y(1 − W_i), α_y = 1, 0 for class 0',
      own: { distances: given.distances, weighting, smooth },
      given,
    },
  );
}
