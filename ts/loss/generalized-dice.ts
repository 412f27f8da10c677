import { checkOptions, GROUPED, oneOf, refuse, type Rule, number, TRANSFORM } from '../check/options.js';
import { checkNames } from '../check/nearest.js';
import { smoothOf, sumsLoss } from '../define.js';
import { type Curve, curveOf, scored } from '../family/score.js';
import { ROWS, type Score } from '../term.js';
import type { Loss, SharedOptions, Smooth, TransformOptions } from '../types.js';

/** Options of `generalizedDiceLoss` and `penaltyGeneralizedDiceLoss`. */
export interface GeneralizedDiceRatioOptions extends SharedOptions {
  /** One ratio per sample (default), or over the batch. */
  readonly aggregate?: 'sample' | 'batch' | undefined;
  /** Default 0: under 'square' any other swamps the large classes. */
  readonly smooth?: number | Smooth | undefined;
  /** The weight of a class from its size G: 1/G² (default), 1/G, or 1. */
  readonly weighting?: 'square' | 'simple' | 'uniform' | undefined;
  /** The weight of a class with G = 0: the largest of the others (default), 0, or all weights 1/(G² + epsilon). */
  readonly absentClass?: 'max' | 'zero' | { readonly epsilon: number } | undefined;
}

const absentClass: Rule = (value, name) => {
  if (typeof value === 'object' && value !== null) {
    checkNames(value, ['epsilon'], `"${name}"`);
    const { epsilon } = value as { epsilon?: unknown };
    number({ min: 0 })(epsilon, `${name}.epsilon`);
    if (epsilon === 0)
      refuse(`"${name}.epsilon" expected a number > 0, got 0; 'max' or 'zero' say what an absent class gets`);
    return;
  }
  oneOf('max', 'zero')(value, name);
};

/** Options of `generalizedDiceLoss`. */
export interface GeneralizedDiceOptions extends GeneralizedDiceRatioOptions, TransformOptions {}

export const RATIO = { ...GROUPED, weighting: oneOf('square', 'simple', 'uniform'), absentClass };
const RULES = { ...RATIO, ...TRANSFORM };

/** v of each class. */
function classSizes(
  sizes: readonly number[],
  weighting: 'square' | 'simple' | 'uniform',
  absent: 'max' | 'zero' | { readonly epsilon: number },
): number[] {
  if (weighting === 'uniform') {
    // Of an absent class: the others' 1, or 0; with no class present every v is 0.
    const present = sizes.some((g) => g !== 0);
    return sizes.map((g) => (g !== 0 || (present && absent === 'max') ? 1 : 0));
  }
  const sized = sizes.map((g) => (weighting === 'square' ? g * g : g));
  if (typeof absent === 'object') return sized.map((g) => 1 / (g + absent.epsilon));
  const finite = sized.filter((g) => g > 0).map((g) => 1 / g);
  const otherwise = absent === 'max' ? Math.max(0, ...finite) : 0;
  return sized.map((g) => (g === 0 ? otherwise : 1 / g));
}

/** One ratio over all classes, turned into a loss. */
export function generalizedDiceScore(
  weighting: 'square' | 'simple' | 'uniform',
  absent: 'max' | 'zero' | { readonly epsilon: number },
  smooth: Smooth,
  curve: Curve,
): Score {
  if (weighting === 'uniform' && typeof absent === 'object') {
    refuse(`"absentClass" { epsilon } has no meaning with weighting: 'uniform', whose weights are 1`);
  }
  // Made anew where the number of classes is another.
  let ofNumerator = new Float64Array(0);
  let ofDenominator = new Float64Array(0);
  return (sums, partials, { weights }) => {
    const of = (i: number, r: number): number => sums[i * ROWS + r] ?? 0;
    const sizes = weights.map((_, i) => of(i, 2));
    const v = classSizes(sizes, weighting, absent).map((size, i) => size * (weights[i] ?? 1));
    let [numerator, denominator] = [smooth.numerator, smooth.denominator];
    if (ofNumerator.length !== sums.length) {
      ofNumerator = new Float64Array(sums.length);
      ofDenominator = new Float64Array(sums.length);
    }
    v.forEach((w, i) => {
      ofNumerator[i * ROWS] = 2 * w;
      ofDenominator[i * ROWS + 1] = w;
      // A class of weight 0 is out, whatever its sums hold.
      if (w === 0) return;
      numerator += 2 * w * of(i, 0);
      denominator += w * (of(i, 1) + of(i, 2));
    });
    return scored(numerator, denominator, ofNumerator, ofDenominator, curve, partials);
  };
}

/**
 * Generalized Dice loss: one Dice ratio over all classes, each weighted by its size, so that small ones count as much.
 *
 * Formula: 1 − (2 Σ_k v_k TP_k + s_n)/(Σ_k v_k (P_k + G_k) + s_d); v = 1/G² (`'square'`), 1/G (`'simple'`),
 * 1 (`'uniform'`), times the class weight. A class with G = 0 takes the largest v of its group (`absentClass: 'max'`), 0
 * (`'zero'`), or all classes take v = 1/(G² + ε) or 1/(G + ε). No class present: every v 0 and the loss 0.
 * Gradient: w v_k(S − 2g)/D by p_k, S the score and D its denominator. `transform` multiplies as in `diceLoss`.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1], no unit, without smoothing.
 * Empty: a class without target adds v_k P_k to the denominator, so that `absentClass: 'max'` pushes it down as hard as
 * the smallest class present, 'zero' not at all. Every class absent: 0.
 * Weights: ignored and masked pixels, and those of weight 0, are in no sum. Pixel weights multiply a pixel's part of
 * every sum, G in v too; sample weights weigh the samples' losses, or under `aggregate: 'batch'` their pixels; class
 * weights multiply v_k.
 * Numerics: v depends on the target alone and is constant for the gradient; f64 throughout (`test/gradient.test.ts`).
 * Errors: `RangeError` for `{ epsilon }` with `'uniform'`; `TypeError` for `average`, `emptyClass` and `classWeighting`,
 * which have no meaning in one ratio.
 * Source: C. H. Sudre, W. Li, T. Vercauteren, S. Ourselin, M. J. Cardoso, "Generalised Dice Overlap as a Deep Learning
 * Loss Function for Highly Unbalanced Segmentations", 2017, eq. 3.
 *
 * @example
 * ```ts
 * import { generalizedDiceLoss } from 'segloss';
 *
 * const logits = new Float32Array([0, 0, 0, 0, 0, 0, 0, 0]); // 2 classes of 4 pixels
 * const labels = new Uint8Array([1, 0, 0, 0]);
 * generalizedDiceLoss().value(logits, labels, { shape: [1, 2, 2, 2] }); // => 0.6
 * ```
 */
export function generalizedDiceLoss(options?: GeneralizedDiceOptions): Loss {
  const name = 'generalizedDiceLoss';
  const given = checkOptions(name, options, RULES);
  const {
    weighting = 'square',
    absentClass: absent = 'max',
    transform = 'oneMinus',
    overlap = 'product',
  } = given;
  const smooth = smoothOf(given.smooth, 0);
  return sumsLoss(name, given, {
    allSums: false,
    joint: true,
    score: generalizedDiceScore(weighting, absent, smooth, curveOf(transform)),
    formula: '1 − (2 Σ_k v_k TP_k + s_n)/(Σ_k v_k (P_k + G_k) + s_d)',
    own: { weighting, absentClass: absent, smooth, transform, overlap },
  });
}
