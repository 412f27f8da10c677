import { checkOptions, number } from '../check/options.js';
import { smoothOf, sumsLoss } from '../define.js';
import type { Loss } from '../types.js';
import { type GeneralizedDiceRatioOptions, generalizedDiceScore, RATIO } from './generalized-dice.js';

/** Options of `penaltyGeneralizedDiceLoss`. */
export interface PenaltyGeneralizedDiceOptions extends GeneralizedDiceRatioOptions {
  /** How much false positives and negatives are punished beyond the generalized Dice loss, ≥ 0; default 2.5. */
  readonly k?: number | undefined;
}

const RULES = { ...RATIO, k: number({ min: 0 }) };

/**
 * Generalized Dice loss with a penalty on what is wrong: the gradient grows as the overlap gets worse.
 *
 * Formula: L/(1 + k(1 − L)), L the generalized Dice loss with all its options (`weighting`, `absentClass`, `smooth`,
 * `aggregate`); k = 0 is that loss itself.
 * Gradient: (1 + k)/(1 + k(1 − L))² times that of `generalizedDiceLoss`.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1], no unit, without smoothing.
 * Empty: as `generalizedDiceLoss`.
 * Weights: as `generalizedDiceLoss`.
 * Numerics: with s = 1 − L it is (1 − s)/(1 + k s), slope −(1 + k)/(1 + k s)², in f64 (`test/matrix.test.ts`).
 * Errors: as `generalizedDiceLoss`; `TypeError` for `transform`, since the penalty is one.
 * Source: S. Yang, J. Kweon, Y.-H. Kim, "Major Vessel Segmentation on X-ray Coronary Angiography using Deep Networks
 * with a Novel Penalty Loss Function", MIDL 2019.
 *
 * @example
 * ```ts
 * import { penaltyGeneralizedDiceLoss } from 'segloss';
 *
 * const logits = new Float32Array([0, 0, 0, 0, 0, 0, 0, 0]); // 2 classes of 4 pixels
 * const labels = new Uint8Array([1, 0, 0, 0]);
 * penaltyGeneralizedDiceLoss().value(logits, labels, { shape: [1, 2, 2, 2] }); // => 0.3
 * ```
 */
export function penaltyGeneralizedDiceLoss(options?: PenaltyGeneralizedDiceOptions): Loss {
  const name = 'penaltyGeneralizedDiceLoss';
  const given = checkOptions(name, options, RULES);
  const { weighting = 'square', absentClass = 'max', k = 2.5 } = given;
  const smooth = smoothOf(given.smooth, 0);
  return sumsLoss(name, given, {
    allSums: false,
    joint: true,
    score: generalizedDiceScore(weighting, absentClass, smooth, (s) => [
      (1 - s) / (1 + k * s),
      -(1 + k) / (1 + k * s) ** 2,
    ]),
    formula: 'L/(1 + k(1 − L)), L = 1 − (2 Σ_k v_k TP_k + s_n)/(Σ_k v_k (P_k + G_k) + s_d)',
    own: { weighting, absentClass, smooth, k },
  });
}
