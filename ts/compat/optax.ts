/**
 * The segmentation losses of optax under their names and parameters, value and gradient.
 *
 * Channels last: a prediction is `[N, ...spatial, C]`. optax' functions reduce nothing, or classes only: here `value` is the
 * mean of what they return, which is what one writes behind them, and `unreduced()` gives it as it is. `null` is Python's
 * None; `where` is `call.mask`, and the mean is then over what it keeps. Where optax' loss is a setting of a loss of the
 * package, its `toJSON` is that loss's; the others come back with `lossFromJSON(json, { losses: { [name]: factory } })`.
 *
 * @module
 */
import { checkOptions, number } from '../check/options.js';
import { binaryCrossEntropyLoss } from '../loss/binary-cross-entropy.js';
import { crossEntropyLoss } from '../loss/cross-entropy.js';
import { focalLoss } from '../loss/focal.js';
import { polyCrossEntropyLoss } from '../loss/poly-cross-entropy.js';
import type { Loss, Target } from '../types.js';
import { classAxis, formatOf } from './axes.js';
import { only, orNone } from './peer.js';
import { binaryFocal, pixelwise } from './pixelwise.js';
import { foundBy, settledLoss } from './settled.js';

export {
  binary_dice_loss,
  dice_loss,
  multiclass_generalized_dice_loss,
  type OptaxBinaryDiceOptions,
  type OptaxDiceOptions,
  type OptaxGeneralizedDiceOptions,
} from './optax/dice.js';

/** Options of optax' softmax cross-entropies. */
export interface OptaxSoftmaxOptions {
  /** Where the classes are: −1 (default), the last axis, or 1, after the samples. */
  readonly axis?: -1 | 1 | undefined;
  /** `null`; which pixels count is `call.mask`. */
  readonly where?: null | undefined;
}

const where = only(null, 'it is data, which comes with a call as "mask", one entry a pixel');
const SOFTMAX = { axis: classAxis, where };

/**
 * `optax.sigmoid_binary_cross_entropy`: `binaryCrossEntropyLoss({ dataFormat: 'channelsLast' })`.
 *
 * Formula: −g ln p − (1−g) ln(1−p); the value is the mean over all elements.
 * Shapes: prediction and target `[N, ...spatial, C]`, unreduced likewise; the target in [0, 1].
 * Range: [0, ∞) nats.
 * Numerics: as `binaryCrossEntropyLoss`, whose `toJSON` it has; against optax in f64 in `test/compat.test.ts`.
 * Errors: as every loss; there are no options.
 * Source: optax 0.2.8, `optax.losses.sigmoid_binary_cross_entropy`, 2026.
 *
 * @example
 * ```ts
 * import { sigmoid_binary_cross_entropy } from 'segloss/compat/optax';
 *
 * const logits = new Float32Array([0, 0, 2, -2]);
 * const mask = new Uint8Array([1, 0, 1, 0]);
 * sigmoid_binary_cross_entropy().value(logits, mask, { shape: [1, 2, 2, 1] }); // => 0.41
 * ```
 */
export function sigmoid_binary_cross_entropy(options?: object): Loss {
  checkOptions('sigmoid_binary_cross_entropy', options, {});
  return binaryCrossEntropyLoss({ dataFormat: 'channelsLast' });
}

/**
 * `optax.softmax_cross_entropy`: `crossEntropyLoss({ dataFormat: 'channelsLast' })`, the target one-hot or soft.
 *
 * Formula: −Σ_k g_k ln p_k; the value is the mean over pixels.
 * Shapes: prediction and target `[N, ...spatial, C]`, `axis: 1`: `[N, C, ...spatial]`; unreduced `[N, ...spatial]`.
 * Range: [0, ∞) nats.
 * Numerics: as `crossEntropyLoss`, whose `toJSON` it has; against optax in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for an axis other than −1 and 1, and for `where`, which is `call.mask`.
 * Source: optax 0.2.8, `optax.losses.softmax_cross_entropy`, 2026.
 *
 * @example
 * ```ts
 * import { softmax_cross_entropy } from 'segloss/compat/optax';
 *
 * const logits = new Float32Array([1.2, -0.8, -0.5, 0.9, -1.2, 1.1]);
 * const labels = new Uint8Array([1, 0, 0, 0, 1, 0]);
 * softmax_cross_entropy().unreduced(logits, labels, { shape: [2, 3] }).data; // => [0.2761, 2.9518]
 * ```
 */
export function softmax_cross_entropy(options?: OptaxSoftmaxOptions): Loss {
  const given = checkOptions('softmax_cross_entropy', options, SOFTMAX);
  return crossEntropyLoss({ dataFormat: formatOf(given.axis) });
}

/**
 * `optax.safe_softmax_cross_entropy`: `crossEntropyLoss({ dataFormat: 'channelsLast' })`, as `softmax_cross_entropy` here,
 * which reads −Infinity as the lowest float and so is safe in the same sense.
 *
 * Formula: −Σ_k g_k ln p_k, 0·∞ = 0; the value is the mean over pixels.
 * Shapes: prediction and target `[N, ...spatial, C]`; unreduced `[N, ...spatial]`.
 * Range: [0, ∞) nats.
 * Numerics: as `crossEntropyLoss`, whose `toJSON` it has; against optax in f64 in `test/compat.test.ts`.
 * Errors: as every loss; there are no options.
 * Source: optax 0.2.8, `optax.losses.safe_softmax_cross_entropy`, 2026.
 *
 * @example
 * ```ts
 * import { safe_softmax_cross_entropy } from 'segloss/compat/optax';
 *
 * const logits = new Float32Array([0, -Infinity, 0]);
 * safe_softmax_cross_entropy().value(logits, new Uint8Array([1, 0, 0]), { shape: [1, 3] }); // => 0.6931
 * ```
 */
export function safe_softmax_cross_entropy(options?: object): Loss {
  checkOptions('safe_softmax_cross_entropy', options, {});
  return crossEntropyLoss({ dataFormat: 'channelsLast' });
}

/**
 * `optax.softmax_cross_entropy_with_integer_labels`: `crossEntropyLoss({ dataFormat: 'channelsLast' })`, the target a label
 * map.
 *
 * Formula: −ln p_y; the value is the mean over pixels.
 * Shapes: prediction `[N, ...spatial, C]`, `axis: 1`: `[N, C, ...spatial]`; target `[N, ...spatial]`, as unreduced.
 * Range: [0, ∞) nats.
 * Numerics: as `crossEntropyLoss`, whose `toJSON` it has; against optax in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for an axis other than −1 and 1, several axes among them, and for `where`, which is
 * `call.mask`.
 * Source: optax 0.2.8, `optax.losses.softmax_cross_entropy_with_integer_labels`, 2026.
 *
 * @example
 * ```ts
 * import { softmax_cross_entropy_with_integer_labels } from 'segloss/compat/optax';
 *
 * const logits = new Float32Array([1.2, -0.8, -0.5, 0.9, -1.2, 1.1]);
 * const loss = softmax_cross_entropy_with_integer_labels();
 * loss.unreduced(logits, new Int32Array([0, 1]), { shape: [2, 3] }).data; // => [0.2761, 2.9518]
 * ```
 */
export function softmax_cross_entropy_with_integer_labels(options?: OptaxSoftmaxOptions): Loss {
  const given = checkOptions('softmax_cross_entropy_with_integer_labels', options, SOFTMAX);
  return crossEntropyLoss({ dataFormat: formatOf(given.axis) });
}

/** Options of optax' `poly_loss_cross_entropy`. */
export interface OptaxPolyOptions extends OptaxSoftmaxOptions {
  /** Weight of the linear term; default 2. */
  readonly epsilon?: number | undefined;
}

/**
 * `optax.poly_loss_cross_entropy`: `polyCrossEntropyLoss({ dataFormat: 'channelsLast', epsilon })`, whose default is 1.
 *
 * Formula: Σ_k g_k (−ln p_k + epsilon·(1 − p_k)); the value is the mean over pixels.
 * Shapes: prediction and target `[N, ...spatial, C]`, `axis: 1`: `[N, C, ...spatial]`; unreduced `[N, ...spatial]`.
 * Range: [0, ∞) nats for epsilon ≥ −1.
 * Numerics: as `polyCrossEntropyLoss`, whose `toJSON` it has; against optax in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `RangeError` for an axis other than −1 and 1, and for `where`, which is `call.mask`.
 * Source: optax 0.2.8, `optax.losses.poly_loss_cross_entropy`, after Z. Leng et al., "PolyLoss", 2022.
 *
 * @example
 * ```ts
 * import { poly_loss_cross_entropy } from 'segloss/compat/optax';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // two pixels of two classes
 * const labels = new Uint8Array([1, 0, 0, 1]);
 * poly_loss_cross_entropy({ epsilon: 1 }).value(logits, labels, { shape: [1, 2, 2] }); // => 0.4142
 * ```
 */
export function poly_loss_cross_entropy(options?: OptaxPolyOptions): Loss {
  const given = checkOptions('poly_loss_cross_entropy', options, { ...SOFTMAX, epsilon: number() });
  const { epsilon = 2 } = given;
  return polyCrossEntropyLoss({ activation: 'softmax', dataFormat: formatOf(given.axis), epsilon });
}

/** Options of optax' `sigmoid_focal_loss`. */
export interface OptaxFocalOptions {
  /** Weight of the positives, negatives get 1 − alpha, in [0, 1]; `null` (default): no weights. */
  readonly alpha?: number | null | undefined;
  /** Power of 1 − p_t, ≥ 0; default 2. */
  readonly gamma?: number | undefined;
}

const isHard = (target: Target): boolean => !target.some((g) => g !== 0 && g !== 1);

/**
 * `optax.sigmoid_focal_loss`.
 *
 * Formula: W·m^γ·(−g ln p − (1−g) ln(1−p)), m = g(1−p) + (1−g)p, W = αg + (1−α)(1−g) or 1; the value is the mean over all
 * elements. For g of 0 and 1 that is `focalLoss({ activation: 'sigmoid', dataFormat: 'channelsLast', gamma, alpha })`, which
 * is computed then. For g between, the package adds the focal losses of the positive and the negative: another number.
 * Shapes: prediction and target `[N, ...spatial, C]`, unreduced likewise; the target in [0, 1].
 * Range: [0, ∞) nats.
 * Numerics: hard targets as `focalLoss`, soft ones in f64; against optax in f64 in `test/compat.test.ts`. Does not merge.
 * `toJSON` has this name and these options.
 * Errors: as every loss; `RangeError` for alpha outside [0, 1] and gamma < 0.
 * Source: optax 0.2.8, `optax.losses.sigmoid_focal_loss`, after T.-Y. Lin et al., 2017, eq. 5.
 *
 * @example
 * ```ts
 * import { sigmoid_focal_loss } from 'segloss/compat/optax';
 *
 * const logits = new Float32Array([0, 4]);
 * const call = { shape: [1, 2, 1] };
 * sigmoid_focal_loss({ alpha: 0.25, gamma: 2 }).value(logits, new Uint8Array([1, 0]), call); // => 1.4748
 * sigmoid_focal_loss({ gamma: 2 }).unreduced(logits, new Float32Array([1, 0.5]), call).data; // => [0.1733, 0.5045]
 * ```
 */
export function sigmoid_focal_loss(options?: OptaxFocalOptions): Loss {
  const name = 'sigmoid_focal_loss';
  const rules = { alpha: orNone(number({ min: 0, max: 1 })), gamma: number({ min: 0 }) };
  const given = checkOptions(name, options, rules);
  const { gamma = 2 } = given;
  const alpha = given.alpha ?? undefined;
  const shared = { activation: 'sigmoid', dataFormat: 'channelsLast' } as const;
  const hard = focalLoss({ ...shared, gamma, ...(alpha !== undefined && { alpha }) });
  const formula = binaryFocal({ gamma, alpha, epsilon: 0, smoothing: 0 }, true);
  return settledLoss(name, shared, {
    given,
    formula: 'W (g(1−p) + (1−g)p)^γ (−g ln p − (1−g) ln(1−p))',
    find: (call, term) =>
      !call.dense || isHard(call.target)
        ? foundBy(hard, call, term)
        : pixelwise(call, term, {
            activation: 'sigmoid',
            reduction: 'mean',
            byWeights: false,
            of: 'elements',
            formula,
          }),
  });
}
