import { boolean, checkOptions, number, type Rules, SHARED } from '../../check/options.js';
import { sumsLoss } from '../../define.js';
import { type Curve, curveOf, scored } from '../../family/score.js';
import { diceLoss } from '../../loss/dice.js';
import { jaccardLoss } from '../../loss/jaccard.js';
import { matthewsScore } from '../../loss/matthews.js';
import { tverskyLoss } from '../../loss/tversky.js';
import { ROWS, type Score } from '../../term.js';
import type { Loss } from '../../types.js';
import { orNone } from '../peer.js';
import {
  activationOf,
  CLASS_WEIGHTS,
  COMMON,
  EPS,
  needsMode,
  refuseClasses,
  type SmpMode,
} from './options.js';

/** Options of smp's `DiceLoss` and `JaccardLoss`. */
export interface SmpDiceOptions {
  readonly mode: SmpMode;
  /** The classes that count; default all. */
  readonly classes?: readonly number[] | null | undefined;
  /** −ln of the score; default `false`: 1 − score. */
  readonly log_loss?: boolean | undefined;
  /** Default `true`; `false`: the prediction is probabilities. */
  readonly from_logits?: boolean | undefined;
  /** Added to overlap and denominator; default 0. */
  readonly smooth?: number | undefined;
  /** Pixels, of channels by themselves elements, of this label count nowhere; default none. */
  readonly ignore_index?: number | null | undefined;
  /** Least denominator, and under `log_loss` least score; default 1e-7. */
  readonly eps?: number | undefined;
  /** One weight a class of a weighted mean; default none. */
  readonly class_weights?: readonly number[] | null | undefined;
}

/** Options of smp's `TverskyLoss`. */
export interface SmpTverskyOptions extends SmpDiceOptions {
  /** Weight of false positives, ≥ 0; default 0.5. */
  readonly alpha?: number | undefined;
  /** Weight of false negatives, ≥ 0; default 0.5. */
  readonly beta?: number | undefined;
  /** Power of the mean over classes, ≥ 0; default 1. */
  readonly gamma?: number | undefined;
}

const positive = number({ min: 0 });
const RULES: Rules = {
  ...COMMON,
  classes: orNone((value, name) => SHARED.classes?.(value, name)),
  log_loss: boolean,
  smooth: positive,
  eps: EPS,
  class_weights: CLASS_WEIGHTS,
};
/** The package's own least score of a logarithm. */
const EPS_DEFAULT = 1e-7;

/** (Σ_k w_k L_k / Σ_k w_k)^γ, L_k the loss of smp's Tversky index, 0 for an absent class. */
function powerOfMean(given: SmpTverskyOptions): Score {
  const { alpha = 0.5, beta = 0.5, gamma = 1, smooth = 0, eps = EPS_DEFAULT, log_loss = false } = given;
  const curve: Curve = log_loss
    ? { loss: (s) => -Math.log(s < eps ? eps : s), slope: (s) => (s < eps ? 0 : -1 / s) }
    : curveOf('oneMinus');
  const ofNumerator = Float64Array.of(1);
  const ofDenominator = Float64Array.of(1 - alpha - beta, alpha, beta);
  const constant = new Float64Array();
  return (sums, partials, { weights }) => {
    const total = weights.reduce((sum, w) => sum + w, 0);
    partials.fill(0);
    let mean = 0;
    weights.forEach((w, i) => {
      const [tp = 0, p = 0, g = 0] = sums.subarray(i * ROWS, (i + 1) * ROWS);
      if (g === 0 || w === 0) return;
      const whole = tp + alpha * (p - tp) + beta * (g - tp) + smooth;
      const bounded = whole < eps;
      const own = partials.subarray(i * ROWS, (i + 1) * ROWS);
      const [bottom, ofBottom] = bounded ? [eps, constant] : [whole, ofDenominator];
      mean += (w / total) * scored(tp + smooth, bottom, ofNumerator, ofBottom, curve, own);
      for (let r = 0; r < ROWS; r++) own[r]! *= w / total;
    });
    // At a mean of 0 the slope of a power below 1 is taken as 0.
    const slope = gamma === 1 ? 1 : mean > 0 ? gamma * mean ** (gamma - 1) : 0;
    partials.forEach((partial, i) => (partials[i] = partial === 0 ? 0 : slope * partial));
    return mean ** gamma;
  };
}

/** A setting of a loss of the package, or, where `eps` or `gamma` is of one's own, a loss of its own. */
function regionOf(name: string, given: Partial<SmpTverskyOptions>, of: 'dice' | 'jaccard' | 'tversky'): Loss {
  const {
    mode,
    classes,
    class_weights,
    from_logits = true,
    smooth = 0,
    ignore_index,
    log_loss = false,
  } = given;
  needsMode(name, mode);
  refuseClasses(mode, { classes, class_weights });
  const { eps = EPS_DEFAULT, alpha = 0.5, beta = 0.5, gamma = 1 } = given;
  const options = {
    activation: activationOf(mode, from_logits),
    ignoreIndex: ignore_index ?? undefined,
    classes: classes ?? undefined,
    classWeights: class_weights ?? undefined,
    aggregate: 'batch',
    overlap: mode === 'multiclass' ? undefined : 'minimum',
  } as const;
  if (eps !== EPS_DEFAULT || gamma !== 1) {
    const sides = of === 'jaccard' ? { alpha: 1, beta: 1 } : { alpha, beta };
    return sumsLoss(name, options, {
      allSums: false,
      joint: true,
      score: powerOfMean({ ...given, mode, ...sides }),
      formula:
        '(Σ_k w_k L_k / Σ_k w_k)^gamma, L = 1 − s or −ln s of s = (TP + smooth)/max(TP + α FP + β FN + smooth, eps)',
      own: { ...sides, gamma, smooth, eps, log_loss },
      given,
    });
  }
  const region = { ...options, emptyClass: 'zero', transform: log_loss ? 'log' : 'oneMinus' } as const;
  if (of === 'dice') return diceLoss({ ...region, smooth: 2 * smooth });
  if (of === 'jaccard') return jaccardLoss({ ...region, smooth });
  return tverskyLoss({ ...region, smooth, fpWeight: alpha, fnWeight: beta });
}

/**
 * smp's `DiceLoss`: of each class over the batch, an absent class counted as 0.
 *
 * Formula: 1 − (2TP + 2·smooth)/(P + G + 2·smooth), or −ln of the score, sums over the batch; the mean over classes, the
 * loss of an absent class 0. It is `diceLoss({ activation, aggregate: 'batch', emptyClass: 'zero', classes, classWeights:
 * class_weights, ignoreIndex: ignore_index, smooth: 2 * smooth, transform })`, but for label maps with `overlap: 'minimum'`;
 * with another `eps` a loss of its own.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map (multiclass), else of the prediction's length.
 * Range: [0, 1], no unit; −ln: up to −ln eps.
 * Numerics: as `diceLoss`; against smp in f64 in `test/compat.test.ts`. Its own form comes back with
 * `lossFromJSON(json, { losses: { DiceLoss } })`.
 * Errors: as every loss; `TypeError` without a mode; `RangeError` for classes or their weights in binary mode.
 * Source: segmentation_models_pytorch 0.6.0, `losses.DiceLoss`, after F. Milletari et al., "V-Net", 2016.
 *
 * @example
 * ```ts
 * import { DiceLoss } from 'segloss/compat/smp';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * DiceLoss({ mode: 'multiclass' }).value(logits, new Uint8Array([0, 1]), { shape: [1, 2, 2] }); // => 0.1952
 * ```
 */
export function DiceLoss(options: SmpDiceOptions): Loss {
  return regionOf('DiceLoss', checkOptions<Partial<SmpDiceOptions>>('DiceLoss', options, RULES), 'dice');
}

/**
 * smp's `JaccardLoss`: of each class over the batch, an absent class counted as 0.
 *
 * Formula: 1 − (TP + smooth)/(P + G − TP + smooth), or −ln of the score, sums over the batch; the mean over classes, the
 * loss of an absent class 0. It is `jaccardLoss({ activation, aggregate: 'batch', emptyClass: 'zero', classes, classWeights:
 * class_weights, ignoreIndex: ignore_index, smooth, transform })`, but for label maps with `overlap: 'minimum'`; with another
 * `eps` a loss of its own.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map (multiclass), else of the prediction's length.
 * Range: [0, 1], no unit; −ln: up to −ln eps.
 * Numerics: as `jaccardLoss`; against smp in f64 in `test/compat.test.ts`. Its own form comes back with
 * `lossFromJSON(json, { losses: { JaccardLoss } })`.
 * Errors: as `DiceLoss`.
 * Source: segmentation_models_pytorch 0.6.0, `losses.JaccardLoss`, after M. A. Rahman, Y. Wang, 2016.
 *
 * @example
 * ```ts
 * import { JaccardLoss } from 'segloss/compat/smp';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * const loss = JaccardLoss({ mode: 'multiclass' });
 * loss.value(logits, new Uint8Array([0, 1]), { shape: [1, 2, 2] }); // => 0.3263
 * ```
 */
export function JaccardLoss(options: SmpDiceOptions): Loss {
  return regionOf(
    'JaccardLoss',
    checkOptions<Partial<SmpDiceOptions>>('JaccardLoss', options, RULES),
    'jaccard',
  );
}

/**
 * smp's `TverskyLoss`: of each class over the batch, an absent class counted as 0; `alpha` weighs what is found too much.
 *
 * Formula: (mean_k of 1 − (TP + smooth)/(TP + alpha·FP + beta·FN + smooth), or of −ln of the score)^gamma: the power is of
 * the mean, not of each class as in `focalTverskyLoss`. With gamma = 1 it is `tverskyLoss({ activation, aggregate: 'batch',
 * emptyClass: 'zero', fpWeight: alpha, fnWeight: beta, smooth, transform })`, but for label maps with `overlap: 'minimum'`, else a loss of its own.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map (multiclass), else of the prediction's length.
 * Range: [0, 1], no unit; −ln: up to −ln eps, to the power gamma.
 * Numerics: as `tverskyLoss`; where the mean is 0 a power below 1 has slope 0, not ∞; against smp in f64 in
 * `test/compat.test.ts`. Its own form comes back with `lossFromJSON(json, { losses: { TverskyLoss } })`.
 * Errors: as `DiceLoss`.
 * Source: segmentation_models_pytorch 0.6.0, `losses.TverskyLoss`, after S. S. M. Salehi et al., 2017, eq. 3.
 *
 * @example
 * ```ts
 * import { TverskyLoss } from 'segloss/compat/smp';
 *
 * const logits = new Float32Array([2, 0, -1, 0]);
 * const loss = TverskyLoss({ mode: 'binary', alpha: 0.3, beta: 0.7, gamma: 4 / 3 });
 * loss.value(logits, new Uint8Array([1, 1, 0, 0]), { shape: [1, 1, 4] }); // => 0.2232
 * ```
 */
export function TverskyLoss(options: SmpTverskyOptions): Loss {
  const rules = { ...RULES, alpha: positive, beta: positive, gamma: positive };
  return regionOf(
    'TverskyLoss',
    checkOptions<Partial<SmpTverskyOptions>>('TverskyLoss', options, rules),
    'tversky',
  );
}

/** Options of smp's `MCCLoss`. */
export interface SmpMCCOptions {
  /** Added to each of the four counts, ≥ 0; default 1e-5. */
  readonly eps?: number | undefined;
}

/**
 * smp's `MCCLoss`, of probabilities: Matthews correlation coefficient of everything in the batch.
 *
 * Formula: 1 − (TP·TN − FP·FN)/√((TP+FP)(TP+FN)(TN+FP)(TN+FN)) of counts that each have eps added. With eps = 0 it is
 * `matthewsLoss({ activation: 'none', aggregate: 'batch', average: 'micro', smooth: 0 })`; it is a loss of its own here.
 * Shapes: prediction `[N, 1, ...spatial]` of probabilities; target of the same length.
 * Range: [0, 2], no unit.
 * Numerics: as `matthewsLoss`; against smp in f64 in `test/compat.test.ts`. `lossFromJSON(json, { losses: { MCCLoss } })`
 * brings it back.
 * Errors: as every loss.
 * Source: segmentation_models_pytorch 0.6.0, `losses.MCCLoss`, after K. Abhishek, G. Hamarneh, 2021, eq. 6.
 *
 * @example
 * ```ts
 * import { MCCLoss } from 'segloss/compat/smp';
 *
 * const probabilities = new Float32Array([1, 0, 0, 0]);
 * MCCLoss().value(probabilities, new Uint8Array([1, 1, 0, 0]), { shape: [1, 1, 4] }); // => 0.4227
 * ```
 */
export function MCCLoss(options?: SmpMCCOptions): Loss {
  const given = checkOptions('MCCLoss', options, { eps: EPS });
  const { eps = 1e-5 } = given;
  const score = matthewsScore({ numerator: 0, denominator: 0 });
  return sumsLoss(
    'MCCLoss',
    { activation: 'none', aggregate: 'batch', average: 'micro' },
    {
      allSums: false,
      // Each of four counts has eps added: P and G hold two of them, n all.
      score: ([tp = 0, p = 0, g = 0, , , , , n = 0], partials, where) =>
        score(Float64Array.of(tp + eps, p + 2 * eps, g + 2 * eps, 0, 0, 0, 0, n + 4 * eps), partials, where),
      formula: '1 − (TP·TN − FP·FN)/√((TP+FP)(TP+FN)(TN+FP)(TN+FN)), each count + eps',
      own: { eps },
      given,
    },
  );
}
