/**
 * The public types: what goes into a loss, what a loss is, and the options every loss shares.
 *
 * @module
 */
import type { Sums } from './sums.js';

/** Half-precision arrays, described by shape so that the declarations compile under `lib: ES2022`. */
export interface Float16ArrayLike extends ArrayBufferView {
  readonly length: number;
  readonly [Symbol.toStringTag]: 'Float16Array';
  [index: number]: number;
}

/** Logits or probabilities, flat, `[N, C, ...spatial]` or `[N, ...spatial, C]`. */
export type Prediction = Float32Array | Float64Array | Float16ArrayLike;

/** A label map (`N·spatial` entries), or one value per prediction entry; the length says which. */
export type Target =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** How a prediction becomes probabilities; `'none'`: it holds them. */
export type Activation = 'sigmoid' | 'softmax' | 'none';
/** Where the channels are: `[N, C, ...spatial]` or `[N, ...spatial, C]`. */
export type DataFormat = 'channelsFirst' | 'channelsLast';
/** What becomes of the losses of pixels, or of samples and classes; `unreduced` gives them as they are. */
export type Reduction = 'mean' | 'sum';

/** What comes with one call, beside prediction and target. */
export interface LossCall {
  /** The prediction's shape: `[N, C, ...spatial]`, or `[N, ...spatial, C]` when channels are last. */
  readonly shape: readonly number[];
  /** `[N, ...spatial]`; 0 leaves the pixel out, anything else keeps it. */
  readonly mask?: ArrayLike<number> | undefined;
  /** `[N, ...spatial]`, or the prediction's shape to weigh each class of a pixel by itself; finite, ≥ 0. */
  readonly pixelWeights?: Float32Array | Float64Array | undefined;
  /** `[N]`, finite, ≥ 0. */
  readonly sampleWeights?: ArrayLike<number> | undefined;
  /** Multiplies the gradient; finite, default 1. */
  readonly upstream?: number | undefined;
  /** `accumulate` and `gradFrom` only: the index, in the whole batch, of this part's first sample. */
  readonly sample?: number | undefined;
  /** Where the gradient goes; may be the prediction itself. */
  readonly out?: Float32Array | undefined;
}

/** Options every loss takes; each means the same everywhere. */
export interface SharedOptions {
  /** How the prediction becomes a probability; `'none'`: it is one. Default: sigmoid for one channel, else softmax. */
  readonly activation?: Activation | undefined;
  /** Where the channels are, `'channelsFirst'` by default. */
  readonly dataFormat?: DataFormat | undefined;
  /** `'mean'` by default; `unreduced` is the third. */
  readonly reduction?: Reduction | undefined;
  /** Pixels of this label count nowhere; default none. */
  readonly ignoreIndex?: number | undefined;
  /** The classes that count; default all. */
  readonly classes?: readonly number[] | undefined;
  /** `false` is short for `classes` = all but 0. */
  readonly includeBackground?: boolean | undefined;
  /** One weight a class, finite, ≥ 0. */
  readonly classWeights?: readonly number[] | undefined;
}

/** What the mean of a pixel loss divides by; `'labelWeights'`: as `'weights'` of a label map, `'valid'` of a dense target. */
export type Normalizer = 'valid' | 'weights' | 'all' | 'labelWeights';

/** Options every pixel loss takes. */
export interface PixelOptions extends SharedOptions {
  /**
   * What the mean divides by: what is neither ignored nor masked (`'valid'`, default), all of it, or the weights' sum
   * (`'labelWeights'`: for a label map only). Softmax counts pixels, sigmoid and none count elements.
   */
  readonly normalizer?: Normalizer | undefined;
  /** `'pixels'`: channels are summed and the mean is over pixels (sigmoid and none). Default `'elements'`. */
  readonly meanOver?: 'elements' | 'pixels' | undefined;
}

/** Options every cross-entropy takes. */
export interface SmoothedOptions extends PixelOptions {
  /** In [0, 1), default 0: categorical g(1−ε)+ε/C, binary g(1−ε)+ε/2. */
  readonly labelSmoothing?: number | undefined;
}

/** What is added to a score's numerator and denominator; ≥ 0. */
export interface Smooth {
  readonly numerator: number;
  readonly denominator: number;
}

/** The loss of a class whose target is empty: by the formula, left out, 0 or 1. */
export type EmptyClass = 'score' | 'skip' | 'zero' | 'one';

/** How a score s becomes a loss. */
export type Transform = 'oneMinus' | 'log' | 'logCosh' | 'negative' | { readonly power: number };

/** The option of cross-entropies whose weights may go by the smoothed label. */
export interface WeightedSmoothingOptions extends SmoothedOptions {
  /** Class and positive weights go by the smoothed label, as in torch; default false: by the label as given. */
  readonly smoothedWeights?: boolean | undefined;
}

/** What a pixel adds to TP: p g, or the smaller of p and g. */
export type Overlap = 'product' | 'minimum';

/** Options every region loss takes. */
export interface RegionOptions extends SharedOptions {
  /** Sums of each sample, then the mean of the samples' losses (default); or sums over the batch. */
  readonly aggregate?: 'sample' | 'batch' | undefined;
  /** The mean of the classes' losses (default), or one loss of sums over all classes. */
  readonly average?: 'macro' | 'micro' | undefined;
  /** Added to the score: one number for both, or `{ numerator, denominator }`. */
  readonly smooth?: number | Smooth | undefined;
  /** Σ w·L over Σ w (default), or over the number of classes. */
  readonly classWeighting?: 'normalized' | 'raw' | undefined;
  /** The loss of a class whose target is empty: by the formula (default), left out, 0 or 1. */
  readonly emptyClass?: EmptyClass | undefined;
}

/** The options of region losses that are a score of overlap. */
export interface TransformOptions {
  /** TP of a soft target: Σ w p g (default), or Σ w min(p, g), which is largest at p = g. */
  readonly overlap?: Overlap | undefined;
  /** How a score s becomes a loss: 1 − s (default), −ln s, ln cosh(1 − s), −s, or (1 − s)^power. */
  readonly transform?: Transform | undefined;
}

/** The weighted sums of one (sample, class): all that a region loss may depend on. */
export interface RegionSums {
  /** Σ w p g */
  tp: number;
  /** Σ w p */
  p: number;
  /** Σ w g */
  g: number;
  /** Σ w p² */
  p2: number;
  /** Σ w g² */
  g2: number;
  /** Σ w (g−p)² g */
  fgError: number;
  /** Σ w (g−p)² (1−g) */
  bgError: number;
  /** Σ w */
  n: number;
}

/** A loss as plain data; `lossFromJSON` turns it back. */
export interface LossConfig {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly terms?: readonly (readonly [number, LossConfig])[];
}

/** A loss and its gradient. */
export interface ValueAndGrad {
  readonly value: number;
  /** d value / d prediction, times `upstream`, in the prediction's layout. */
  readonly grad: Float32Array;
}

/** A loss before the mean or sum. */
export interface Unreduced {
  readonly data: Float32Array | Float64Array;
  readonly shape: number[];
}

/** A loss and what it is made of. */
export interface Evaluation {
  readonly value: number;
  /** The parts of a weighted sum, each by its own name, unweighted. */
  readonly terms?: readonly { readonly name: string; readonly weight: number; readonly value: number }[];
  /** Loss of each of `classes`, the mean over samples; NaN where every sample skips it. */
  readonly perClass?: Float64Array;
  /** Loss of each sample. */
  readonly perSample?: Float64Array;
  /** The classes that count, in the order of `perClass`. */
  readonly classes: readonly number[];
  readonly sums?: Sums;
}

/** A loss: made once, called any number of times; holds no state between calls. */
export interface Loss {
  readonly name: string;
  /** True when `accumulate`, `valueFrom` and `gradFrom` work. */
  readonly mergeable: boolean;
  value(pred: Prediction, target: Target, call: LossCall): number;
  valueAndGrad(pred: Prediction, target: Target, call: LossCall): ValueAndGrad;
  /** The loss before the mean: of pixels or elements (weighted), or of samples and classes (without their weights). */
  unreduced(pred: Prediction, target: Target, call: LossCall): Unreduced;
  evaluate(pred: Prediction, target: Target, call: LossCall): Evaluation;
  /** Phase 1: the sums of this part of the data. */
  accumulate(pred: Prediction, target: Target, call: LossCall): Sums;
  /** The value for sums merged from any split of pixels or samples. */
  valueFrom(sums: Sums): number;
  /** Phase 2: the gradient of `valueFrom(sums)` with respect to this part. */
  gradFrom(pred: Prediction, target: Target, sums: Sums, call: LossCall): Float32Array;
  /** The formula and every option in force. */
  describe(): string;
  toJSON(): LossConfig;
}
