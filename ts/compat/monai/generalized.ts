import { boolean, checkOptions, number, oneOf } from '../../check/options.js';
import { matthewsScore } from '../../loss/matthews.js';
import { generalizedDiceLoss } from '../../loss/generalized-dice.js';
import { generalizedWassersteinDiceLoss } from '../../loss/generalized-wasserstein-dice.js';
import { unifiedFocalLoss } from '../../loss/unified-focal.js';
import { weightedSum } from '../../loss/weighted-sum.js';
import { sumsLoss } from '../../define.js';
import type { Loss } from '../../types.js';
import { type PeerReduction, REDUCTION, reductionOf } from '../peer.js';
import { IGNORE_INDEX, type MonaiRegionOptions, overlapOf, REGION, regionOf, smoothOf } from './options.js';

/** Options of MONAI's `GeneralizedDiceLoss`. */
export interface MonaiGeneralizedDiceOptions extends MonaiRegionOptions {
  /** The weight of a class from its size G: 1/G² (default), 1/G or 1. */
  readonly w_type?: 'square' | 'simple' | 'uniform' | undefined;
  /** The overlap of a soft label is the smaller of p and g; default `false`: their product. */
  readonly soft_label?: boolean | undefined;
}

export const W_TYPE = oneOf('square', 'simple', 'uniform');

/** The loss of checked options. */
export function generalizedDiceOf(given: MonaiGeneralizedDiceOptions): Loss {
  const [weighting, overlap] = [given.w_type, overlapOf(given)];
  return generalizedDiceLoss({ ...regionOf(given), weighting, overlap, smooth: smoothOf(given) });
}

/**
 * MONAI's `GeneralizedDiceLoss`: one ratio over the classes of a sample.
 *
 * Formula: 1 − (2 Σ_k v_k TP_k + s_n)/(Σ_k v_k (P_k + G_k) + s_d), v = 1/G², 1/G or 1; an absent class has the largest v.
 * It is `generalizedDiceLoss({ activation, aggregate: batch ? 'batch' : 'sample', weighting: w_type, overlap, smooth })`; the
 * smoothing of 1e-5, beside terms of 1/G², is MONAI's default.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1], no unit.
 * Numerics: as `generalizedDiceLoss`; against MONAI in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for `sigmoid` with `softmax` and for a callable.
 * Source: MONAI 1.6.1, `monai.losses.GeneralizedDiceLoss`, after C. H. Sudre et al., "Generalised Dice Overlap as a Deep
 * Learning Loss Function for Highly Unbalanced Segmentations", 2017, eq. 3.
 *
 * @example
 * ```ts
 * import { GeneralizedDiceLoss } from 'segloss/compat/monai';
 *
 * const probabilities = new Float32Array(8).fill(0.5); // four pixels of two classes
 * const loss = GeneralizedDiceLoss({ to_onehot_y: true });
 * loss.value(probabilities, new Uint8Array([1, 0, 0, 0]), { shape: [1, 2, 2, 2] }); // => 0.6
 * ```
 */
export function GeneralizedDiceLoss(options?: MonaiGeneralizedDiceOptions): Loss {
  const rules = { ...REGION, w_type: W_TYPE, soft_label: boolean };
  return generalizedDiceOf(checkOptions('GeneralizedDiceLoss', options, rules));
}

/** Options of MONAI's `GeneralizedWassersteinDiceLoss`. */
export interface MonaiWassersteinOptions {
  /** Row y, column c: the distance between classes y and c. */
  readonly dist_matrix: readonly (readonly number[])[];
  readonly weighting_mode?: 'default' | 'GDL' | undefined;
  readonly reduction?: PeerReduction | undefined;
  /** Added to the numerator; default 1e-5. */
  readonly smooth_nr?: number | undefined;
  /** Added to the denominator; default 1e-5. */
  readonly smooth_dr?: number | undefined;
}

/**
 * MONAI's `GeneralizedWassersteinDiceLoss`: Dice by the distances between classes.
 *
 * Formula: that of `generalizedWassersteinDiceLoss({ distances: dist_matrix, weighting, smooth })`, `'generalized'` where
 * `weighting_mode` is 'GDL'; distances over their largest.
 * Shapes: prediction `[N, C, ...spatial]`, logits; target a label map.
 * Range: [0, 1], no unit.
 * Numerics: as `generalizedWassersteinDiceLoss`; against MONAI in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` or `ShapeError` for a matrix that is no distances or not C × C.
 * Source: MONAI 1.6.1, `monai.losses.GeneralizedWassersteinDiceLoss`, after L. Fidon et al., "Generalised Wasserstein Dice
 * Score for Imbalanced Multi-class Segmentation using Holistic Convolutional Networks", 2017, eq. 6-10.
 *
 * @example
 * ```ts
 * import { GeneralizedWassersteinDiceLoss } from 'segloss/compat/monai';
 *
 * const loss = GeneralizedWassersteinDiceLoss({ dist_matrix: [[0, 1, 1], [1, 0, 0.5], [1, 0.5, 0]] });
 * const logits = new Float32Array([2, 0, 0, 0, 1, 0, 0, 0, 1]); // 3 classes of 3 pixels
 * loss.value(logits, new Uint8Array([0, 1, 2]), { shape: [1, 3, 3] }); // => 0.2373
 * ```
 */
export function GeneralizedWassersteinDiceLoss(options: MonaiWassersteinOptions): Loss {
  const given = checkOptions<Partial<MonaiWassersteinOptions>>('GeneralizedWassersteinDiceLoss', options, {
    dist_matrix: () => undefined,
    weighting_mode: oneOf('default', 'GDL'),
    reduction: REDUCTION,
    smooth_nr: number({ min: 0 }),
    smooth_dr: number({ min: 0 }),
  });
  return generalizedWassersteinDiceLoss({
    distances: given.dist_matrix as MonaiWassersteinOptions['dist_matrix'],
    weighting: given.weighting_mode === 'GDL' ? 'generalized' : 'default',
    reduction: reductionOf(given.reduction ?? 'mean'),
    smooth: smoothOf(given),
  });
}

/**
 * MONAI's `MCCLoss`: Matthews correlation coefficient of each sample and class.
 *
 * Formula: 1 − (TP·TN − FP·FN + s_n)/√((TP+FP)(TP+FN)(TN+FP)(TN+FN) + s_d), and 0 where nothing is wrong; s_n is 0 by
 * default. Without s_n and of anything but a perfect prediction it is `matthewsLoss({ activation, aggregate: batch ?
 * 'batch' : 'sample', smooth })`; it is a loss of its own here.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 2], no unit.
 * Numerics: as `matthewsLoss`; against MONAI in f64 in `test/compat.test.ts`. `lossFromJSON(json, { losses: { MCCLoss } })`
 * brings it back.
 * Errors: as every loss; `RangeError` for `sigmoid` with `softmax` and for a callable.
 * Source: MONAI 1.6.1, `monai.losses.MCCLoss`, after K. Abhishek, G. Hamarneh, "Matthews Correlation Coefficient Loss for
 * Deep Convolutional Networks: Application to Skin Lesion Segmentation", 2021, eq. 3-5.
 *
 * @example
 * ```ts
 * import { MCCLoss } from 'segloss/compat/monai';
 *
 * const probabilities = new Float32Array([1, 0, 0, 0]);
 * MCCLoss().value(probabilities, new Uint8Array([1, 1, 0, 0]), { shape: [1, 1, 4] }); // => 0.4226
 * ```
 */
export function MCCLoss(options?: MonaiRegionOptions): Loss {
  const given = checkOptions('MCCLoss', options, REGION);
  const smooth = smoothOf({ smooth_nr: 0, ...given });
  const score = matthewsScore(smooth);
  return sumsLoss('MCCLoss', regionOf(given), {
    allSums: false,
    score: (sums, partials, where) => {
      const [tp, p, g] = sums;
      if (p !== tp || g !== tp) return score(sums, partials, where);
      partials.fill(0);
      return 0;
    },
    formula: '1 − (n·TP − P·G + s_n)/√(P·G·(n−P)·(n−G) + s_d), 0 where nothing is wrong',
    own: { smooth },
    given,
  });
}

/** Options of MONAI's `AsymmetricUnifiedFocalLoss`. */
export interface MonaiUnifiedFocalOptions {
  /** The target is a label map; default `false`. Its length says so here. */
  readonly to_onehot_y?: boolean | undefined;
  /** Only 2, the default. */
  readonly num_classes?: 2 | undefined;
  /** Share of the focal part, in [0, 1]; default 0.5. */
  readonly weight?: number | undefined;
  /** In [0, 1]; default 0.5. */
  readonly gamma?: number | undefined;
  /** Weight of the foreground and of false negatives, in [0, 1]; default 0.7. */
  readonly delta?: number | undefined;
  /** Of a loss that is one number already: no effect. */
  readonly reduction?: PeerReduction | undefined;
  /** Pixels of this label have no loss, though the mean of the focal part counts them; default none. */
  readonly ignore_index?: number | null | undefined;
}

/**
 * MONAI's `AsymmetricUnifiedFocalLoss`, of probabilities: MONAI's documentation says logits, its code takes no sigmoid.
 *
 * Formula: weight·F + (1 − weight)·T, F the mean over pixels and both classes of (1−δ)(1−p_0)^γ·CE and δ·CE, T the mean
 * over samples and both classes of 1 − TI_0 and (1 − TI_1)^(1−γ). Since F is half of the package's, it is
 * c·unifiedFocalLoss({ activation: 'none', meanOver: 'pixels', weight: weight/2/c, delta, gamma, smooth: 1e-7 }), c = 1 −
 * weight/2.
 * Shapes: prediction `[N, 2, ...spatial]` or `[N, 1, ...spatial]`; target a label map or dense.
 * Range: [0, ∞), no unit.
 * Numerics: as `unifiedFocalLoss`; probabilities are not clamped to [1e-7, 1 − 1e-7] as MONAI's are; against MONAI in f64
 * in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for num_classes other than 2 and for a share outside [0, 1].
 * Source: MONAI 1.6.1, `monai.losses.AsymmetricUnifiedFocalLoss`, after M. Yeung et al., "Unified Focal Loss: Generalising
 * Dice and Cross Entropy-based Losses to Handle Class Imbalanced Medical Image Segmentation", 2022.
 *
 * @example
 * ```ts
 * import { AsymmetricUnifiedFocalLoss } from 'segloss/compat/monai';
 *
 * const probabilities = new Float32Array([0.8, 0.5, 0.2, 0.5]); // 2 classes of 2 pixels
 * const loss = AsymmetricUnifiedFocalLoss({ to_onehot_y: true });
 * loss.value(probabilities, new Uint8Array([0, 1]), { shape: [1, 2, 2] }); // => 0.2987
 * ```
 */
export function AsymmetricUnifiedFocalLoss(options?: MonaiUnifiedFocalOptions): Loss {
  const share = number({ min: 0, max: 1 });
  const given = checkOptions('AsymmetricUnifiedFocalLoss', options, {
    to_onehot_y: boolean,
    num_classes: number({ min: 2, max: 2, integer: true }),
    weight: share,
    gamma: share,
    delta: share,
    reduction: REDUCTION,
    ignore_index: IGNORE_INDEX,
  });
  const { weight = 0.5, gamma = 0.5, delta = 0.7, ignore_index } = given;
  const factor = 1 - weight / 2;
  const loss = unifiedFocalLoss({
    activation: 'none',
    ignoreIndex: ignore_index ?? undefined,
    normalizer: 'all',
    meanOver: 'pixels',
    weight: weight / 2 / factor,
    delta,
    gamma,
    smooth: 1e-7,
  });
  return weightedSum([[factor, loss]]);
}
