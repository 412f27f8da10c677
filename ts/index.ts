/**
 * Image segmentation losses for extreme class imbalance: value and analytic gradient over flat typed arrays.
 *
 * @module
 */
export { backend, type Backend, setup, type SetupOptions } from './backend.js';
export { ShapeError } from './errors.js';
export { type FromJSONOptions, lossFromJSON } from './from-json.js';
export { checkGradient, type GradientCheck, type GradientCheckOptions } from './gradient-check.js';
export { binaryCrossEntropyLoss, type BinaryCrossEntropyOptions } from './loss/binary-cross-entropy.js';
export { crossEntropyLoss } from './loss/cross-entropy.js';
export { diceLoss, type OverlapOptions } from './loss/dice.js';
export { focalLoss, type FocalOptions } from './loss/focal.js';
export { focalTverskyLoss, type FocalTverskyOptions } from './loss/focal-tversky.js';
export { generalizedDiceLoss, type GeneralizedDiceOptions } from './loss/generalized-dice.js';
export { jaccardLoss } from './loss/jaccard.js';
export { type RegionFormula, regionLoss } from './loss/region-loss.js';
export {
  sensitivitySpecificityLoss,
  type SensitivitySpecificityOptions,
} from './loss/sensitivity-specificity.js';
export type { Threads } from './threads.js';
export { tverskyLoss, type TverskyOptions } from './loss/tversky.js';
export { weightedSum, type WeightedSumOptions } from './loss/weighted-sum.js';
export { Sums } from './sums.js';
export type * from './types.js';
