import { checkOptions, number, numbers, oneOf, refuse } from '../../check/options.js';
import { binaryCrossEntropyLoss } from '../../loss/binary-cross-entropy.js';
import { crossEntropyLoss } from '../../loss/cross-entropy.js';
import { focalLoss } from '../../loss/focal.js';
import { weightedSum } from '../../loss/weighted-sum.js';
import type { Loss } from '../../types.js';
import { only, orNone } from '../peer.js';
import { diceOf, MASKED, type MonaiMaskedDiceOptions } from './dice.js';
import { focalOf } from './focal.js';
import { generalizedDiceOf, type MonaiGeneralizedDiceOptions, W_TYPE } from './generalized.js';
import { activationOf, type MonaiRegionOptions, type MonaiWeight, REGION, WEIGHT } from './options.js';

const positive = number({ min: 0 });
const DICE = Object.fromEntries(Object.entries(MASKED).filter(([name]) => name !== 'soft_label'));
const FOCAL_SUM =
  "the sum of MONAI's focal loss is a mean over pixels, which no sum with another loss can follow";

/** The weight of the focal part that is one number, and the one that is a list. */
function factorOf(weight: MonaiWeight): [number, readonly number[] | undefined] {
  return typeof weight === 'number' ? [weight, undefined] : [1, weight ?? undefined];
}

/** Throws where Dice would read logits as probabilities. */
function needsActivation(name: string, given: MonaiRegionOptions): void {
  if (activationOf(given) === 'none') {
    refuse(`"sigmoid" or "softmax" of ${name} expected true: its other part reads logits in any case`);
  }
}

/** Options of MONAI's `DiceCELoss`. */
export interface MonaiDiceCEOptions extends Omit<
  MonaiMaskedDiceOptions,
  'soft_label' | 'weight' | 'reduction'
> {
  readonly reduction?: 'mean' | 'sum' | undefined;
  /** One weight a class, of both parts; of one channel the weight of positives in the cross-entropy. */
  readonly weight?: readonly number[] | null | undefined;
  /** Default 1. */
  readonly lambda_dice?: number | undefined;
  /** Default 1. */
  readonly lambda_ce?: number | undefined;
  /** In [0, 1), of several classes; default 0. */
  readonly label_smoothing?: number | undefined;
}

/** Cross-entropy of several channels is softmax's whatever the activation of Dice; of one channel it is binary. */
function crossEntropyOf(given: MonaiDiceCEOptions): Loss {
  const { weight, reduction, softmax, label_smoothing: labelSmoothing = 0 } = given;
  if (weight?.length === 1) return binaryCrossEntropyLoss({ reduction, positiveWeight: weight });
  // One channel or several, only the call will tell; this one is either.
  if (!softmax && !weight && labelSmoothing === 0) return focalLoss({ reduction, gamma: 0 });
  return crossEntropyLoss({
    reduction,
    ...(weight && { classWeights: weight, normalizer: 'labelWeights' }),
    ...(weight && labelSmoothing > 0 && { smoothedWeights: true }),
    labelSmoothing,
  });
}

/**
 * MONAI's `DiceCELoss`: Dice and cross-entropy.
 *
 * Formula: lambda_dice·Dice + lambda_ce·CE, Dice as `DiceLoss`, CE as torch's: softmax over several channels, also under
 * `sigmoid`, binary of one. `include_background` is Dice's alone. It is `weightedSum([[lambda_dice, diceLoss(…)],
 * [lambda_ce, crossEntropyLoss(…)]])`, with `focalLoss({ gamma: 0 })` for a cross-entropy of one channel or several.
 * Shapes: prediction `[N, C, ...spatial]`, logits; target a label map or dense.
 * Range: [0, ∞), nats beside what has no unit.
 * Numerics: as its parts; against MONAI in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` without `sigmoid` and `softmax`: the cross-entropy reads logits.
 * Source: MONAI 1.6.1, `monai.losses.DiceCELoss`, after F. Isensee et al., "nnU-Net", Nature Methods 18, 2021.
 *
 * @example
 * ```ts
 * import { DiceCELoss } from 'segloss/compat/monai';
 *
 * const loss = DiceCELoss({ softmax: true, to_onehot_y: true, lambda_ce: 0.5 });
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * loss.value(logits, new Uint8Array([0, 1]), { shape: [1, 2, 2] }); // => 0.3052
 * ```
 */
export function DiceCELoss(options?: MonaiDiceCEOptions): Loss {
  const name = 'DiceCELoss';
  const given = checkOptions(name, options, {
    ...DICE,
    reduction: oneOf('mean', 'sum'),
    weight: orNone(numbers({ min: 0 })),
    lambda_dice: positive,
    lambda_ce: positive,
    label_smoothing: number({ min: 0, below: 1 }),
  });
  needsActivation(name, given);
  const { weight, include_background, lambda_dice = 1, lambda_ce = 1 } = given;
  const several = weight && weight.length > 1;
  const ofDice = several && include_background === false ? weight.slice(1) : several ? weight : undefined;
  return weightedSum([
    [lambda_dice, diceOf({ ...given, weight: ofDice })],
    [lambda_ce, crossEntropyOf(given)],
  ]);
}

/** Options of MONAI's `DiceFocalLoss`. */
export interface MonaiDiceFocalOptions extends Omit<MonaiMaskedDiceOptions, 'soft_label' | 'reduction'> {
  /** Only 'mean'. */
  readonly reduction?: 'mean' | undefined;
  /** Power of 1 − p, ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** Default 1. */
  readonly lambda_dice?: number | undefined;
  /** Default 1. */
  readonly lambda_focal?: number | undefined;
  /** Weight of positives, negatives get 1 − alpha; default none. */
  readonly alpha?: number | null | undefined;
}

/**
 * MONAI's `DiceFocalLoss`: Dice and focal loss.
 *
 * Formula: lambda_dice·Dice + lambda_focal·F, Dice as `DiceLoss`, F as `FocalLoss`: of independent channels, also under
 * `softmax`. `include_background` and `weight` are of both. It is `weightedSum([[lambda_dice, diceLoss(…)],
 * [lambda_focal, focalLoss({ activation: 'sigmoid', … })]])`.
 * Shapes: prediction `[N, C, ...spatial]`, logits; target a label map or dense.
 * Range: [0, ∞), nats beside what has no unit.
 * Numerics: as its parts; against MONAI in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` without `sigmoid` and `softmax`, and for a reduction other than 'mean'.
 * Source: MONAI 1.6.1, `monai.losses.DiceFocalLoss`, after W. Zhu et al., "AnatomyNet", 2018.
 *
 * @example
 * ```ts
 * import { DiceFocalLoss } from 'segloss/compat/monai';
 *
 * const loss = DiceFocalLoss({ sigmoid: true, lambda_focal: 0.5 });
 * const logits = new Float32Array([2, 0, -1, 0]);
 * loss.value(logits, new Uint8Array([1, 1, 0, 0]), { shape: [1, 1, 4] }); // => 0.3809
 * ```
 */
export function DiceFocalLoss(options?: MonaiDiceFocalOptions): Loss {
  const name = 'DiceFocalLoss';
  const given = checkOptions(name, options, {
    ...DICE,
    reduction: only('mean', FOCAL_SUM),
    gamma: positive,
    lambda_dice: positive,
    lambda_focal: positive,
    alpha: orNone(number({ min: 0, max: 1 })),
  });
  needsActivation(name, given);
  const { include_background, gamma, weight, alpha, lambda_dice = 1, lambda_focal = 1 } = given;
  const [factor, list] = factorOf(weight);
  return weightedSum([
    [lambda_dice, diceOf(given)],
    [factor * lambda_focal, focalOf({ include_background, gamma, weight: list, alpha })],
  ]);
}

/** Options of MONAI's `GeneralizedDiceFocalLoss`. */
export interface MonaiGeneralizedDiceFocalOptions extends Omit<
  MonaiGeneralizedDiceOptions,
  'soft_label' | 'reduction'
> {
  /** Only 'mean'. */
  readonly reduction?: 'mean' | undefined;
  /** Power of 1 − p, ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** Of the focal part. */
  readonly weight?: MonaiWeight;
  /** Default 1. */
  readonly lambda_gdl?: number | undefined;
  /** Default 1. */
  readonly lambda_focal?: number | undefined;
}

/**
 * MONAI's `GeneralizedDiceFocalLoss`: generalized Dice and focal loss.
 *
 * Formula: lambda_gdl·GDL + lambda_focal·F, GDL as `GeneralizedDiceLoss`, F as `FocalLoss`: of independent channels, also
 * under `softmax`. It is `weightedSum([[lambda_gdl, generalizedDiceLoss(…)], [lambda_focal, focalLoss({ activation:
 * 'sigmoid', … })]])`.
 * Shapes: prediction `[N, C, ...spatial]`, logits; target a label map or dense.
 * Range: [0, ∞), nats beside what has no unit.
 * Numerics: as its parts; against MONAI in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` without `sigmoid` and `softmax`, and for a reduction other than 'mean'.
 * Source: MONAI 1.6.1, `monai.losses.GeneralizedDiceFocalLoss`, after C. H. Sudre et al., 2017, and T.-Y. Lin et al., 2017.
 *
 * @example
 * ```ts
 * import { GeneralizedDiceFocalLoss } from 'segloss/compat/monai';
 *
 * const loss = GeneralizedDiceFocalLoss({ softmax: true, to_onehot_y: true });
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * loss.value(logits, new Uint8Array([0, 1]), { shape: [1, 2, 2] }); // => 0.2868
 * ```
 */
export function GeneralizedDiceFocalLoss(options?: MonaiGeneralizedDiceFocalOptions): Loss {
  const name = 'GeneralizedDiceFocalLoss';
  const given = checkOptions(name, options, {
    ...REGION,
    reduction: only('mean', FOCAL_SUM),
    w_type: W_TYPE,
    gamma: positive,
    weight: WEIGHT,
    lambda_gdl: positive,
    lambda_focal: positive,
  });
  needsActivation(name, given);
  const { include_background, gamma, weight, lambda_gdl = 1, lambda_focal = 1 } = given;
  const [factor, list] = factorOf(weight);
  return weightedSum([
    [lambda_gdl, generalizedDiceOf(given)],
    [factor * lambda_focal, focalOf({ include_background, gamma, weight: list })],
  ]);
}
