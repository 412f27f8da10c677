/**
 * Losses from plain data, and the list of all losses.
 *
 * @module
 */
import { checkNames, nearest } from './check/nearest.js';
import { show } from './check/options.js';
import { regions } from './combinator/regions.js';
import { binaryCrossEntropyLoss } from './loss/binary-cross-entropy.js';
import { comboLoss } from './loss/combo.js';
import { exponentialLogarithmicLoss } from './loss/exponential-logarithmic.js';
import { fBetaLoss } from './loss/f-beta.js';
import { generalizedCrossEntropyLoss } from './loss/generalized-cross-entropy.js';
import { matthewsLoss } from './loss/matthews.js';
import { penaltyGeneralizedDiceLoss } from './loss/penalty-generalized-dice.js';
import { polyCrossEntropyLoss } from './loss/poly-cross-entropy.js';
import { qualityFocalLoss } from './loss/quality-focal.js';
import { unifiedFocalLoss } from './loss/unified-focal.js';
import { balancedCrossEntropyLoss } from './loss/balanced-cross-entropy.js';
import { generalizedWassersteinDiceLoss } from './loss/generalized-wasserstein-dice.js';
import { lovaszHingeLoss } from './loss/lovasz-hinge.js';
import { lovaszSoftmaxLoss } from './loss/lovasz-softmax.js';
import { ohemCrossEntropyLoss } from './loss/ohem-cross-entropy.js';
import { topKCrossEntropyLoss } from './loss/top-k-cross-entropy.js';
import { crossEntropyLoss } from './loss/cross-entropy.js';
import { diceLoss } from './loss/dice.js';
import { focalLoss } from './loss/focal.js';
import { focalTverskyLoss } from './loss/focal-tversky.js';
import { generalizedDiceLoss } from './loss/generalized-dice.js';
import { jaccardLoss } from './loss/jaccard.js';
import { sensitivitySpecificityLoss } from './loss/sensitivity-specificity.js';
import { tverskyLoss } from './loss/tversky.js';
import { weightedSum } from './loss/weighted-sum.js';
import type { Loss, LossConfig } from './types.js';

/** A function that makes a loss from its options. */
export type LossFactory = (options?: object) => Loss;

const LOSSES: Readonly<Record<string, LossFactory>> = {
  binaryCrossEntropyLoss,
  crossEntropyLoss,
  diceLoss,
  focalLoss,
  focalTverskyLoss,
  generalizedDiceLoss,
  jaccardLoss,
  sensitivitySpecificityLoss,
  tverskyLoss,
  comboLoss,
  exponentialLogarithmicLoss,
  fBetaLoss,
  generalizedCrossEntropyLoss,
  matthewsLoss,
  penaltyGeneralizedDiceLoss,
  polyCrossEntropyLoss,
  qualityFocalLoss,
  unifiedFocalLoss,
  balancedCrossEntropyLoss,
  generalizedWassersteinDiceLoss: generalizedWassersteinDiceLoss as LossFactory,
  lovaszHingeLoss,
  lovaszSoftmaxLoss,
  ohemCrossEntropyLoss,
  topKCrossEntropyLoss,
};

/** Options of `lossFromJSON`. */
export interface FromJSONOptions {
  /** Factories of losses of one's own, by name. */
  readonly losses?: Readonly<Record<string, (options?: never) => Loss>> | undefined;
}

/**
 * The loss that `toJSON` describes.
 *
 * Errors: `TypeError` for data that is no configuration; `RangeError` for a name nobody knows, with the nearest one.
 *
 * @example
 * ```ts
 * import { diceLoss, lossFromJSON } from 'segloss';
 *
 * const text = JSON.stringify(diceLoss({ smooth: 1 }));
 * lossFromJSON(JSON.parse(text)).toJSON(); // => {"name":"diceLoss","options":{"smooth":1}}
 * ```
 */
export function lossFromJSON(config: LossConfig, options: FromJSONOptions = {}): Loss {
  if (typeof config !== 'object' || (config as unknown) === null || typeof config.name !== 'string') {
    throw new TypeError(`"config" expected { name, options }, got ${show(config)}`);
  }
  checkNames(config, ['name', 'options', 'terms'], '"config"');
  if (config.name === 'weightedSum' || config.name === 'regions') {
    if (!Array.isArray(config.terms)) {
      throw new TypeError(`"config.terms" expected pairs [weight, config], got ${show(config.terms)}`);
    }
    const terms = config.terms.map((pair: readonly [number, LossConfig], i): [number, Loss] => {
      if (!Array.isArray(pair)) {
        throw new TypeError(`"config.terms[${i}]" expected a pair [weight, config], got ${show(pair)}`);
      }
      return [pair[0], lossFromJSON(pair[1], options)];
    });
    if (config.name === 'weightedSum') return weightedSum(terms, config.options);
    return regions(terms[0]?.[1] as Loss, config.options.sets as number[][]);
  }
  const known: Readonly<Record<string, LossFactory>> = {
    ...LOSSES,
    ...(options.losses as Readonly<Record<string, LossFactory>> | undefined),
  };
  const factory = Object.hasOwn(known, config.name) ? known[config.name] : undefined;
  if (factory === undefined) {
    const suggestion = nearest(config.name, Object.keys(known));
    const hint = suggestion
      ? `did you mean "${suggestion}"?`
      : 'give its factory as losses: { name: factory }';
    throw new RangeError(`"config.name" expected a known loss, got "${config.name}"; ${hint}`);
  }
  return factory(config.options);
}
