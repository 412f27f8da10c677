/**
 * The losses of nnU-Net v2 under their names and parameters, value and gradient.
 *
 * A prediction is `[N, C, ...spatial]`, a label map `[N, 1, ...spatial]` or `[N, ...spatial]`. `null` is Python's None. Each is
 * a setting of a loss of the package, or a `weightedSum` of such, and its `toJSON` is that; only `clip_tp` and
 * `use_ignore_label` make losses of their own, which come back with `lossFromJSON(json, { losses: { [name]: factory } })`.
 *
 * @module
 */
import { checkOptions, numbers } from '../check/options.js';
import { deepSupervision, type DeepSupervision } from '../combinator/deep-supervision.js';
import type { Loss } from '../types.js';
import { required } from './peer.js';

export {
  DC_and_BCE_loss,
  DC_and_CE_loss,
  DC_and_topk_loss,
  type NnunetCompoundOptions,
  type NnunetDiceBinaryCrossEntropyOptions,
  type NnunetDiceClass,
  type NnunetDiceCrossEntropyOptions,
  type NnunetDiceTopKOptions,
} from './nnunet/compound.js';
export {
  MemoryEfficientSoftDiceLoss,
  type NnunetDiceOptions,
  type NnunetNonlinearity,
  type NnunetSoftDiceOptions,
  SoftDiceLoss,
} from './nnunet/dice.js';
export { type NnunetTopKOptions, RobustCrossEntropyLoss, TopKLoss } from './nnunet/entropy.js';

/** Options of nnU-Net's `DeepSupervisionWrapper`. */
export interface NnunetDeepSupervisionOptions {
  readonly loss: Loss;
  /** One weight a scale, finest first. nnU-Net takes 1, 1/2, 1/4 …, the last 0, over their sum. */
  readonly weight_factors: readonly number[];
}

/**
 * nnU-Net's `DeepSupervisionWrapper`: `deepSupervision(loss, { weights: weight_factors })` with a target a scale.
 *
 * Formula: Σ_s weight_s·loss_s. Weights are taken as they are.
 * Shapes: lists of predictions, of targets and of `shapes`, finest first.
 * Errors: `TypeError` without loss or weights (nnU-Net says that without all are 1, and fails); `RangeError` for weights
 * that are all 0.
 *
 * @example
 * ```ts
 * import { DeepSupervisionWrapper, SoftDiceLoss } from 'segloss/compat/nnunet';
 *
 * const wrapper = DeepSupervisionWrapper({ loss: SoftDiceLoss({ smooth: 0 }), weight_factors: [1, 0.5] });
 * const predictions = [new Float32Array([1, 0, 0, 0]), new Float32Array([1, 0])];
 * const targets = [new Uint8Array([1, 1, 0, 0]), new Uint8Array([1, 0])];
 * wrapper.value(predictions, targets, { shapes: [[1, 1, 4], [1, 1, 2]] }); // => -1.1667
 * ```
 */
export function DeepSupervisionWrapper(options: NnunetDeepSupervisionOptions): DeepSupervision {
  const name = 'DeepSupervisionWrapper';
  const given = checkOptions<NnunetDeepSupervisionOptions>(name, options, {
    loss: () => undefined,
    weight_factors: numbers({}),
  });
  required(given.loss, 'loss', name);
  required(given.weight_factors, 'weight_factors', name);
  if (given.weight_factors.every((weight) => weight === 0)) {
    throw new RangeError('"weight_factors" expected at least one weight other than 0');
  }
  // The loss as given: a checked copy of it would be no loss.
  return deepSupervision(options.loss, { weights: given.weight_factors });
}
