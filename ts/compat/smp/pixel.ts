import {
  boolean,
  checkOptions,
  number,
  numberOrNumbers,
  numbers,
  oneOf,
  refuse,
} from '../../check/options.js';
import { pixelTermLoss, wholeLoss } from '../../define.js';
import { normalizedByClass } from '../../family/normalized.js';
import { binaryCrossEntropyLoss } from '../../loss/binary-cross-entropy.js';
import { crossEntropyLoss } from '../../loss/cross-entropy.js';
import { focalKernels, focalLoss } from '../../loss/focal.js';
import { lovaszHingeLoss } from '../../loss/lovasz-hinge.js';
import { lovaszSoftmaxLoss } from '../../loss/lovasz-softmax.js';
import type { Loss } from '../../types.js';
import { only, orNone, type PeerReduction, REDUCTION, reductionOf } from '../peer.js';
import { reading } from '../reading.js';
import {
  activationOf,
  CLASS_WEIGHTS,
  COMMON,
  EPS,
  IGNORE_INDEX,
  needsMode,
  refuseClasses,
  type SmpMode,
} from './options.js';

/** Options of smp's `FocalLoss`. */
export interface SmpFocalOptions {
  readonly mode: SmpMode;
  /** Weight of positives, negatives get 1 − alpha; default none. */
  readonly alpha?: number | null | undefined;
  /** Power of 1 − p, ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** Pixels, of channels by themselves elements, of this label count nowhere; default none. */
  readonly ignore_index?: number | null | undefined;
  /** Default `true`; `false`: the prediction is probabilities, but not in mode 'multiclass'. */
  readonly from_logits?: boolean | undefined;
  /** What given probabilities are kept away from 0 and 1 there; no effect here. */
  readonly eps?: number | undefined;
  /** Of several channels 'none' is the mean as well. 'batchwise_mean' only in mode 'binary', where it is the sum. */
  readonly reduction?: PeerReduction | 'batchwise_mean' | undefined;
  /** Divides a class's losses by the sum of their focal factors; default `false`. */
  readonly normalized?: boolean | undefined;
  /** In (0, 1]: below this p a pixel keeps its whole loss; default none. */
  readonly reduced_threshold?: number | null | undefined;
  /** One weight a class of a weighted mean; default none. */
  readonly class_weights?: readonly number[] | null | undefined;
}

/**
 * smp's `FocalLoss`: of independent channels in every mode, the mean over classes of each class's.
 *
 * Formula: −α g (1−p)^γ ln p − (1−α)(1−g) p^γ ln(1−p), the mean over elements. It is `focalLoss({ activation: 'sigmoid',
 * alpha, gamma, ignoreIndex: ignore_index, normalized, reducedThreshold: reduced_threshold })`, with `class_weights`
 * `classWeights` and `normalizer: 'weights'`. Of several channels 'sum' is the mean over classes of their sums, and
 * `normalized` divides each class by its own factors: losses of its own.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map (multiclass), else of the prediction's length.
 * Range: [0, ∞) nats.
 * Numerics: as `focalLoss`; against smp in f64 in `test/compat.test.ts`. Its own form comes back with
 * `lossFromJSON(json, { losses: { FocalLoss } })`.
 * Errors: as every loss; `TypeError` without a mode; `RangeError` for classes' weights in binary mode, for probabilities
 * in mode 'multiclass', which smp reads as p/(1 + p), and for 'batchwise_mean' of several channels.
 * Source: segmentation_models_pytorch 0.6.0, `losses.FocalLoss`, after T.-Y. Lin et al., "Focal Loss for Dense Object
 * Detection", 2017, eq. 5.
 *
 * @example
 * ```ts
 * import { FocalLoss } from 'segloss/compat/smp';
 *
 * const logits = new Float32Array([0, 4]);
 * const loss = FocalLoss({ mode: 'binary', alpha: 0.25 });
 * loss.value(logits, new Uint8Array([1, 0]), { shape: [1, 1, 2] }); // => 1.4748
 * ```
 */
export function FocalLoss(options: SmpFocalOptions): Loss {
  const given = checkOptions<Partial<SmpFocalOptions>>('FocalLoss', options, {
    ...COMMON,
    alpha: orNone(number({ min: 0, max: 1 })),
    gamma: number({ min: 0 }),
    eps: EPS,
    reduction: oneOf('none', 'mean', 'sum', 'batchwise_mean'),
    normalized: boolean,
    reduced_threshold: orNone(number({ min: 0, max: 1 })),
    class_weights: CLASS_WEIGHTS,
  });
  const {
    mode,
    ignore_index,
    class_weights,
    from_logits = true,
    reduction = 'mean',
    normalized = false,
  } = given;
  needsMode('FocalLoss', mode);
  refuseClasses(mode, { class_weights });
  const several = mode !== 'binary';
  if (mode === 'multiclass' && !from_logits) {
    refuse(
      `"from_logits": false with mode 'multiclass' takes ln p for a logit, so p/(1 + p) for p; give logits`,
    );
  }
  if (several && reduction === 'batchwise_mean') {
    refuse(
      `"reduction": 'batchwise_mean' of several channels is the mean times the number of samples; use 'mean'`,
    );
  }
  const shared = {
    activation: from_logits ? 'sigmoid' : 'none',
    ignoreIndex: ignore_index ?? undefined,
    classWeights: class_weights ?? undefined,
  } as const;
  const own = {
    gamma: given.gamma ?? 2,
    alpha: given.alpha ?? undefined,
    reducedThreshold: given.reduced_threshold ?? undefined,
  };
  const summed = reduction === 'sum' || reduction === 'batchwise_mean';
  if (!several || !(summed || normalized)) {
    return focalLoss({
      ...shared,
      ...own,
      normalized,
      ...(class_weights && { normalizer: 'weights' }),
      reduction: summed ? 'sum' : 'mean',
    });
  }
  const { loss, factor } = focalKernels(own);
  const described = {
    formula: 'Σ_k w_k F_k / Σ_k w_k, F_k the focal loss of channel k',
    own: { ...own, normalized, reduction },
    options: given,
  };
  const common = { ...shared, reduction: reductionOf(summed ? 'sum' : 'mean') };
  if (normalized)
    return wholeLoss('FocalLoss', common, { ...described, run: normalizedByClass(common, loss, factor) });
  return pixelTermLoss('FocalLoss', common, {
    ...described,
    ...loss,
    fill: (table, classes, activation, scale) => {
      loss.fill(table, classes, activation, scale / classes.weights.reduce((sum, w) => sum + w, 0));
    },
  });
}

/** Options of smp's `LovaszLoss`. */
export interface SmpLovaszOptions {
  readonly mode: SmpMode;
  /** Each sample by itself; default `false`: the batch as one. */
  readonly per_image?: boolean | undefined;
  /** Pixels, of channels by themselves elements, of this label count nowhere; default none. */
  readonly ignore_index?: number | null | undefined;
  /** No effect, as there: the prediction is logits. */
  readonly from_logits?: boolean | undefined;
}

/**
 * smp's `LovaszLoss`: Lovász-softmax in mode 'multiclass', else the Lovász hinge.
 *
 * Formula: that of `lovaszSoftmaxLoss({ aggregate: per_image ? 'sample' : 'batch', ignoreIndex: ignore_index })` or of
 * `lovaszHingeLoss` with the same. In mode 'multilabel' all channels are ranked as one: a loss of its own.
 * Shapes: prediction `[N, C, ...spatial]`, logits; target a label map (multiclass), else of the prediction's length.
 * Range: [0, 1] for softmax, [0, ∞) for the hinge, no unit.
 * Numerics: as those losses; against smp in f64 in `test/compat.test.ts`. Its own form comes back with
 * `lossFromJSON(json, { losses: { LovaszLoss } })`.
 * Errors: as every loss; `TypeError` without a mode.
 * Source: segmentation_models_pytorch 0.6.0, `losses.LovaszLoss`, after M. Berman, A. R. Triki, M. B. Blaschko, "The
 * Lovász-Softmax Loss", 2018.
 *
 * @example
 * ```ts
 * import { LovaszLoss } from 'segloss/compat/smp';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * const loss = LovaszLoss({ mode: 'multiclass' });
 * loss.value(logits, new Uint8Array([0, 1]), { shape: [1, 2, 2] }); // => 0.2315
 * ```
 */
export function LovaszLoss(options: SmpLovaszOptions): Loss {
  const rules = { ...COMMON, per_image: boolean };
  const given = checkOptions<Partial<SmpLovaszOptions>>('LovaszLoss', options, rules);
  const { mode, per_image = false, ignore_index } = given;
  needsMode('LovaszLoss', mode);
  const aggregate = per_image ? 'sample' : 'batch';
  const ignoreIndex = ignore_index ?? undefined;
  if (mode === 'multiclass')
    return lovaszSoftmaxLoss({ aggregate, ignoreIndex, activation: activationOf(mode, true) });
  const hinge = lovaszHingeLoss({ aggregate, ignoreIndex });
  if (mode === 'binary') return hinge;
  return reading('LovaszLoss', given, hinge, (target, call) => {
    const [samples = 0, ...rest] = call.shape;
    return [target, { ...call, shape: [samples, 1, ...rest] }];
  });
}

/** Options of smp's `SoftBCEWithLogitsLoss`. */
export interface SmpSoftBCEOptions {
  /** One weight a channel; default none. */
  readonly weight?: readonly number[] | null | undefined;
  /** Elements of this value have no loss; default −100. */
  readonly ignore_index?: number | null | undefined;
  readonly reduction?: PeerReduction | undefined;
  /** In [0, 0.5): g(1−s) + (1−g)s, twice the usual label smoothing; default none. */
  readonly smooth_factor?: number | null | undefined;
  /** Weight of the positives, one for all channels or one a channel; default none. */
  readonly pos_weight?: number | readonly number[] | null | undefined;
}

/**
 * smp's `SoftBCEWithLogitsLoss`: the mean is over all elements, ignored ones too.
 *
 * Formula: w_k (β_k g' softplus(−z) + (1−g') softplus(z)), g' = g(1−s) + (1−g)s, s = `smooth_factor`. It is
 * `binaryCrossEntropyLoss({ classWeights: weight, positiveWeight: pos_weight, labelSmoothing: 2 * smooth_factor,
 * smoothedWeights: true, ignoreIndex: ignore_index, normalizer: 'all' })`.
 * Shapes: prediction `[N, C, ...spatial]`; target of the same length in [0, 1].
 * Range: [0, ∞) nats.
 * Numerics: as `binaryCrossEntropyLoss`; against smp in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for a smooth_factor of 0.5 or more.
 * Source: segmentation_models_pytorch 0.6.0, `losses.SoftBCEWithLogitsLoss`, after O. Ronneberger et al., "U-Net", 2015.
 *
 * @example
 * ```ts
 * import { SoftBCEWithLogitsLoss } from 'segloss/compat/smp';
 *
 * const logits = new Float32Array([0, 0, 2, -2]);
 * const loss = SoftBCEWithLogitsLoss({ ignore_index: 255 });
 * loss.value(logits, new Uint8Array([1, 0, 1, 255]), { shape: [1, 1, 4] }); // => 0.3783
 * ```
 */
export function SoftBCEWithLogitsLoss(options?: SmpSoftBCEOptions): Loss {
  const given = checkOptions('SoftBCEWithLogitsLoss', options, {
    weight: orNone(numbers({ min: 0 })),
    ignore_index: IGNORE_INDEX,
    reduction: REDUCTION,
    smooth_factor: orNone(number({ min: 0, below: 0.5 })),
    pos_weight: orNone(numberOrNumbers({ min: 0 })),
  });
  const { ignore_index = -100, reduction = 'mean', smooth_factor, pos_weight } = given;
  return binaryCrossEntropyLoss({
    classWeights: given.weight ?? undefined,
    positiveWeight: pos_weight ?? undefined,
    ...(smooth_factor && { labelSmoothing: 2 * smooth_factor, smoothedWeights: true }),
    ignoreIndex: ignore_index ?? undefined,
    normalizer: 'all',
    reduction: reductionOf(reduction),
  });
}

/** Options of smp's `SoftCrossEntropyLoss`. */
export interface SmpSoftCrossEntropyOptions {
  readonly reduction?: PeerReduction | undefined;
  /** In [0, 1); default none, which smp itself cannot compute with: 0 here. */
  readonly smooth_factor?: number | null | undefined;
  /** Pixels of this label have no loss; default −100. */
  readonly ignore_index?: number | null | undefined;
  /** Only 1, the default. */
  readonly dim?: 1 | undefined;
}

/**
 * smp's `SoftCrossEntropyLoss`: the mean is over all pixels, ignored ones too.
 *
 * Formula: Σ_k g'_k (lse(z) − z_k), g' = g(1−s) + s/C, s = `smooth_factor`. It is `crossEntropyLoss({ labelSmoothing:
 * smooth_factor, ignoreIndex: ignore_index, normalizer: 'all' })`.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target a label map.
 * Range: [0, ∞) nats.
 * Numerics: as `crossEntropyLoss`; against smp in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for another `dim`.
 * Source: segmentation_models_pytorch 0.6.0, `losses.SoftCrossEntropyLoss`, after C. Szegedy et al., "Rethinking the
 * Inception Architecture for Computer Vision", 2016.
 *
 * @example
 * ```ts
 * import { SoftCrossEntropyLoss } from 'segloss/compat/smp';
 *
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // class 0 of three pixels, then class 1
 * const loss = SoftCrossEntropyLoss({ smooth_factor: 0, ignore_index: 255 });
 * loss.value(logits, new Uint8Array([0, 255, 1]), { shape: [1, 2, 3] }); // => 0.0585
 * ```
 */
export function SoftCrossEntropyLoss(options?: SmpSoftCrossEntropyOptions): Loss {
  const given = checkOptions('SoftCrossEntropyLoss', options, {
    reduction: REDUCTION,
    smooth_factor: orNone(number({ min: 0, below: 1 })),
    ignore_index: IGNORE_INDEX,
    dim: only(1, 'the channels of [N, C, ...spatial]'),
  });
  const { ignore_index = -100, reduction = 'mean' } = given;
  return crossEntropyLoss({
    labelSmoothing: given.smooth_factor ?? undefined,
    ignoreIndex: ignore_index ?? undefined,
    normalizer: 'all',
    reduction: reductionOf(reduction),
  });
}
