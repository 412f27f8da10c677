/**
 * The segmentation losses of kornia under their names and parameters, value and gradient.
 *
 * A prediction holds logits, `[N, C, ...spatial]`; a target labels, `[N, ...spatial]`. `null` is Python's None, `weight` and
 * `pos_weight` are one number a class. `reduction: 'none'` is read with `unreduced()`; `value` is then the mean. Where
 * kornia's loss is a setting of a loss of the package, its `toJSON` is that loss's; the others come back with
 * `lossFromJSON(json, { losses: { [name]: factory } })`.
 *
 * @module
 */
import { checkOptions, number, numbers, oneOf, type Rules } from '../check/options.js';
import { sumsLoss } from '../define.js';
import { curveOf } from '../family/score.js';
import { diceLoss, overlapScore } from '../loss/dice.js';
import { focalLoss } from '../loss/focal.js';
import { generalizedDiceLoss } from '../loss/generalized-dice.js';
import { lovaszHingeLoss } from '../loss/lovasz-hinge.js';
import { lovaszSoftmaxLoss } from '../loss/lovasz-softmax.js';
import { tverskyScore } from '../loss/tversky.js';
import { weightedSum } from '../loss/weighted-sum.js';
import type { Loss, Unreduced } from '../types.js';
import { averaged, ofPresent } from './joint.js';
import { orNone, type PeerReduction, REDUCTION, reductionOf, required } from './peer.js';
import { foundBy, settledLoss } from './settled.js';

const positive = number({ min: 0 });
const share = number({ min: 0, max: 1 });
const weight = orNone(numbers({ min: 0 }));
const ignore_index = orNone(number({ integer: true }));

/** The option of kornia's losses of labels. */
export interface KorniaIgnoreOptions {
  /** Pixels of this label are left out; default −100, `null` none. */
  readonly ignore_index?: number | null | undefined;
}

/** The ignored label in the package's words. */
const ignoring = ({ ignore_index: label = -100 }: KorniaIgnoreOptions): { ignoreIndex?: number } =>
  label === null ? {} : { ignoreIndex: label };

/** Options of kornia's `dice_loss`. */
export interface KorniaDiceOptions extends KorniaIgnoreOptions {
  /** `'micro'` (default): one ratio of all classes; `'macro'`: the mean of the classes that have a pixel. */
  readonly average?: 'micro' | 'macro' | undefined;
  /** Added to the denominator, ≥ 0; default 1e-8. */
  readonly eps?: number | undefined;
  /** One weight a class; default none. */
  readonly weight?: readonly number[] | null | undefined;
}

/**
 * kornia's `dice_loss`.
 *
 * Formula: `'micro'` per sample 1 − 2 Σ_k w_k TP_k/(Σ_k w_k (P_k + G_k) + eps), which over the classes of a softmax is 1 less
 * the mean probability of the label: `diceLoss({ activation: 'softmax', average: 'micro', emptyClass: 'one', smooth: {
 * numerator: 0, denominator: eps }, ignoreIndex })`, with weights `generalizedDiceLoss({ weighting: 'uniform', classWeights,
 * … })`. `'macro'`: Σ_k w_k L_k/Σ_k w_k over the classes with a pixel in the sample, L_k = 1 − 2TP/(P + G + eps). Then the mean
 * over samples; one without any counted pixel has loss 1 and no gradient, where `emptyClass: 'skip'` would leave it out.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target `[N, ...spatial]`.
 * Range: [0, 1], no unit.
 * Numerics: as `diceLoss`; against kornia in f64 in `test/compat.test.ts`.
 * Errors: as every loss. Where every pixel of the batch is ignored the loss is 0, kornia's 1; likewise of a weighted
 * sample with `eps: 0`.
 * Source: kornia 0.9.0, `kornia.losses.dice_loss`, after F. Milletari et al., "V-Net", 2016.
 *
 * @example
 * ```ts
 * import { dice_loss } from 'segloss/compat/kornia';
 *
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // class 0 of three pixels, then class 1
 * const labels = new Uint8Array([0, 0, 1]);
 * const call = { shape: [1, 2, 3] };
 * dice_loss({ average: 'micro' }).value(logits, labels, call); // => 0.2222
 * dice_loss({ average: 'macro' }).value(logits, labels, call); // => 0.2268
 * ```
 */
export function dice_loss(options?: KorniaDiceOptions): Loss {
  const name = 'dice_loss';
  const rules: Rules = { average: oneOf('micro', 'macro'), eps: positive, weight, ignore_index };
  const given = checkOptions(name, options, rules);
  const smooth = { numerator: 0, denominator: given.eps ?? 1e-8 };
  const shared = { activation: 'softmax', ...ignoring(given) } as const;
  const weights = given.weight ? { classWeights: given.weight } : {};
  if (given.average === 'macro') {
    return sumsLoss(
      name,
      { ...shared, ...weights },
      {
        allSums: false,
        joint: true,
        score: averaged({
          score: overlapScore(1, smooth, curveOf('oneMinus')),
          shares: ofPresent,
          otherwise: 1,
        }),
        formula: '1 − 2TP/(P + G + eps), the mean by weight over the classes with a pixel',
        own: { average: 'macro', eps: smooth.denominator },
        given,
      },
    );
  }
  if (!given.weight) return diceLoss({ ...shared, average: 'micro', emptyClass: 'one', smooth });
  return generalizedDiceLoss({ ...shared, ...weights, weighting: 'uniform', smooth });
}

/** Options of kornia's `tversky_loss`. */
export interface KorniaTverskyOptions extends KorniaIgnoreOptions {
  /** Weight of the false positives, ≥ 0. */
  readonly alpha: number;
  /** Weight of the false negatives, ≥ 0. */
  readonly beta: number;
  /** Added to the denominator, ≥ 0; default 1e-8. */
  readonly eps?: number | undefined;
}

/**
 * kornia's `tversky_loss`.
 *
 * Formula: per sample the mean of 1 − TP/(TP + alpha·FP + beta·FN + eps) over the classes with a pixel, then over samples:
 * `tverskyLoss({ fpWeight: alpha, fnWeight: beta, emptyClass: 'skip', … })`, but that a sample without any counted pixel has
 * loss 1 and is not left out.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target `[N, ...spatial]`.
 * Range: [0, 1], no unit.
 * Numerics: as `tverskyLoss`; against kornia in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `TypeError` without alpha or beta. Where every pixel of the batch is ignored the loss is 0, kornia's 1.
 * Source: kornia 0.9.0, `kornia.losses.tversky_loss`, after S. S. M. Salehi et al., 2017, eq. 3.
 *
 * @example
 * ```ts
 * import { tversky_loss } from 'segloss/compat/kornia';
 *
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // class 0 of three pixels, then class 1
 * const labels = new Uint8Array([0, 0, 1]);
 * tversky_loss({ alpha: 0.3, beta: 0.7 }).value(logits, labels, { shape: [1, 2, 3] }); // => 0.2159
 * ```
 */
export function tversky_loss(options: KorniaTverskyOptions): Loss {
  const name = 'tversky_loss';
  const rules: Rules = { alpha: positive, beta: positive, eps: positive, ignore_index };
  const given = checkOptions<KorniaTverskyOptions>(name, options, rules);
  const { alpha, beta, eps = 1e-8 } = given;
  required(alpha, 'alpha', name);
  required(beta, 'beta', name);
  const score = tverskyScore(alpha, beta, { numerator: 0, denominator: eps }, 'oneMinus');
  return sumsLoss(
    name,
    { activation: 'softmax', ...ignoring(given) },
    {
      allSums: false,
      joint: true,
      score: averaged({ score, shares: ofPresent, otherwise: 1 }),
      formula: '1 − TP/(TP + alpha·FP + beta·FN + eps), the mean over the classes with a pixel',
      own: { alpha, beta, eps },
      given,
    },
  );
}

/** Options of kornia's `focal_loss`. */
export interface KorniaFocalOptions extends KorniaIgnoreOptions {
  /** Weight of the classes 1…C−1, class 0 gets 1 − alpha, in [0, 1]; `null`: no weights. */
  readonly alpha: number | null;
  /** Power of 1 − p, ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** Default 'none'. */
  readonly reduction?: PeerReduction | undefined;
  /** One weight a class; default none. */
  readonly weight?: readonly number[] | null | undefined;
}

/** One loss a pixel, in the plane of the pixel's class. */
function inPlanes(
  { data }: Unreduced,
  labels: ArrayLike<number>,
  shape: readonly number[],
  last: boolean,
): Unreduced {
  const channels = (last ? shape.at(-1) : shape[1]) ?? 1;
  const pixels = data.length / (shape[0] ?? 1);
  const planes = new Float32Array(data.length * channels);
  data.forEach((loss, at) => {
    const label = labels[at] ?? 0;
    const b = Math.floor(at / pixels);
    const to = last ? at * channels + label : (b * channels + label) * pixels + (at % pixels);
    // An ignored label is no class.
    if (loss !== 0) planes[to] = loss;
  });
  return { data: planes, shape: [...shape] };
}

/**
 * kornia's `focal_loss`. As there the reduction is 'none' unless given, and `alpha` has no default.
 *
 * Formula: −α_y w_y (1−p_y)^γ ln p_y, α_0 = 1 − alpha, α_k = alpha; the mean divides by the number of all entries, C times the
 * pixels, ignored ones too. Under `'sum'`, and C times the mean, it is `focalLoss({ activation: 'softmax', gamma, alpha:
 * [1 − alpha, alpha, …], classWeights: weight, normalizer: 'all', ignoreIndex })`.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target `[N, ...spatial]`; unreduced as the prediction, 0 but for the
 * pixel's class.
 * Range: [0, ∞) nats.
 * Numerics: as `focalLoss`; against kornia in f64 in `test/compat.test.ts`. Does not merge, since it is known by a call how
 * many classes there are. `toJSON` has this name and these options.
 * Errors: as every loss; `TypeError` without alpha, `RangeError` for one outside [0, 1].
 * Source: kornia 0.9.0, `kornia.losses.focal_loss`, after T.-Y. Lin et al., "Focal Loss for Dense Object Detection", 2017.
 *
 * @example
 * ```ts
 * import { focal_loss } from 'segloss/compat/kornia';
 *
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // class 0 of three pixels, then class 1
 * const loss = focal_loss({ alpha: 0.25, reduction: 'mean', ignore_index: 255 });
 * loss.value(logits, new Uint8Array([0, 255, 1]), { shape: [1, 2, 3] }); // => 0.0002
 * ```
 */
export function focal_loss(options: KorniaFocalOptions): Loss {
  const name = 'focal_loss';
  const given = checkOptions<KorniaFocalOptions>(name, options, {
    alpha: orNone(share),
    gamma: positive,
    reduction: REDUCTION,
    weight,
    ignore_index,
  });
  const { alpha, gamma = 2, reduction = 'none' } = given;
  required(alpha, 'alpha', name);
  const shared = { activation: 'softmax', reduction: reductionOf(reduction), ...ignoring(given) } as const;
  return settledLoss(name, shared, {
    given,
    formula: '−α_y w_y (1−p_y)^γ ln p_y, the mean over all entries of the prediction',
    find: (call, term) => {
      const { channels, target, shape } = call;
      const loss = focalLoss({
        ...shared,
        gamma,
        ...(alpha !== null && {
          alpha: Array.from({ length: channels }, (_, k) => (k === 0 ? 1 - alpha : alpha)),
        }),
        ...(given.weight && { classWeights: given.weight }),
        normalizer: 'all',
      });
      const factor = reduction === 'sum' ? 1 : 1 / channels;
      const last = term.dataFormat === 'channelsLast';
      return foundBy(loss, call, term, factor, (each) => inPlanes(each, target, shape, last));
    },
  });
}

/** Options of kornia's `binary_focal_loss_with_logits`. */
export interface KorniaBinaryFocalOptions extends KorniaIgnoreOptions {
  /** Weight of the positives, negatives get 1 − alpha, in [0, 1]; `null`: no weights. Default 0.25. */
  readonly alpha?: number | null | undefined;
  /** Power of 1 − p_t, ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** Default 'none'. */
  readonly reduction?: PeerReduction | undefined;
  /** One further weight of the positives a channel; default none. */
  readonly pos_weight?: readonly number[] | null | undefined;
  /** One weight a channel; default none. */
  readonly weight?: readonly number[] | null | undefined;
}

/**
 * kornia's `binary_focal_loss_with_logits`. As there the reduction is 'none' unless given.
 *
 * Formula: w_k (−α β_k g (1−p)^γ ln p − (1−α)(1−g) p^γ ln(1−p)), β = `pos_weight`; the mean divides by the number of all
 * elements, ignored ones too: `focalLoss({ activation: 'sigmoid', gamma, alpha, classWeights: weight, normalizer: 'all',
 * ignoreIndex })`. With `pos_weight`, alpha there is αβ/(αβ + 1 − α) and the class weight w(αβ + 1 − α).
 * Shapes: prediction and target `[N, C, ...spatial]`, the target in [0, 1] or `ignore_index`; unreduced likewise.
 * Range: [0, ∞) nats.
 * Numerics: as `focalLoss`, whose `toJSON` it has; against kornia in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for `pos_weight` or `weight` of another length than C.
 * Source: kornia 0.9.0, `kornia.losses.binary_focal_loss_with_logits`, after T.-Y. Lin et al., 2017, eq. 5.
 *
 * @example
 * ```ts
 * import { binary_focal_loss_with_logits } from 'segloss/compat/kornia';
 *
 * const logits = new Float32Array([0, 4]);
 * const loss = binary_focal_loss_with_logits({ reduction: 'mean' });
 * loss.value(logits, new Uint8Array([1, 0]), { shape: [1, 1, 2] }); // => 1.4748
 * ```
 */
export function binary_focal_loss_with_logits(options?: KorniaBinaryFocalOptions): Loss {
  const given = checkOptions('binary_focal_loss_with_logits', options, {
    alpha: orNone(share),
    gamma: positive,
    reduction: REDUCTION,
    pos_weight: weight,
    weight,
    ignore_index,
  });
  const { alpha = 0.25, gamma = 2, reduction = 'none', pos_weight: positives, weight: weights } = given;
  const shared = {
    activation: 'sigmoid',
    gamma,
    reduction: reductionOf(reduction),
    normalizer: 'all',
    ...ignoring(given),
  } as const;
  if (!positives) {
    return focalLoss({
      ...shared,
      ...(alpha !== null && { alpha }),
      ...(weights && { classWeights: weights }),
    });
  }
  const [yes, no] = alpha === null ? [1, 1] : [alpha, 1 - alpha];
  const both = positives.map((beta) => yes * beta + no);
  return focalLoss({
    ...shared,
    alpha: positives.map((beta, k) => (both[k] ? (yes * beta) / both[k] : 0)),
    classWeights: both.map((sum, k) => sum * (weights ? (weights[k] ?? 1) : 1)),
  });
}

/**
 * kornia's `lovasz_hinge_loss`: `lovaszHingeLoss()`.
 *
 * Formula: the Lovász extension of the Jaccard loss at max(0, 1 − z(2g − 1)), per sample, then the mean.
 * Shapes: prediction `[N, 1, ...spatial]`; target `[N, ...spatial]`, 0 or 1.
 * Range: [0, ∞), no unit.
 * Numerics: as `lovaszHingeLoss`, whose `toJSON` it has; against kornia in f64 in `test/compat.test.ts`.
 * Errors: as every loss; there are no options.
 * Source: kornia 0.9.0, `kornia.losses.lovasz_hinge_loss`, after M. Berman et al., 2018.
 *
 * @example
 * ```ts
 * import { lovasz_hinge_loss } from 'segloss/compat/kornia';
 *
 * const logits = new Float32Array([2, -1, 0.5, -2]);
 * lovasz_hinge_loss().value(logits, new Uint8Array([1, 1, 0, 0]), { shape: [1, 1, 2, 2] }); // => 1.25
 * ```
 */
export function lovasz_hinge_loss(options?: object): Loss {
  checkOptions('lovasz_hinge_loss', options, {});
  return lovaszHingeLoss({ activation: 'sigmoid' });
}

/** Options of kornia's `lovasz_softmax_loss`. */
export interface KorniaLovaszSoftmaxOptions {
  /** One weight a class, which multiplies its loss and divides nothing; default none. */
  readonly weight?: readonly number[] | null | undefined;
}

/**
 * kornia's `lovasz_softmax_loss`.
 *
 * Formula: the Lovász extension of the Jaccard loss at |g − p| per sample and class, times w_k, the mean over all C classes,
 * absent ones too, then over samples: `lovaszSoftmaxLoss({ activation: 'softmax', present: false })`. With weights that is
 * Σw/C times the same with `classWeights`, a `weightedSum`.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target `[N, ...spatial]`.
 * Range: [0, 1] times the largest weight, no unit.
 * Numerics: as `lovaszSoftmaxLoss`; against kornia in f64 in `test/compat.test.ts`. `toJSON` is that of the losses named.
 * Errors: as every loss; `RangeError` for `weight` of another length than C.
 * Source: kornia 0.9.0, `kornia.losses.lovasz_softmax_loss`, after M. Berman et al., 2018.
 *
 * @example
 * ```ts
 * import { lovasz_softmax_loss } from 'segloss/compat/kornia';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * lovasz_softmax_loss({ weight: [1, 3] }).value(logits, new Uint8Array([0, 1]), { shape: [1, 2, 2] }); // => 0.5004
 * ```
 */
export function lovasz_softmax_loss(options?: KorniaLovaszSoftmaxOptions): Loss {
  const { weight: weights } = checkOptions('lovasz_softmax_loss', options, { weight });
  const shared = { activation: 'softmax', present: false } as const;
  if (!weights) return lovaszSoftmaxLoss(shared);
  const mean = weights.reduce((a, b) => a + b, 0) / weights.length;
  return weightedSum([[mean, lovaszSoftmaxLoss({ ...shared, classWeights: weights })]]);
}
