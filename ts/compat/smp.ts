/**
 * The losses of segmentation_models_pytorch under their names and parameters, value and gradient.
 *
 * A prediction is `[N, C, ...spatial]`; the target is a label map in mode 'multiclass', else of the prediction's length.
 * `null` is Python's None, weights of channels are one number each. `reduction: 'none'` is read with `unreduced()`; `value`
 * is then the mean. Each is a setting of a loss of the package, and its `toJSON` is that loss's, where its docstring says
 * nothing else.
 *
 * @module
 */
export { type PeerReduction } from './peer.js';
export { type SmpMode } from './smp/options.js';
export {
  FocalLoss,
  LovaszLoss,
  type SmpFocalOptions,
  type SmpLovaszOptions,
  type SmpSoftBCEOptions,
  type SmpSoftCrossEntropyOptions,
  SoftBCEWithLogitsLoss,
  SoftCrossEntropyLoss,
} from './smp/pixel.js';
export {
  DiceLoss,
  JaccardLoss,
  MCCLoss,
  type SmpDiceOptions,
  type SmpMCCOptions,
  type SmpTverskyOptions,
  TverskyLoss,
} from './smp/region.js';
