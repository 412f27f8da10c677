/**
 * The losses of nnU-Net v2 under their names and parameters, value and gradient.
 *
 * A prediction is `[N, C, ...spatial]`, a label map `[N, 1, ...spatial]` or `[N, ...spatial]`. `null` is Python's None. Each is
 * a setting of a loss of the package, or a `weightedSum` of such, and its `toJSON` is that; only `clip_tp` and
 * `use_ignore_label` make losses of their own, which come back with `lossFromJSON(json, { losses: { [name]: factory } })`.
 *
 * @module
 */
import {
  boolean,
  checkOptions,
  number,
  numbers,
  oneOf,
  type Rule,
  type Rules,
  show,
} from '../check/options.js';
import { deepSupervision, type DeepSupervision } from '../combinator/deep-supervision.js';
import { topKCrossEntropyLoss } from '../loss/top-k-cross-entropy.js';
import { weightedSum } from '../loss/weighted-sum.js';
import type { Loss, LossConfig } from '../types.js';
import { ignoreChannel } from './nnunet-ignore.js';
import {
  DICE,
  diceOf,
  MemoryEfficientSoftDiceLoss,
  type NnunetDiceOptions,
  type NnunetNonlinearity,
  type NnunetSoftDiceOptions,
  SoftDiceLoss,
} from './nnunet-dice.js';
import { orNone, required } from './peer.js';
import {
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  type TorchBCEWithLogitsOptions,
  type TorchCrossEntropyOptions,
} from './torch.js';

export { MemoryEfficientSoftDiceLoss, SoftDiceLoss };
export type { NnunetDiceOptions, NnunetNonlinearity, NnunetSoftDiceOptions };

/**
 * nnU-Net's `RobustCrossEntropyLoss`: torch's `CrossEntropyLoss` of a target with an axis more.
 *
 * Formula: Σ_k w_k g'_k (lse(z) − z_k), the mean over Σ w_y, as `CrossEntropyLoss` of `segloss/compat/torch`:
 * `crossEntropyLoss({ classWeights: weight, ignoreIndex: ignore_index, normalizer: 'labelWeights', labelSmoothing })`.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target `[N, 1, ...spatial]` or `[N, ...spatial]`, labels.
 * Range: [0, ∞) nats.
 * Numerics: as `crossEntropyLoss`, whose `toJSON` it has; against nnU-Net in f64 in `test/compat.test.ts`.
 * Errors: as every loss; where everything is ignored the mean is 0, torch's NaN.
 * Source: nnU-Net 2.8.1, `training/loss/robust_ce_loss.py`; F. Isensee et al., 2021.
 *
 * @example
 * ```ts
 * import { RobustCrossEntropyLoss } from 'segloss/compat/nnunet';
 *
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // class 0 of three pixels, then class 1
 * const loss = RobustCrossEntropyLoss({ weight: [1, 3], ignore_index: 255 });
 * loss.value(logits, new Uint8Array([0, 255, 1]), { shape: [1, 2, 3] }); // => 0.0682
 * ```
 */
export function RobustCrossEntropyLoss(options?: TorchCrossEntropyOptions): Loss {
  return CrossEntropyLoss(options);
}

/** Options of nnU-Net's `TopKLoss`. */
export interface NnunetTopKOptions {
  /** One weight a class; default none. */
  readonly weight?: readonly number[] | null | undefined;
  /** Pixels of this label have loss 0; default −100. */
  readonly ignore_index?: number | undefined;
  /** The share of all pixels that counts, in (0, 100]; default 10. */
  readonly k?: number | undefined;
  /** In [0, 1); default 0. */
  readonly label_smoothing?: number | undefined;
}

const TOP_K: Rules = {
  weight: orNone(numbers({ min: 0 })),
  ignore_index: number({ integer: true }),
  k: number({ min: 0, max: 100 }),
  label_smoothing: number({ min: 0, below: 1 }),
};

/**
 * nnU-Net's `TopKLoss`: cross-entropy of the hardest pixels.
 *
 * Formula: the mean of the ⌊n·k/100⌋ largest of w_y (−ln p_y), n the number of all pixels, ignored ones too:
 * `topKCrossEntropyLoss({ activation: 'softmax', percent: k, normalizer: 'all', ignoreIndex: ignore_index, classWeights:
 * weight, labelSmoothing, smoothedWeights: true })`.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target `[N, 1, ...spatial]`, labels.
 * Range: [0, ∞) nats.
 * Numerics: as `topKCrossEntropyLoss`, whose `toJSON` it has; against nnU-Net in f64 in `test/compat.test.ts`.
 * Errors: as every loss; of fewer than 100/k pixels one is taken, where nnU-Net gives NaN.
 * Source: nnU-Net 2.8.1, `training/loss/robust_ce_loss.py`; Z. Wu et al., 2016.
 *
 * @example
 * ```ts
 * import { TopKLoss } from 'segloss/compat/nnunet';
 *
 * const logits = new Float32Array([2, 1, 0, 0, 0, 0, 0, 3]); // class 0 of four pixels, then class 1
 * TopKLoss({ k: 50 }).value(logits, new Uint8Array([0, 0, 1, 1]), { shape: [1, 2, 4] }); // => 0.5032
 * ```
 */
export function TopKLoss(options?: NnunetTopKOptions): Loss {
  const given = checkOptions('TopKLoss', options, TOP_K);
  const { ignore_index: ignoreIndex = -100, k = 10, label_smoothing: labelSmoothing = 0 } = given;
  return topKCrossEntropyLoss({
    activation: 'softmax',
    percent: k,
    normalizer: 'all',
    ignoreIndex,
    ...(given.weight && { classWeights: given.weight }),
    ...(labelSmoothing > 0 && { labelSmoothing, smoothedWeights: true }),
  });
}

/** Names, which JSON can hold, or the functions of this module themselves. */
export type NnunetDiceClass =
  'SoftDiceLoss' | 'MemoryEfficientSoftDiceLoss' | typeof SoftDiceLoss | typeof MemoryEfficientSoftDiceLoss;

/** What the compounds of nnU-Net share. */
interface CompoundOptions {
  /** Options of the Dice loss but for `apply_nonlin`, which is the compound's. */
  readonly soft_dice_kwargs: Omit<NnunetSoftDiceOptions, 'apply_nonlin'>;
  /** Weight of the cross-entropy; default 1. */
  readonly weight_ce?: number | undefined;
  /** Weight of the Dice loss; default 1. */
  readonly weight_dice?: number | undefined;
}

/** Options of nnU-Net's `DC_and_CE_loss`. */
export interface NnunetDiceCrossEntropyOptions extends CompoundOptions {
  /** Options of `RobustCrossEntropyLoss`. */
  readonly ce_kwargs: TorchCrossEntropyOptions;
  /** Pixels of this label are left out of both; `null` (default): none. */
  readonly ignore_label?: number | null | undefined;
  /** Default `SoftDiceLoss`; the two differ in `clip_tp` alone. */
  readonly dice_class?: NnunetDiceClass | undefined;
}

/** Options of nnU-Net's `DC_and_topk_loss`. */
export interface NnunetDiceTopKOptions extends CompoundOptions {
  /** Options of `TopKLoss`. */
  readonly ce_kwargs: NnunetTopKOptions;
  /** Pixels of this label are left out of the Dice loss and have loss 0 in the other; `null` (default): none. */
  readonly ignore_label?: number | null | undefined;
}

/** Options of nnU-Net's `DC_and_BCE_loss`. */
export interface NnunetDiceBinaryCrossEntropyOptions extends CompoundOptions {
  /** Options of torch's `BCEWithLogitsLoss`. */
  readonly bce_kwargs: TorchBCEWithLogitsOptions;
  /** Whether the target has a last channel more, 1 where a pixel is left out; default false. */
  readonly use_ignore_label?: boolean | undefined;
  /** Default `MemoryEfficientSoftDiceLoss`; the two differ in `clip_tp` alone. */
  readonly dice_class?: NnunetDiceClass | undefined;
}

const kwargs: Rule = (value, name) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`"${name}" expected an options object, got ${show(value)}`);
  }
};
const diceClass: Rule = (value, name) => {
  if (value !== SoftDiceLoss && value !== MemoryEfficientSoftDiceLoss) {
    oneOf('SoftDiceLoss', 'MemoryEfficientSoftDiceLoss')(value, name);
  }
};
const COMPOUND = { soft_dice_kwargs: kwargs, weight_ce: number(), weight_dice: number() };
const LABEL = { ce_kwargs: kwargs, ignore_label: orNone(number({ integer: true })) };

/** The options of the Dice loss of a compound. */
function diceOptions(
  { soft_dice_kwargs: given }: CompoundOptions,
  apply_nonlin: NnunetNonlinearity,
  dice: NnunetDiceClass,
): NnunetSoftDiceOptions {
  const clips = dice === 'SoftDiceLoss' || dice === SoftDiceLoss;
  const rules: Rules = { ...DICE, ...(clips && { clip_tp: orNone(number({ min: 0 })) }) };
  return { ...checkOptions('soft_dice_kwargs', given, rules), apply_nonlin };
}

/** Both parts of a compound of softmax, as one sum. */
function together<K extends { readonly ignore_index?: number | undefined }>(
  given: CompoundOptions & { readonly ce_kwargs: K; readonly ignore_label?: number | null | undefined },
  entropy: (options: K) => Loss,
  dice: NnunetDiceClass,
): Loss {
  const { weight_ce = 1, weight_dice = 1, ignore_label = null } = given;
  const ce: K = { ...given.ce_kwargs, ...(ignore_label !== null && { ignore_index: ignore_label }) };
  const options = diceOptions(given, 'softmax_helper_dim1', dice);
  // A label below 0 is no class: left out of both, the two share one pass.
  const { ignore_index = -100 } = ce;
  const shared = ignore_label !== null || ignore_index < 0 ? { ignoreIndex: ignore_index } : {};
  return weightedSum([
    [weight_ce, entropy(ce)],
    [weight_dice, diceOf(options, shared)],
  ]);
}

/**
 * nnU-Net's `DC_and_CE_loss`, what it trains with on labels.
 *
 * Formula: weight_ce·CE + weight_dice·(−Dice), of one softmax: `weightedSum([[weight_ce, crossEntropyLoss({ ignoreIndex, … })],
 * [weight_dice, diceLoss({ activation: 'softmax', transform: 'negative', ignoreIndex, … })]])`, options as
 * `RobustCrossEntropyLoss` and `SoftDiceLoss` have them.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target `[N, 1, ...spatial]`, labels.
 * Range: [−weight_dice, ∞), nats and no unit added up.
 * Numerics: those of its parts, which share passes; against nnU-Net in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `TypeError` without `soft_dice_kwargs` or `ce_kwargs`. Where everything is ignored the loss is 0,
 * nnU-Net's −weight_dice.
 * Source: nnU-Net 2.8.1, `training/loss/compound_losses.py`; F. Isensee et al., "nnU-Net", Nature Methods 18, 2021.
 *
 * @example
 * ```ts
 * import { DC_and_CE_loss } from 'segloss/compat/nnunet';
 *
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // class 0 of three pixels, then class 1
 * const soft_dice_kwargs = { batch_dice: true, smooth: 1e-5, do_bg: false };
 * const loss = DC_and_CE_loss({ soft_dice_kwargs, ce_kwargs: {}, ignore_label: 255 });
 * loss.value(logits, new Uint8Array([0, 255, 1]), { shape: [1, 2, 3] }); // => -0.8318
 * ```
 */
export function DC_and_CE_loss(options: NnunetDiceCrossEntropyOptions): Loss {
  const name = 'DC_and_CE_loss';
  const rules: Rules = { ...COMPOUND, ...LABEL, dice_class: diceClass };
  const given = checkOptions<NnunetDiceCrossEntropyOptions>(name, options, rules);
  required(given.soft_dice_kwargs, 'soft_dice_kwargs', name);
  required(given.ce_kwargs, 'ce_kwargs', name);
  return together(given, RobustCrossEntropyLoss, given.dice_class ?? 'SoftDiceLoss');
}

/**
 * nnU-Net's `DC_and_topk_loss`.
 *
 * Formula: weight_ce·TopK + weight_dice·(−Dice), of softmax: `weightedSum([[weight_ce, topKCrossEntropyLoss({ … })],
 * [weight_dice, diceLoss({ activation: 'softmax', transform: 'negative', … })]])`, options as `TopKLoss` and `SoftDiceLoss` have
 * them.
 * Shapes: prediction `[N, C, ...spatial]`, C ≥ 2; target `[N, 1, ...spatial]`, labels.
 * Range: [−weight_dice, ∞), nats and no unit added up.
 * Numerics: those of its parts; against nnU-Net in f64 in `test/compat.test.ts`. Does not merge, since it ranks pixels.
 * Errors: as every loss; `TypeError` without `soft_dice_kwargs` or `ce_kwargs`. Where everything is ignored the loss is 0,
 * nnU-Net's −weight_dice.
 * Source: nnU-Net 2.8.1, `training/loss/compound_losses.py`; F. Isensee et al., 2021.
 *
 * @example
 * ```ts
 * import { DC_and_topk_loss } from 'segloss/compat/nnunet';
 *
 * const logits = new Float32Array([2, 1, 0, 0, 0, 0, 0, 3]); // class 0 of four pixels, then class 1
 * const loss = DC_and_topk_loss({ soft_dice_kwargs: { smooth: 1e-5 }, ce_kwargs: { k: 50 } });
 * loss.value(logits, new Uint8Array([0, 0, 1, 1]), { shape: [1, 2, 4] }); // => -0.2625
 * ```
 */
export function DC_and_topk_loss(options: NnunetDiceTopKOptions): Loss {
  const name = 'DC_and_topk_loss';
  const given = checkOptions<NnunetDiceTopKOptions>(name, options, { ...COMPOUND, ...LABEL });
  required(given.soft_dice_kwargs, 'soft_dice_kwargs', name);
  required(given.ce_kwargs, 'ce_kwargs', name);
  return together(given, TopKLoss, 'SoftDiceLoss');
}

/**
 * nnU-Net's `DC_and_BCE_loss`, what it trains with on regions.
 *
 * Formula: weight_ce·BCE + weight_dice·(−Dice), of one sigmoid: `weightedSum([[weight_ce, binaryCrossEntropyLoss()],
 * [weight_dice, diceLoss({ activation: 'sigmoid', transform: 'negative', … })]])`, options as torch's `BCEWithLogitsLoss` and
 * `MemoryEfficientSoftDiceLoss` have them. BCE is a mean over elements, but under `use_ignore_label` Σ BCE over the pixels
 * that count: R times as much for R regions (`meanOver: 'pixels'`).
 * Shapes: prediction `[N, R, ...spatial]`; target `[N, R, ...spatial]`, 0 and 1, under `use_ignore_label` with one channel
 * more, 1 where a pixel is left out.
 * Range: [−weight_dice, ∞), nats and no unit added up.
 * Numerics: those of its parts, which share passes; against nnU-Net in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `TypeError` without `soft_dice_kwargs` or `bce_kwargs`; `ShapeError` for a target without its last
 * channel. Where everything is left out the loss is 0, nnU-Net's −weight_dice.
 * Source: nnU-Net 2.8.1, `training/loss/compound_losses.py`; F. Isensee et al., 2021.
 *
 * @example
 * ```ts
 * import { DC_and_BCE_loss } from 'segloss/compat/nnunet';
 *
 * const logits = new Float32Array([3, -3, -3, 1]); // one region
 * const target = new Uint8Array([1, 0, 0, 1, 0, 0, 0, 1]); // and that the last pixel is left out
 * const soft_dice_kwargs = { smooth: 1e-5 };
 * const loss = DC_and_BCE_loss({ bce_kwargs: {}, soft_dice_kwargs, use_ignore_label: true });
 * loss.value(logits, target, { shape: [1, 1, 2, 2] }); // => -0.8819
 * ```
 */
export function DC_and_BCE_loss(options: NnunetDiceBinaryCrossEntropyOptions): Loss {
  const name = 'DC_and_BCE_loss';
  const given = checkOptions<NnunetDiceBinaryCrossEntropyOptions>(name, options, {
    ...COMPOUND,
    bce_kwargs: kwargs,
    use_ignore_label: boolean,
    dice_class: diceClass,
  });
  required(given.bce_kwargs, 'bce_kwargs', name);
  required(given.soft_dice_kwargs, 'soft_dice_kwargs', name);
  const { weight_ce = 1, weight_dice = 1, use_ignore_label = false, dice_class: dice } = given;
  const ofDice = diceOf(diceOptions(given, 'torch.sigmoid', dice ?? 'MemoryEfficientSoftDiceLoss'));
  if (!use_ignore_label) {
    return weightedSum([
      [weight_ce, BCEWithLogitsLoss(given.bce_kwargs)],
      [weight_dice, ofDice],
    ]);
  }
  const config: LossConfig = {
    name,
    options: { ...given, ...(typeof dice === 'function' && { dice_class: dice.name }) },
  };
  return ignoreChannel(config, [weight_ce, given.bce_kwargs], [weight_dice, ofDice]);
}

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
