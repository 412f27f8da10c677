import { boolean, checkOptions, number } from '../../check/options.js';
import { TermLoss } from '../../loss.js';
import { diceLoss } from '../../loss/dice.js';
import { jaccardLoss } from '../../loss/jaccard.js';
import { tverskyLoss } from '../../loss/tversky.js';
import type { Score, Where } from '../../term.js';
import type { Loss } from '../../types.js';
import { ignoring } from './ignore.js';
import {
  channelWeights,
  IGNORE_INDEX,
  type MonaiRegionOptions,
  type MonaiWeight,
  overlapOf,
  REGION,
  regionOf,
  smoothOf,
  WEIGHT,
} from './options.js';

/** Options of MONAI's `MaskedDiceLoss`. */
export interface MonaiMaskedDiceOptions extends MonaiRegionOptions {
  /** Squares in the denominator; default `false`. */
  readonly squared_pred?: boolean | undefined;
  /** Intersection over union; default `false`. */
  readonly jaccard?: boolean | undefined;
  readonly weight?: MonaiWeight;
  /** The overlap of a soft label is the smaller of p and g; default `false`: their product. */
  readonly soft_label?: boolean | undefined;
}

/** Options of MONAI's `DiceLoss`. */
export interface MonaiDiceOptions extends MonaiMaskedDiceOptions {
  /** Pixels of this label count nowhere; default none. */
  readonly ignore_index?: number | null | undefined;
}

export const MASKED = {
  ...REGION,
  squared_pred: boolean,
  jaccard: boolean,
  weight: WEIGHT,
  soft_label: boolean,
};

/** A weight that no option of the package is: one number for all classes, or part of a loss before the mean. */
function weighing(name: string, given: MonaiDiceOptions, loss: Loss): Loss {
  if (!(loss instanceof TermLoss)) return loss;
  const { weight, include_background } = given;
  const first = include_background === false ? 1 : 0;
  const weightOf = ({ kept, class: k }: Where): number => {
    // MONAI weighs nothing where one class counts.
    if (kept.length === 1) return 1;
    return typeof weight === 'number' ? weight : (weight?.[k - first] ?? 1);
  };
  const terms = loss.terms.map(({ weight: outer, term }) => {
    if (term.family !== 'region') return { weight: outer, term };
    const score: Score = (sums, partials, where) => {
      const [value, w] = [term.score(sums, partials, where), weightOf(where)];
      for (let i = 0; i < partials.length; i++) partials[i]! *= w;
      return w * value;
    };
    return { weight: outer, term: { ...term, score } };
  });
  const options = Object.entries(given).filter(([option]) => option in MASKED || option === 'ignore_index');
  const text = `${loss.describe()}\n  weight: ${JSON.stringify(weight)}`;
  return new TermLoss({ name, options: Object.fromEntries(options) }, terms, text);
}

/** The loss of checked options. */
export function diceOf(given: MonaiDiceOptions, ignoreIndex?: number, name = 'DiceLoss'): Loss {
  const { weight, jaccard = false, squared_pred = false, include_background } = given;
  const { numerator, denominator } = smoothOf(given);
  const list = typeof weight === 'object' && weight !== null && weight.length > 1 ? weight : undefined;
  const own = typeof weight === 'number' || (list !== undefined && given.reduction === 'none');
  const options = {
    ...regionOf(given),
    classWeights: own ? undefined : channelWeights(list, include_background),
    classWeighting: 'raw',
    ignoreIndex,
    exponent: squared_pred ? 2 : 1,
    // Under squared_pred MONAI's overlap comes to the product in any case.
    overlap: squared_pred ? undefined : overlapOf(given),
  } as const;
  const loss = jaccard
    ? jaccardLoss({ ...options, smooth: { numerator: numerator / 2, denominator: denominator / 2 } })
    : diceLoss({ ...options, smooth: { numerator, denominator } });
  return own ? weighing(name, given, loss) : loss;
}

/**
 * MONAI's `DiceLoss`: of each sample and class.
 *
 * Formula: 1 − (2TP + s_n)/(P + G + s_d), Σp² + Σg² for P + G under `squared_pred`; the mean over samples and classes,
 * a class's loss times its weight. It is `diceLoss({ activation, aggregate: batch ? 'batch' : 'sample', classWeighting:
 * 'raw', classWeights: weight, exponent: squared_pred ? 2 : 1, includeBackground, overlap, smooth })`; under `jaccard` it is
 * `jaccardLoss` with half the smoothing.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1], no unit.
 * Numerics: as `diceLoss`; against MONAI in f64 in `test/compat.test.ts`. One weight for all, and weights with 'none', make
 * it a loss of its own: `lossFromJSON(json, { losses: { DiceLoss } })`.
 * Errors: as every loss; `RangeError` for `sigmoid` with `softmax`, and for a callable.
 * Source: MONAI 1.6.1, `monai.losses.DiceLoss`, after F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net", 2016.
 *
 * @example
 * ```ts
 * import { DiceLoss } from 'segloss/compat/monai';
 *
 * const logits = new Float32Array([2, 0, -1, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * DiceLoss({ sigmoid: true, squared_pred: true }).value(logits, mask, { shape: [1, 1, 4] }); // => 0.1752
 * ```
 */
export function DiceLoss(options?: MonaiDiceOptions): Loss {
  const given = checkOptions('DiceLoss', options, { ...MASKED, ignore_index: IGNORE_INDEX });
  return ignoring('DiceLoss', given, (ignoreIndex) => diceOf(given, ignoreIndex));
}

/**
 * MONAI's `MaskedDiceLoss`: its Dice loss inside `call.mask`.
 *
 * Formula: that of `DiceLoss`, over the pixels of the mask. It is `diceLoss` with `call.mask`; MONAI's masked pixels of a
 * label map become background, and count there unless `include_background` is `false`.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense; `call.mask` `[N, ...spatial]`.
 * Range: [0, 1], no unit.
 * Numerics: as `diceLoss`; against MONAI in f64 in `test/compat.test.ts`.
 * Errors: as `DiceLoss`.
 * Source: MONAI 1.6.1, `monai.losses.MaskedDiceLoss`, after F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net", 2016.
 *
 * @example
 * ```ts
 * import { MaskedDiceLoss } from 'segloss/compat/monai';
 *
 * const logits = new Float32Array([2, 0, -1, 0]);
 * const target = new Uint8Array([1, 1, 0, 0]);
 * const call = { shape: [1, 1, 4], mask: [1, 1, 1, 0] };
 * MaskedDiceLoss({ sigmoid: true }).value(logits, target, call); // => 0.2433
 * ```
 */
export function MaskedDiceLoss(options?: MonaiMaskedDiceOptions): Loss {
  return diceOf(checkOptions('MaskedDiceLoss', options, MASKED), undefined, 'MaskedDiceLoss');
}

/** Options of MONAI's `TverskyLoss`. */
export interface MonaiTverskyOptions extends MonaiRegionOptions {
  /** Weight of false positives, ≥ 0; default 0.5. */
  readonly alpha?: number | undefined;
  /** Weight of false negatives, ≥ 0; default 0.5. */
  readonly beta?: number | undefined;
  /** The overlap of a soft label is the smaller of p and g; default `false`: their product. */
  readonly soft_label?: boolean | undefined;
  /** Pixels of this label count nowhere; default none. */
  readonly ignore_index?: number | null | undefined;
}

/**
 * MONAI's `TverskyLoss`: of each sample and class; `alpha` weighs what is found too much.
 *
 * Formula: 1 − (TP + s_n)/(TP + alpha·FP + beta·FN + s_d), the mean over samples and classes. It is
 * `tverskyLoss({ activation, aggregate: batch ? 'batch' : 'sample', fpWeight: alpha, fnWeight: beta, overlap, smooth })`.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1], no unit.
 * Numerics: as `tverskyLoss`; against MONAI in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for `sigmoid` with `softmax` and for a callable.
 * Source: MONAI 1.6.1, `monai.losses.TverskyLoss`, after S. S. M. Salehi, D. Erdogmus, A. Gholipour, "Tversky Loss
 * Function for Image Segmentation Using 3D Fully Convolutional Deep Networks", 2017, eq. 3.
 *
 * @example
 * ```ts
 * import { TverskyLoss } from 'segloss/compat/monai';
 *
 * const probabilities = new Float32Array([1, 0, 1, 0]);
 * const loss = TverskyLoss({ alpha: 0.3, beta: 0.7 });
 * loss.value(probabilities, new Uint8Array([1, 1, 0, 0]), { shape: [1, 1, 4] }); // => 0.5
 * ```
 */
export function TverskyLoss(options?: MonaiTverskyOptions): Loss {
  const positive = number({ min: 0 });
  const given = checkOptions('TverskyLoss', options, {
    ...REGION,
    alpha: positive,
    beta: positive,
    soft_label: boolean,
    ignore_index: IGNORE_INDEX,
  });
  const { alpha: fpWeight, beta: fnWeight } = given;
  return ignoring('TverskyLoss', given, (ignoreIndex) =>
    tverskyLoss({
      ...regionOf(given),
      ignoreIndex,
      fpWeight,
      fnWeight,
      overlap: overlapOf(given),
      smooth: smoothOf(given),
    }),
  );
}
