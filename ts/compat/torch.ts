/**
 * The losses of torch.nn under their names and parameters, and torchvision's focal loss, value and gradient.
 *
 * A prediction is `[N, C, ...spatial]`. `null` is Python's None, `weight` and `pos_weight` are one number a class (torch's
 * tensor of shape `[C, 1, 1]` for the binary losses). `reduction: 'none'` is read with `unreduced()`; `value` is then the
 * mean. The deprecated `size_average` and `reduce` are not taken. Each is a setting of a loss of the package, and its
 * `toJSON` is that loss's. NLLLoss has no counterpart: it is given logarithms, and its gradient is not that of logits.
 *
 * @module
 */
import { checkOptions, number, numberOrNumbers, numbers } from '../check/options.js';
import { binaryCrossEntropyLoss } from '../loss/binary-cross-entropy.js';
import { crossEntropyLoss } from '../loss/cross-entropy.js';
import { focalLoss } from '../loss/focal.js';
import type { Loss } from '../types.js';
import { orNone, type PeerReduction, REDUCTION, reductionOf } from './peer.js';

export { type PeerReduction } from './peer.js';

const weight = orNone(numbers({ min: 0 }));

/** Options of torch's `CrossEntropyLoss`. */
export interface TorchCrossEntropyOptions {
  /** One weight a class; default none. */
  readonly weight?: readonly number[] | null | undefined;
  /** Pixels of this label count nowhere; default −100. */
  readonly ignore_index?: number | undefined;
  readonly reduction?: PeerReduction | undefined;
  /** In [0, 1); default 0. */
  readonly label_smoothing?: number | undefined;
}

/**
 * `torch.nn.CrossEntropyLoss`.
 *
 * Formula: Σ_k w_k g'_k (lse(z) − z_k), g' = g(1−ε) + ε/C. The mean divides by Σ w_y of a label map, by the number of
 * pixels of class probabilities. It is `crossEntropyLoss({ classWeights: weight, ignoreIndex: ignore_index, labelSmoothing:
 * label_smoothing, smoothedWeights: true, normalizer: 'labelWeights' })`.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target class indices `[N, ...spatial]` or probabilities of the
 * prediction's shape.
 * Range: [0, ∞) nats.
 * Numerics: as `crossEntropyLoss`; against torch in f64 in `test/compat.test.ts`.
 * Errors: as every loss; where everything is ignored the mean is 0, torch's NaN.
 * Source: torch 2.15.0, `torch.nn.CrossEntropyLoss`, after I. J. Good, "Rational Decisions", 1952.
 *
 * @example
 * ```ts
 * import { CrossEntropyLoss } from 'segloss/compat/torch';
 *
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // class 0 of three pixels, then class 1
 * const loss = CrossEntropyLoss({ weight: [1, 3], ignore_index: 255 });
 * loss.value(logits, new Uint8Array([0, 255, 1]), { shape: [1, 2, 3] }); // => 0.0682
 * ```
 */
export function CrossEntropyLoss(options?: TorchCrossEntropyOptions): Loss {
  const given = checkOptions('CrossEntropyLoss', options, {
    weight,
    ignore_index: number({ integer: true }),
    reduction: REDUCTION,
    label_smoothing: number({ min: 0, below: 1 }),
  });
  const { reduction = 'mean', label_smoothing: labelSmoothing = 0, ignore_index: ignoreIndex = -100 } = given;
  return crossEntropyLoss({
    ...(given.weight && { classWeights: given.weight, normalizer: 'labelWeights' }),
    ...(given.weight && labelSmoothing > 0 && { smoothedWeights: true }),
    ignoreIndex,
    labelSmoothing,
    reduction: reductionOf(reduction),
  });
}

/** Options of torch's `BCEWithLogitsLoss`. */
export interface TorchBCEWithLogitsOptions {
  /** One weight a channel; default none. */
  readonly weight?: readonly number[] | null | undefined;
  readonly reduction?: PeerReduction | undefined;
  /** Weight of the positives, one for all channels or one a channel; default none. */
  readonly pos_weight?: number | readonly number[] | null | undefined;
}

/**
 * `torch.nn.BCEWithLogitsLoss`.
 *
 * Formula: w_k (β_k g softplus(−z) + (1−g) softplus(z)), β = `pos_weight`; the mean is over all elements. It is
 * `binaryCrossEntropyLoss({ classWeights: weight, positiveWeight: pos_weight })`.
 * Shapes: prediction `[N, C, ...spatial]`; target of the same length in [0, 1].
 * Range: [0, ∞) nats.
 * Numerics: as `binaryCrossEntropyLoss`; against torch in f64 in `test/compat.test.ts`.
 * Errors: as every loss. A weight an element is `call.pixelWeights`.
 * Source: torch 2.15.0, `torch.nn.BCEWithLogitsLoss`, after O. Ronneberger et al., "U-Net", 2015 (weighted).
 *
 * @example
 * ```ts
 * import { BCEWithLogitsLoss } from 'segloss/compat/torch';
 *
 * const logits = new Float32Array([0, 0, 2, -2]);
 * const loss = BCEWithLogitsLoss({ pos_weight: 2 });
 * loss.value(logits, new Uint8Array([1, 0, 1, 0]), { shape: [1, 1, 4] }); // => 0.6151
 * ```
 */
export function BCEWithLogitsLoss(options?: TorchBCEWithLogitsOptions): Loss {
  const given = checkOptions('BCEWithLogitsLoss', options, {
    weight,
    reduction: REDUCTION,
    pos_weight: orNone(numberOrNumbers({ min: 0 })),
  });
  return binaryCrossEntropyLoss({
    classWeights: given.weight ?? undefined,
    positiveWeight: given.pos_weight ?? undefined,
    reduction: reductionOf(given.reduction ?? 'mean'),
  });
}

/** Options of torch's `BCELoss`. */
export interface TorchBCEOptions {
  /** One weight a channel; default none. */
  readonly weight?: readonly number[] | null | undefined;
  readonly reduction?: PeerReduction | undefined;
}

/**
 * `torch.nn.BCELoss`, of probabilities.
 *
 * Formula: −w_k (g ln p + (1−g) ln(1−p)), logarithms no lower than −100; the mean is over all elements. It is
 * `binaryCrossEntropyLoss({ activation: 'none', classWeights: weight })`.
 * Shapes: prediction `[N, C, ...spatial]` in [0, 1]; target of the same length in [0, 1].
 * Range: [0, 100] nats times the largest weight.
 * Numerics: as `binaryCrossEntropyLoss`; against torch in f64 in `test/compat.test.ts`.
 * Errors: as every loss. A weight an element is `call.pixelWeights`.
 * Source: torch 2.15.0, `torch.nn.BCELoss`, after O. Ronneberger et al., "U-Net", 2015 (weighted).
 *
 * @example
 * ```ts
 * import { BCELoss } from 'segloss/compat/torch';
 *
 * const probabilities = new Float32Array([0.5, 0.25]);
 * BCELoss().value(probabilities, new Uint8Array([1, 0]), { shape: [1, 1, 2] }); // => 0.4904
 * ```
 */
export function BCELoss(options?: TorchBCEOptions): Loss {
  const given = checkOptions('BCELoss', options, { weight, reduction: REDUCTION });
  return binaryCrossEntropyLoss({
    activation: 'none',
    classWeights: given.weight ?? undefined,
    reduction: reductionOf(given.reduction ?? 'mean'),
  });
}

/** Options of torchvision's `sigmoid_focal_loss`. */
export interface TorchvisionFocalOptions {
  /** Weight of the positives, negatives get 1 − alpha; −1: no weights. Default 0.25. */
  readonly alpha?: number | undefined;
  /** Power of 1 − p, ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** Default 'none'. */
  readonly reduction?: PeerReduction | undefined;
}

/**
 * `torchvision.ops.sigmoid_focal_loss`. As there the reduction is 'none' unless given.
 *
 * Formula: −α g (1−p)^γ ln p − (1−α)(1−g) p^γ ln(1−p); the mean is over all elements. It is
 * `focalLoss({ activation: 'sigmoid', alpha, gamma })`; with soft targets torchvision takes another p_t, pg + (1−p)(1−g).
 * Shapes: prediction `[N, C, ...spatial]`; target of the same length, 0 or 1.
 * Range: [0, ∞) nats.
 * Numerics: as `focalLoss`; against torchvision in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for alpha outside [0, 1] and other than −1.
 * Source: torchvision 0.29.2, `torchvision.ops.sigmoid_focal_loss`, after T.-Y. Lin et al., "Focal Loss for Dense Object
 * Detection", 2017, eq. 5.
 *
 * @example
 * ```ts
 * import { sigmoid_focal_loss } from 'segloss/compat/torch';
 *
 * const logits = new Float32Array([0, 4]);
 * const call = { shape: [1, 1, 2] };
 * sigmoid_focal_loss({ reduction: 'mean' }).value(logits, new Uint8Array([1, 0]), call); // => 1.4748
 * sigmoid_focal_loss().unreduced(logits, new Uint8Array([1, 0]), call).shape; // => [1, 1, 2]
 * ```
 */
export function sigmoid_focal_loss(options?: TorchvisionFocalOptions): Loss {
  const given = checkOptions('sigmoid_focal_loss', options, {
    alpha: (value, name) => {
      if (value !== -1) number({ min: 0, max: 1 })(value, name);
    },
    gamma: number({ min: 0 }),
    reduction: REDUCTION,
  });
  const { alpha = 0.25, gamma = 2, reduction = 'none' } = given;
  return focalLoss({
    activation: 'sigmoid',
    alpha: alpha === -1 ? undefined : alpha,
    gamma,
    reduction: reductionOf(reduction),
  });
}
