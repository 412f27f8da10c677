/** The focal losses of Keras. */
import { boolean, checkOptions, number } from '../../check/options.js';
import type { Loss } from '../../types.js';
import {
  ALPHAS,
  commonOf,
  CROSSENTROPY,
  EPSILON,
  type KerasCrossentropyOptions,
  SMOOTHING,
} from './options.js';
import { binaryFocal, categoricalFocal, pixelwise } from '../pixelwise.js';
import { settledLoss } from '../settled.js';

/** Options of Keras' `BinaryFocalCrossentropy`. */
export interface KerasBinaryFocalCrossentropyOptions extends KerasCrossentropyOptions {
  /** Whether positives weigh `alpha` and negatives 1 − `alpha`; default false: `alpha` has no effect. */
  readonly apply_class_balancing?: boolean | undefined;
  /** In [0, 1]; default 0.25. */
  readonly alpha?: number | undefined;
  /** ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** In [0, 1): g becomes g(1−ε) + ε/2. */
  readonly label_smoothing?: number | undefined;
}

/**
 * Keras' `BinaryFocalCrossentropy`: channels that are each a yes-or-no.
 *
 * Formula: W·m^γ·(−t ln o − (1−t) ln(1−o)), t the smoothed target, m = t(1−p) + (1−t)p, o = p cut at 1e-7 and 1 − 1e-7,
 * W = αt + (1−α)(1−t) under `apply_class_balancing`, else 1. For t of 0 and 1, apart from the cut, that is the package's
 * `focalLoss({ activation: 'none', dataFormat: 'channelsLast', gamma, alpha })` (`'sigmoid'` for `from_logits`); for t
 * between, the package adds the losses of the positive and the negative, which is another number.
 * Shapes: prediction and target `[N, ...spatial, C]`, `axis: 1`: `[N, C, ...spatial]`; unreduced `[N, ...spatial]`, the mean
 * over channels, so that `reduction: 'sum'` adds up these.
 * Range: [0, 16.2] nats times W.
 * Numerics: f64 (`test/compat.test.ts`); does not merge. `toJSON` has this name and these options.
 * Errors: as every loss; `RangeError` for an axis other than −1 and 1.
 * Source: Keras 3.15.1, `losses/losses.py`, after T.-Y. Lin et al., "Focal Loss for Dense Object Detection", 2017, eq. 5.
 *
 * @example
 * ```ts
 * import { BinaryFocalCrossentropy } from 'segloss/compat/keras';
 *
 * const probabilities = new Float32Array([0.6, 0.4]);
 * const target = new Uint8Array([1, 0]);
 * const loss = BinaryFocalCrossentropy({ gamma: 2, apply_class_balancing: true });
 * loss.value(probabilities, target, { shape: [1, 2, 1] }); // => 0.0409
 * ```
 */
export function BinaryFocalCrossentropy(options?: KerasBinaryFocalCrossentropyOptions): Loss {
  const name = 'BinaryFocalCrossentropy';
  const given = checkOptions(name, options, {
    ...CROSSENTROPY,
    apply_class_balancing: boolean,
    alpha: number({ min: 0, max: 1 }),
    gamma: number({ min: 0 }),
    label_smoothing: SMOOTHING,
  });
  const { from_logits = false, apply_class_balancing = false, alpha = 0.25, gamma = 2 } = given;
  const common = commonOf(given);
  const activation = from_logits ? 'sigmoid' : 'none';
  const formula = binaryFocal(
    {
      gamma,
      alpha: apply_class_balancing ? alpha : undefined,
      epsilon: EPSILON,
      smoothing: given.label_smoothing ?? 0,
    },
    from_logits,
  );
  return settledLoss(
    name,
    { activation, dataFormat: common.dataFormat },
    {
      given,
      formula: 'W (t(1−p) + (1−t)p)^γ (−t ln o − (1−t) ln(1−o)), o = p cut at 1e-7',
      find: (call, term) => pixelwise(call, term, { ...common, activation, of: 'mean', formula }),
    },
  );
}

/** Options of Keras' `CategoricalFocalCrossentropy`. */
export interface KerasCategoricalFocalCrossentropyOptions extends KerasCrossentropyOptions {
  /** The weight of every class, or one a class, ≥ 0; default 0.25. */
  readonly alpha?: number | readonly number[] | undefined;
  /** ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** In [0, 1): g becomes g(1−ε) + ε/C. */
  readonly label_smoothing?: number | undefined;
}

/**
 * Keras' `CategoricalFocalCrossentropy`: a pixel's distribution over classes.
 *
 * Formula: −Σ_k α_k t_k (1−o_k)^γ ln o_k, t the smoothed target, o = p/Σp cut at 1e-7 and 1 − 1e-7. Without smoothing and
 * apart from the cut: `focalLoss({ activation: 'softmax', dataFormat: 'channelsLast', gamma, alpha })` for `from_logits`.
 * A single `alpha`, 0.25 unless given, is a factor of every class and balances nothing.
 * Shapes: prediction and target `[N, ...spatial, C]`, `axis: 1`: `[N, C, ...spatial]`; unreduced `[N, ...spatial]`.
 * Range: [0, 16.2] nats times the largest α.
 * Numerics: f64 (`test/compat.test.ts`); does not merge. `toJSON` has this name and these options.
 * Errors: as every loss; `RangeError` for `alpha` of another length than C, for an axis other than −1 and 1, and for
 * `axis: 1` with `label_smoothing`, of which Keras takes the length of the last axis for the number of classes.
 * Source: Keras 3.15.1, `losses/losses.py`, after T.-Y. Lin et al., "Focal Loss for Dense Object Detection", 2017.
 *
 * @example
 * ```ts
 * import { CategoricalFocalCrossentropy } from 'segloss/compat/keras';
 *
 * const probabilities = new Float32Array([0.05, 0.95, 0, 0.1, 0.8, 0.1]); // two pixels of three classes
 * const target = new Uint8Array([0, 1, 0, 0, 0, 1]);
 * const loss = CategoricalFocalCrossentropy({ reduction: 'none' });
 * loss.unreduced(probabilities, target, { shape: [1, 2, 3] }).data; // => [0.00003, 0.4663]
 * ```
 */
export function CategoricalFocalCrossentropy(options?: KerasCategoricalFocalCrossentropyOptions): Loss {
  const name = 'CategoricalFocalCrossentropy';
  const given = checkOptions(name, options, {
    ...CROSSENTROPY,
    alpha: (value, option) => {
      (Array.isArray(value) ? ALPHAS.many : ALPHAS.one)(value, option);
    },
    gamma: number({ min: 0 }),
    label_smoothing: SMOOTHING,
  });
  const { from_logits = false, alpha = 0.25, gamma = 2, label_smoothing: smoothing = 0 } = given;
  const common = commonOf(given);
  refuseSmoothedFirst(given);
  const activation = from_logits ? 'softmax' : 'none';
  const formula = categoricalFocal({ gamma, alpha, epsilon: EPSILON, smoothing }, from_logits);
  return settledLoss(
    name,
    { activation, dataFormat: common.dataFormat },
    {
      given,
      formula: '−Σ_k α_k t_k (1−o_k)^γ ln o_k, o = p/Σp cut at 1e-7',
      find: (call, term) => {
        if (typeof alpha !== 'number' && alpha.length !== call.channels) {
          throw new RangeError(`"alpha" expected ${call.channels} numbers, one a class, got ${alpha.length}`);
        }
        return pixelwise(call, term, { ...common, activation, of: 'sum', formula });
      },
    },
  );
}

/** Throws for smoothing where Keras divides by another number than that of the classes. */
export function refuseSmoothedFirst(given: {
  readonly axis?: -1 | 1 | undefined;
  readonly label_smoothing?: number | undefined;
}): void {
  if (given.axis === 1 && (given.label_smoothing ?? 0) > 0) {
    throw new RangeError(
      `"label_smoothing" with axis: 1 divides by the length of the last axis in Keras, not by the number of classes; ` +
        `lay the classes last, or use crossEntropyLoss({ labelSmoothing })`,
    );
  }
}
