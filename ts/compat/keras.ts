/**
 * The segmentation losses of Keras 3 under their names and options, number for number.
 *
 * Channels last; the prediction holds probabilities unless `from_logits`. Where Keras' loss is a setting of a loss of the
 * package, its `toJSON` is that loss's; the others come back with `lossFromJSON(json, { losses: { [name]: factory } })`.
 * The call's `pixelWeights` and `sampleWeights` are Keras' `sample_weight`. Each is checked against the installed Keras.
 *
 * @module
 */
import { spatialOf } from '../check/call.js';
import { checkOptions, number } from '../check/options.js';
import { binaryCrossEntropyLoss } from '../loss/binary-cross-entropy.js';
import { crossEntropyLoss } from '../loss/cross-entropy.js';
import { diceLoss } from '../loss/dice.js';
import { tverskyLoss } from '../loss/tversky.js';
import type { Loss, RegionOptions, Unreduced } from '../types.js';
import { refuseSmoothedFirst } from './keras/focal.js';
import {
  commonOf,
  CROSSENTROPY,
  EPSILON,
  KERAS,
  type KerasCrossentropyOptions,
  type KerasOptions,
  SMOOTHING,
} from './keras/options.js';
import { binaryFocal, categoricalFocal, pixelwise } from './pixelwise.js';
import { orNone } from './peer.js';
import { axes, pooled } from './axes.js';
import { foundBy, settledLoss } from './settled.js';

export {
  BinaryFocalCrossentropy,
  CategoricalFocalCrossentropy,
  type KerasBinaryFocalCrossentropyOptions,
  type KerasCategoricalFocalCrossentropyOptions,
} from './keras/focal.js';
export type { KerasCrossentropyOptions, KerasOptions, KerasReduction } from './keras/options.js';

/** Options of Keras' `BinaryCrossentropy` and `CategoricalCrossentropy`. */
export interface KerasSmoothedOptions extends KerasCrossentropyOptions {
  /** In [0, 1): binary g(1−ε) + ε/2, categorical g(1−ε) + ε/C. */
  readonly label_smoothing?: number | undefined;
}

const SMOOTHED = { ...CROSSENTROPY, label_smoothing: SMOOTHING };

/** The mean over channels of losses of single elements. */
function channelMean({ data, shape }: Unreduced, last: boolean): Unreduced {
  const channels = (last ? shape.at(-1) : shape[1]) ?? 1;
  const spatial = spatialOf(shape, last);
  const pixels = spatial.reduce((a, b) => a * b, 1);
  const means = new Float32Array(data.length / channels);
  data.forEach((loss, at) => {
    const pixel = last
      ? Math.floor(at / channels)
      : Math.floor(at / (pixels * channels)) * pixels + (at % pixels);
    means[pixel] = (means[pixel] ?? 0) + loss / channels;
  });
  return { data: means, shape: [shape[0] ?? 0, ...spatial] };
}

/**
 * Keras' `BinaryCrossentropy`: channels that are each a yes-or-no.
 *
 * Formula: −t ln p − (1−t) ln(1−p), t = g(1−ε) + ε/2; the mean over channels, then over pixels. `from_logits` is
 * `binaryCrossEntropyLoss({ dataFormat: 'channelsLast', labelSmoothing })`. Probabilities are cut at 1e-7 and 1 − 1e-7,
 * and have no gradient beyond; the package cuts logarithms at −100.
 * Shapes: prediction and target `[N, ...spatial, C]`, `axis: 1`: `[N, C, ...spatial]`; under `reduction: 'none'` unreduced
 * is `[N, ...spatial]`, the mean over channels, and `reduction: 'sum'` adds up these.
 * Range: [0, 16.2] nats of probabilities, [0, ∞) of logits.
 * Numerics: probabilities in f64, logits by the package's kernel (`test/compat.test.ts`). Logits under a mean merge, the
 * others do not. `toJSON`: that of `binaryCrossEntropyLoss` for logits under a mean.
 * Errors: as every loss; `RangeError` for an axis other than −1 and 1.
 * Source: Keras 3.15.1, `losses/losses.py` and `backend/torch/nn.py`, 2026.
 *
 * @example
 * ```ts
 * import { BinaryCrossentropy } from 'segloss/compat/keras';
 *
 * const probabilities = new Float32Array([0.6, 0.4, 1, 0]);
 * const target = new Uint8Array([1, 0, 1, 1]);
 * BinaryCrossentropy().value(probabilities, target, { shape: [1, 4, 1] }); // => 4.2849
 * ```
 */
export function BinaryCrossentropy(options?: KerasSmoothedOptions): Loss {
  const name = 'BinaryCrossentropy';
  const given = checkOptions(name, options, SMOOTHED);
  const { from_logits = false, label_smoothing: smoothing = 0 } = given;
  const common = commonOf(given);
  const { dataFormat, reduction, byWeights, none } = common;
  const kernel = binaryCrossEntropyLoss({
    dataFormat,
    reduction,
    labelSmoothing: smoothing,
    ...(byWeights && { normalizer: 'weights' }),
  });
  if (from_logits && reduction === 'mean' && !none) return kernel;
  const activation = from_logits ? 'sigmoid' : 'none';
  const formula = binaryFocal({ gamma: 0, alpha: undefined, epsilon: EPSILON, smoothing }, false);
  return settledLoss(
    name,
    { activation, dataFormat },
    {
      given,
      formula: '−t ln p − (1−t) ln(1−p), the mean over channels; probabilities cut at 1e-7',
      find: (call, term) => {
        if (!from_logits) return pixelwise(call, term, { ...common, activation, of: 'mean', formula });
        const last = term.dataFormat === 'channelsLast';
        const factor = reduction === 'sum' ? 1 / call.channels : 1;
        return foundBy(kernel, call, term, factor, (each) => channelMean(each, last));
      },
    },
  );
}

/** A cross-entropy of distributions: the package's of logits, of probabilities Keras' own. */
function categorical(
  name: string,
  given: KerasSmoothedOptions,
  ignoreIndex: number | null | undefined,
): Loss {
  const { from_logits = false, label_smoothing: smoothing = 0 } = given;
  const common = commonOf(given);
  refuseSmoothedFirst(given);
  const { dataFormat, reduction, byWeights } = common;
  const shared = {
    dataFormat,
    reduction,
    ...(typeof ignoreIndex === 'number' && { ignoreIndex }),
  };
  if (from_logits) {
    return crossEntropyLoss({
      ...shared,
      ...(smoothing > 0 && { labelSmoothing: smoothing }),
      ...(byWeights && { normalizer: 'weights' }),
    });
  }
  const formula = categoricalFocal({ gamma: 0, alpha: 1, epsilon: EPSILON, smoothing }, false);
  return settledLoss(
    name,
    { ...shared, activation: 'none' },
    {
      given,
      formula: '−Σ_k t_k ln o_k, o = p/Σp cut at 1e-7 and 1 − 1e-7',
      find: (call, term) => pixelwise(call, term, { ...common, activation: 'none', of: 'sum', formula }),
    },
  );
}

/**
 * Keras' `CategoricalCrossentropy`: a pixel's distribution over classes, the target one-hot or soft.
 *
 * Formula: −Σ_k t_k ln p_k, t = g(1−ε) + ε/C, the mean over pixels. `from_logits` is
 * `crossEntropyLoss({ dataFormat: 'channelsLast', labelSmoothing })`. Probabilities are divided by their sum, then cut at
 * 1e-7 and 1 − 1e-7; the gradient goes through the sum, and is 0 beyond the cut.
 * Shapes: prediction and target `[N, ...spatial, C]`, `axis: 1`: `[N, C, ...spatial]`; unreduced `[N, ...spatial]`.
 * Range: [0, 16.2] nats of probabilities, [0, ∞) of logits.
 * Numerics: probabilities in f64, logits by the package's kernel (`test/compat.test.ts`). Logits merge, and `toJSON` is
 * that of `crossEntropyLoss`; probabilities do neither.
 * Errors: as every loss; `RangeError` for an axis other than −1 and 1, and for `axis: 1` with `label_smoothing`, of which
 * Keras takes the length of the last axis for the number of classes.
 * Source: Keras 3.15.1, `losses/losses.py` and `backend/torch/nn.py`, 2026.
 *
 * @example
 * ```ts
 * import { CategoricalCrossentropy } from 'segloss/compat/keras';
 *
 * const probabilities = new Float32Array([0.05, 0.95, 0, 0.1, 0.8, 0.1]); // two pixels of three classes
 * const target = new Uint8Array([0, 1, 0, 0, 0, 1]);
 * CategoricalCrossentropy().value(probabilities, target, { shape: [1, 2, 3] }); // => 1.1769
 * ```
 */
export function CategoricalCrossentropy(options?: KerasSmoothedOptions): Loss {
  const name = 'CategoricalCrossentropy';
  return categorical(name, checkOptions(name, options, SMOOTHED), undefined);
}

/** Options of Keras' `SparseCategoricalCrossentropy`. */
export interface KerasSparseCategoricalCrossentropyOptions extends KerasCrossentropyOptions {
  /** A label whose pixels count nowhere; default `null`, none. */
  readonly ignore_class?: number | null | undefined;
}

/**
 * Keras' `SparseCategoricalCrossentropy`: a pixel's distribution over classes, the target a label map.
 *
 * Formula: −ln p_y, the mean over the pixels that are not `ignore_class`. `from_logits` is
 * `crossEntropyLoss({ dataFormat: 'channelsLast', ignoreIndex: ignore_class })`. Probabilities are divided by their sum,
 * then cut at 1e-7 and 1 − 1e-7; the gradient goes through the sum, and is 0 beyond the cut.
 * Shapes: prediction `[N, ...spatial, C]`, `axis: 1`: `[N, C, ...spatial]`; target `[N, ...spatial]`, as unreduced.
 * Range: [0, 16.2] nats of probabilities, [0, ∞) of logits.
 * Numerics: probabilities in f64, logits by the package's kernel (`test/compat.test.ts`). Logits merge, and `toJSON` is
 * that of `crossEntropyLoss`; probabilities do neither.
 * Errors: as every loss; `RangeError` for an axis other than −1 and 1.
 * Source: Keras 3.15.1, `losses/losses.py` and `backend/torch/nn.py`, 2026.
 *
 * @example
 * ```ts
 * import { SparseCategoricalCrossentropy } from 'segloss/compat/keras';
 *
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // three pixels of two classes
 * const labels = new Uint8Array([0, 255, 1]);
 * const loss = SparseCategoricalCrossentropy({ from_logits: true, ignore_class: 255 });
 * loss.value(logits, labels, { shape: [1, 3, 2] }); // => 0.0878
 * ```
 */
export function SparseCategoricalCrossentropy(options?: KerasSparseCategoricalCrossentropyOptions): Loss {
  const name = 'SparseCategoricalCrossentropy';
  const rules = { ...CROSSENTROPY, ignore_class: orNone(number({ integer: true })) };
  const given = checkOptions(name, options, rules);
  return categorical(name, given, given.ignore_class);
}

/** Options of Keras' `Dice`. */
export interface KerasDiceOptions extends KerasOptions {
  /** What is summed over: `null` (default) for everything, or axes of `[N, ...spatial, C]`, all spatial ones among them. */
  readonly axis?: number | readonly number[] | null | undefined;
}

/** Options of Keras' `Tversky`. */
export interface KerasTverskyOptions extends KerasDiceOptions {
  /** Weight of the false negatives (!), ≥ 0; default 0.5. */
  readonly alpha?: number | undefined;
  /** Weight of the false positives (!), ≥ 0; default 0.5. */
  readonly beta?: number | undefined;
}

const OVERLAP = { ...KERAS, axis: orNone(axes) };

/** A region loss over some axes, which mean what they mean only with the rank of a call. */
function overAxes(name: string, given: KerasDiceOptions, make: (options: RegionOptions) => Loss): Loss {
  const { axis = null } = given;
  const { reduction } = commonOf({ reduction: given.reduction });
  const shared = { activation: 'none', dataFormat: 'channelsLast', reduction } as const;
  const smooth = { numerator: 0, denominator: EPSILON };
  if (axis === null) return make({ ...shared, smooth, aggregate: 'batch', average: 'micro' });
  return settledLoss(name, shared, {
    given,
    formula: `of sums over the axes ${JSON.stringify(axis)} of [N, ...spatial, C]`,
    find: (call, term) => {
      const { batch, classes } = pooled(axis, call.shape.length);
      const over = {
        aggregate: batch ? 'batch' : 'sample',
        average: classes ? 'micro' : 'macro',
      } as const;
      return foundBy(make({ ...shared, ...over, smooth }), call, term);
    },
  });
}

/**
 * Keras' `Dice`: by default one ratio of everything, batch and classes.
 *
 * Formula: 1 − 2 Σpg/(Σp + Σg + 1e-7), sums over `axis`. `axis: null` is `diceLoss({ activation: 'none', dataFormat:
 * 'channelsLast', aggregate: 'batch', average: 'micro', smooth: { numerator: 0, denominator: 1e-7 } })`; `axis` without 0 is
 * `aggregate: 'sample'`, without the last `average: 'macro'`. Over the classes of a softmax, `axis: null` is 1 less the mean
 * probability of the label, which balances nothing; `[1, 2]`, for pictures, gives every class its own ratio.
 * Shapes: prediction and target `[N, ...spatial, C]`, probabilities.
 * Range: [0, 1], no unit; 1 where both are empty.
 * Numerics: as `diceLoss` (`test/compat.test.ts`), whose `toJSON` it has for `axis: null`; other axes do not merge.
 * Errors: as every loss; `RangeError` for an axis that leaves out part of the image.
 * Source: Keras 3.15.1, `losses/losses.py`, after F. Milletari et al., "V-Net", 2016.
 *
 * @example
 * ```ts
 * import { Dice } from 'segloss/compat/keras';
 *
 * const truth = new Uint8Array([1, 1, 0, 0, 1, 1, 0, 0]);
 * const probabilities = new Float32Array([0, 1, 0, 1, 0.4, 0, 0, 0.9]);
 * const call = { shape: [2, 2, 2, 1] };
 * Dice().value(probabilities, truth, call); // => 0.6164
 * Dice({ axis: [1, 2, 3], reduction: 'none' }).unreduced(probabilities, truth, call).data; // => [0.5, 0.7576]
 * ```
 */
export function Dice(options?: KerasDiceOptions): Loss {
  const name = 'Dice';
  return overAxes(name, checkOptions(name, options, OVERLAP), diceLoss);
}

/**
 * Keras' `Tversky`: `alpha` weighs what is missed, against its own documentation.
 *
 * Formula: 1 − TP/(TP + alpha·FN + beta·FP + 1e-7), sums over `axis`: `tverskyLoss({ fnWeight: alpha, fpWeight: beta, … })`,
 * the rest as `Dice` says. Keras documents alpha as the weight of false positives; 3.15.1 computes what is written here.
 * Shapes: prediction and target `[N, ...spatial, C]`, probabilities.
 * Range: [0, 1], no unit; 1 where both are empty.
 * Numerics: as `tverskyLoss` (`test/compat.test.ts`), whose `toJSON` it has for `axis: null`; other axes do not merge.
 * Errors: as every loss; `RangeError` for an axis that leaves out part of the image.
 * Source: Keras 3.15.1, `losses/losses.py`, after S. S. M. Salehi et al., 2017, eq. 3 (where α weighs the false positives).
 *
 * @example
 * ```ts
 * import { Tversky } from 'segloss/compat/keras';
 *
 * const probabilities = new Float32Array([1, 0, 0, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]); // one pixel is missed, none found in vain
 * Tversky({ alpha: 0.3, beta: 0.7 }).value(probabilities, mask, { shape: [1, 2, 2, 1] }); // => 0.2308
 * ```
 */
export function Tversky(options?: KerasTverskyOptions): Loss {
  const name = 'Tversky';
  const weight = number({ min: 0 });
  const given = checkOptions(name, options, { ...OVERLAP, alpha: weight, beta: weight });
  const { alpha = 0.5, beta = 0.5 } = given;
  return overAxes(name, given, (shared) => tverskyLoss({ ...shared, fnWeight: alpha, fpWeight: beta }));
}
