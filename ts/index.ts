/**
 * Image segmentation losses for extreme class imbalance: value and analytic gradient over flat typed arrays.
 *
 * @module
 */
export {
  deepSupervision,
  type DeepSupervision,
  type DeepSupervisionCall,
  type DeepSupervisionOptions,
} from './combinator/deep-supervision.js';
export { regions } from './combinator/regions.js';
export { type CompoundOptions } from './define.js';
export { backend, type Backend, setup, type SetupOptions } from './backend.js';
export { ShapeError } from './errors.js';
export { type FromJSONOptions, lossFromJSON } from './from-json.js';
export { checkGradient, type GradientCheck, type GradientCheckOptions } from './gradient-check.js';
export { binaryCrossEntropyLoss, type BinaryCrossEntropyOptions } from './loss/binary-cross-entropy.js';
export { crossEntropyLoss } from './loss/cross-entropy.js';
export { diceLoss, type OverlapOptions } from './loss/dice.js';
export { focalLoss, type FocalOptions } from './loss/focal.js';
export { focalTverskyLoss, type FocalTverskyOptions } from './loss/focal-tversky.js';
export {
  generalizedDiceLoss,
  type GeneralizedDiceOptions,
  type GeneralizedDiceRatioOptions,
} from './loss/generalized-dice.js';
export { jaccardLoss } from './loss/jaccard.js';
export { type RegionFormula, regionLoss } from './loss/region-loss.js';
export {
  sensitivitySpecificityLoss,
  type SensitivitySpecificityOptions,
} from './loss/sensitivity-specificity.js';
export type { Threads } from './threads.js';
export { tverskyLoss, type TverskyOptions } from './loss/tversky.js';
export { weightedSum, type WeightedSumOptions } from './loss/weighted-sum.js';
export { comboLoss, type ComboOptions } from './loss/combo.js';
export {
  exponentialLogarithmicLoss,
  type ExponentialLogarithmicOptions,
} from './loss/exponential-logarithmic.js';
export { fBetaLoss, type FBetaOptions } from './loss/f-beta.js';
export {
  generalizedCrossEntropyLoss,
  type GeneralizedCrossEntropyOptions,
} from './loss/generalized-cross-entropy.js';
export { matthewsLoss } from './loss/matthews.js';
export {
  penaltyGeneralizedDiceLoss,
  type PenaltyGeneralizedDiceOptions,
} from './loss/penalty-generalized-dice.js';
export { polyCrossEntropyLoss, type PolyCrossEntropyOptions } from './loss/poly-cross-entropy.js';
export { qualityFocalLoss, type QualityFocalOptions } from './loss/quality-focal.js';
export { unifiedFocalLoss, type UnifiedFocalOptions } from './loss/unified-focal.js';
export { balancedCrossEntropyLoss, type BalancedCrossEntropyOptions } from './loss/balanced-cross-entropy.js';
export {
  generalizedWassersteinDiceLoss,
  type GeneralizedWassersteinDiceOptions,
} from './loss/generalized-wasserstein-dice.js';
export { lovaszHingeLoss, type LovaszHingeOptions } from './loss/lovasz-hinge.js';
export { lovaszSoftmaxLoss, type LovaszSoftmaxOptions } from './loss/lovasz-softmax.js';
export { ohemCrossEntropyLoss, type OhemCrossEntropyOptions } from './loss/ohem-cross-entropy.js';
export { topKCrossEntropyLoss, type TopKCrossEntropyOptions } from './loss/top-k-cross-entropy.js';
export { Sums } from './sums.js';
export type * from './types.js';
