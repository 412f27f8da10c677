/** Parameters that MONAI's losses share, and what they are here. */
import { boolean, number, numberOrNumbers, refuse, type Rules } from '../../check/options.js';
import type { Activation, Overlap, RegionOptions, Smooth } from '../../types.js';
import { only, orNone, type PeerReduction, REDUCTION, reductionOf } from '../peer.js';

/** Parameters of every loss of regions. */
export interface MonaiRegionOptions {
  /** `false`: without channel 0; default `true`. */
  readonly include_background?: boolean | undefined;
  /** The target is a label map; default `false`. Its length says so here. */
  readonly to_onehot_y?: boolean | undefined;
  /** The prediction is logits of independent channels; default `false`. */
  readonly sigmoid?: boolean | undefined;
  /** The prediction is logits of a distribution; default `false`. Neither: it is probabilities. */
  readonly softmax?: boolean | undefined;
  /** A callable has no gradient here: only `null`. */
  readonly other_act?: null | undefined;
  readonly reduction?: PeerReduction | undefined;
  /** Added to the numerator; default 1e-5. */
  readonly smooth_nr?: number | undefined;
  /** Added to the denominator; default 1e-5. */
  readonly smooth_dr?: number | undefined;
  /** Sums over the batch; default `false`: of each sample. */
  readonly batch?: boolean | undefined;
}

/** Weights of classes, without that of a background left out; or one number for all. */
export type MonaiWeight = number | readonly number[] | null | undefined;

const CALLABLE =
  'a callable has no gradient here; give what it returns, with neither sigmoid nor softmax, if that is probabilities';
const positive = number({ min: 0 });

export const REGION: Rules = {
  include_background: boolean,
  to_onehot_y: boolean,
  sigmoid: boolean,
  softmax: boolean,
  other_act: only(null, CALLABLE),
  reduction: REDUCTION,
  smooth_nr: positive,
  smooth_dr: positive,
  batch: boolean,
};
export const WEIGHT = orNone(numberOrNumbers({ min: 0 }));
export const IGNORE_INDEX = orNone(number({ integer: true }));

export function activationOf({ sigmoid, softmax }: MonaiRegionOptions): Activation {
  if (sigmoid && softmax) refuse('"sigmoid" and "softmax" are incompatible; give one of them');
  return sigmoid ? 'sigmoid' : softmax ? 'softmax' : 'none';
}

export function smoothOf({ smooth_nr = 1e-5, smooth_dr = 1e-5 }: MonaiRegionOptions): Smooth {
  return { numerator: smooth_nr, denominator: smooth_dr };
}

/** What the parameters of a loss of regions are here. */
export function regionOf(given: MonaiRegionOptions): RegionOptions {
  return {
    activation: activationOf(given),
    reduction: reductionOf(given.reduction ?? 'mean'),
    includeBackground: given.include_background,
    aggregate: given.batch ? 'batch' : 'sample',
  };
}

/** One weight a channel; the one of a background left out is never used. */
export function channelWeights(
  weight: MonaiWeight,
  includeBackground: boolean | undefined,
): readonly number[] | undefined {
  if (typeof weight !== 'object' || weight === null) return undefined;
  return includeBackground === false ? [0, ...weight] : weight;
}

/** How the overlap of a soft label is counted. */
export function overlapOf({
  soft_label,
}: {
  readonly soft_label?: boolean | undefined;
}): Overlap | undefined {
  return soft_label ? 'minimum' : undefined;
}
