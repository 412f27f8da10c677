import { checkOptions, number, oneOf } from '../../check/options.js';
import { clDiceLoss } from '../../geometric/cl-dice.js';
import { diceLoss } from '../../loss/dice.js';
import { weightedSum } from '../../loss/weighted-sum.js';
import type { Loss, RegionOptions } from '../../types.js';
import { type MonaiRegionOptions, REGION, regionOf } from './options.js';

/** Options of MONAI's `SoftclDiceLoss`. */
export interface MonaiClDiceOptions extends Omit<MonaiRegionOptions, 'smooth_nr' | 'smooth_dr' | 'batch'> {
  /** How often the image is eroded; an integer ≥ 0, default 3. */
  readonly iter_?: number | undefined;
  /** Added to the numerators; default 1. */
  readonly smooth_nr?: number | undefined;
  /** Added to the denominators; default 1. */
  readonly smooth_dr?: number | undefined;
  /** Added to precision + sensitivity; ≥ 0, default 1e-4. */
  readonly smooth?: number | undefined;
}

/** Options of MONAI's `SoftDiceclDiceLoss`. */
export interface MonaiDiceClDiceOptions extends Omit<MonaiClDiceOptions, 'reduction'> {
  readonly reduction?: 'mean' | 'sum' | undefined;
  /** The weight of clDice, in [0, 1], that of Dice being 1 − alpha; default 0.5. */
  readonly alpha?: number | undefined;
}

const { batch: _, ...SHARED } = REGION;
const RULES = { ...SHARED, iter_: number({ min: 0, integer: true }), smooth: number({ min: 0 }) };

/** What both parts have. */
function partOf(given: MonaiClDiceOptions): RegionOptions {
  const { smooth_nr = 1, smooth_dr = 1 } = given;
  return { ...regionOf(given), smooth: { numerator: smooth_nr, denominator: smooth_dr } };
}

/** The loss of checked options. */
const clDiceOf = (given: MonaiClDiceOptions): Loss =>
  clDiceLoss({
    ...partOf(given),
    average: 'micro',
    iterations: given.iter_,
    harmonicSmooth: given.smooth ?? 1e-4,
  });

/**
 * MONAI's `SoftclDiceLoss`: clDice of each sample, over its classes together.
 *
 * Formula: that of `clDiceLoss` with precision and sensitivity summed over classes too: it is `clDiceLoss({ activation, average:
 * 'micro', iterations: iter_, smooth, harmonicSmooth: 1e-4, includeBackground })`.
 * Shapes: prediction `[N, C, ...spatial]` with at most three spatial dimensions; target a label map or dense.
 * Range: [0, 1), no unit.
 * Numerics: as `clDiceLoss`; against MONAI in f64 in `test/compat.test.ts`. `toJSON` is that of `clDiceLoss`:
 * `lossFromJSON(json, { losses: { clDiceLoss } })`.
 * Errors: as `clDiceLoss`; `RangeError` for `sigmoid` with `softmax` and for a callable.
 * Source: MONAI 1.6.1, `monai.losses.SoftclDiceLoss`, after S. Shit et al., "clDice - a Novel Topology-Preserving Loss
 * Function for Tubular Structure Segmentation", 2021.
 *
 * @example
 * ```ts
 * import { SoftclDiceLoss } from 'segloss/compat/monai';
 *
 * const probabilities = new Float32Array([0.1, 0.8, 0.1, 0.1, 0.3, 0.1, 0.1, 0.9, 0.1]);
 * const line = new Uint8Array([0, 1, 0, 0, 1, 0, 0, 1, 0]);
 * SoftclDiceLoss().value(probabilities, line, { shape: [1, 1, 3, 3] }); // => 0.1429
 * ```
 */
export function SoftclDiceLoss(options?: MonaiClDiceOptions): Loss {
  return clDiceOf(checkOptions('SoftclDiceLoss', options, RULES));
}

/**
 * MONAI's `SoftDiceclDiceLoss`: Dice and clDice.
 *
 * Formula: (1 − alpha)·Dice + alpha·clDice: Dice as `DiceLoss`, the mean over samples and classes, but smoothed by 1; clDice as
 * `SoftclDiceLoss`, over the classes together. It is `weightedSum([[1 − alpha, diceLoss({ smooth, … })], [alpha,
 * clDiceLoss({ smooth, average: 'micro', … })]])`.
 * Shapes: prediction `[N, C, ...spatial]` with at most three spatial dimensions; target a label map or dense.
 * Range: [0, 1), no unit.
 * Numerics: as its parts; against MONAI in f64 in `test/compat.test.ts`. `lossFromJSON(json, { losses: { clDiceLoss } })`.
 * Errors: as its parts; `RangeError` for `sigmoid` with `softmax`, a callable, and the reduction 'none', whose parts have other
 * shapes.
 * Source: MONAI 1.6.1, `monai.losses.SoftDiceclDiceLoss`, after S. Shit et al., "clDice - a Novel Topology-Preserving Loss
 * Function for Tubular Structure Segmentation", 2021, section 3.3.
 *
 * @example
 * ```ts
 * import { SoftDiceclDiceLoss } from 'segloss/compat/monai';
 *
 * const probabilities = new Float32Array([0.1, 0.8, 0.1, 0.1, 0.3, 0.1, 0.1, 0.9, 0.1]);
 * const line = new Uint8Array([0, 1, 0, 0, 1, 0, 0, 1, 0]);
 * SoftDiceclDiceLoss({ alpha: 0.3 }).value(probabilities, line, { shape: [1, 1, 3, 3] }); // => 0.2126
 * ```
 */
export function SoftDiceclDiceLoss(options?: MonaiDiceClDiceOptions): Loss {
  const rules = { ...RULES, reduction: oneOf('mean', 'sum'), alpha: number({ min: 0, max: 1 }) };
  const given = checkOptions('SoftDiceclDiceLoss', options, rules);
  const { alpha = 0.5 } = given;
  return weightedSum([
    [1 - alpha, diceLoss(partOf(given))],
    [alpha, clDiceOf(given)],
  ]);
}
