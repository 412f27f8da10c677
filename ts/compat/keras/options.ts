/** What the losses of Keras share: their options and what these are here. */
import { boolean, number, numbers, oneOf, type Rules } from '../../check/options.js';
import type { DataFormat } from '../../types.js';
import { classAxis, formatOf } from '../axes.js';
import { orNone } from '../peer.js';

/** What becomes of the losses of samples or pixels. */
export type KerasReduction =
  'sum_over_batch_size' | 'sum' | 'mean' | 'mean_with_sample_weight' | 'none' | null;

/** Options of every loss of Keras. */
export interface KerasOptions {
  /**
   * `'sum_over_batch_size'` (default) and `'mean'`: the mean; `'mean_with_sample_weight'`: over the sum of the call's
   * weights; `'none'` or `null`: `unreduced()` gives the losses, the value is their mean.
   */
  readonly reduction?: KerasReduction | undefined;
  /** Read and without effect. */
  readonly name?: string | undefined;
  /** `null` (default) or `'float32'`, which is what is computed in. */
  readonly dtype?: 'float32' | null | undefined;
}

/** Options of the cross-entropies of Keras. */
export interface KerasCrossentropyOptions extends KerasOptions {
  /** Whether the prediction holds logits; default false: probabilities. */
  readonly from_logits?: boolean | undefined;
  /** Where the classes are: −1 (default), the last axis, or 1, after the samples. */
  readonly axis?: -1 | 1 | undefined;
}

/** What takes the place of 0 and 1 in a logarithm or a denominator: `keras.backend.epsilon()`. */
export const EPSILON = 1e-7;

export const KERAS: Rules = {
  reduction: orNone(oneOf('sum_over_batch_size', 'sum', 'mean', 'mean_with_sample_weight', 'none')),
  name: (value, name) => {
    if (typeof value !== 'string') throw new TypeError(`"${name}" expected a string`);
  },
  dtype: orNone(oneOf('float32')),
};

export const CROSSENTROPY: Rules = {
  ...KERAS,
  from_logits: boolean,
  axis: classAxis,
};

export const SMOOTHING = number({ min: 0, max: 1 });
export const ALPHAS = { one: number({ min: 0 }), many: numbers({ min: 0 }) };

/** The common options in the package's words. */
export function commonOf({ reduction = 'sum_over_batch_size', axis }: KerasCrossentropyOptions): {
  readonly dataFormat: DataFormat;
  readonly reduction: 'mean' | 'sum';
  readonly byWeights: boolean;
  readonly none: boolean;
} {
  return {
    dataFormat: formatOf(axis),
    reduction: reduction === 'sum' ? 'sum' : 'mean',
    byWeights: reduction === 'mean_with_sample_weight',
    none: reduction === 'none' || reduction === null,
  };
}
