/**
 * The losses of MONAI under their names and parameters, value and gradient.
 *
 * A prediction is `[N, C, ...spatial]`; a target is a label map (`[N, ...spatial]`, MONAI's `[N, 1, ...spatial]` with
 * `to_onehot_y`) or of the prediction's shape: its length says which. `null` is Python's None. `reduction: 'none'` is read
 * with `unreduced()`; `value` is then the mean. Each is a setting of a loss of the package, and its `toJSON` is that loss's,
 * where its docstring says nothing else. Not here: NACLLoss, whose penalty is of logits against smoothed labels. The Hausdorff
 * and clDice losses need the geometry module, which a bundler leaves out where they are not used; `setup` of
 * `segloss/geometric` is theirs.
 *
 * @module
 */
export {
  type MonaiClDiceOptions,
  type MonaiDiceClDiceOptions,
  SoftclDiceLoss,
  SoftDiceclDiceLoss,
} from './monai/cl-dice.js';
export {
  DiceCELoss,
  DiceFocalLoss,
  GeneralizedDiceFocalLoss,
  type MonaiDiceCEOptions,
  type MonaiDiceFocalOptions,
  type MonaiGeneralizedDiceFocalOptions,
} from './monai/compound.js';
export {
  DiceLoss,
  MaskedDiceLoss,
  type MonaiDiceOptions,
  type MonaiMaskedDiceOptions,
  type MonaiTverskyOptions,
  TverskyLoss,
} from './monai/dice.js';
export { FocalLoss, type MonaiFocalOptions } from './monai/focal.js';
export {
  AsymmetricUnifiedFocalLoss,
  GeneralizedDiceLoss,
  GeneralizedWassersteinDiceLoss,
  MCCLoss,
  type MonaiGeneralizedDiceOptions,
  type MonaiUnifiedFocalOptions,
  type MonaiWassersteinOptions,
} from './monai/generalized.js';
export { HausdorffDTLoss, LogHausdorffDTLoss, type MonaiHausdorffOptions } from './monai/hausdorff.js';
export { type MonaiRegionOptions, type MonaiWeight } from './monai/options.js';
export { type PeerReduction } from './peer.js';
