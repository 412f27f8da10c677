/** The compounds of nnU-Net: Dice and a cross-entropy. */
import { boolean, checkOptions, number, oneOf, type Rule, type Rules, show } from '../../check/options.js';
import { ShapeError } from '../../errors.js';
import { compoundLoss } from '../../define.js';
import { TermLoss } from '../../loss.js';
import { binaryCrossEntropyLoss } from '../../loss/binary-cross-entropy.js';
import { weightedSum } from '../../loss/weighted-sum.js';
import type { Loss, LossCall, Target } from '../../types.js';
import { orNone, required } from '../peer.js';
import { pixelsOf, reading } from '../reading.js';
import {
  BCEWithLogitsLoss,
  type TorchBCEWithLogitsOptions,
  type TorchCrossEntropyOptions,
} from '../torch.js';
import {
  DICE,
  diceOf,
  MemoryEfficientSoftDiceLoss,
  type NnunetNonlinearity,
  type NnunetSoftDiceOptions,
  SoftDiceLoss,
} from './dice.js';
import { type NnunetTopKOptions, RobustCrossEntropyLoss, TopKLoss } from './entropy.js';

/** Names, which JSON can hold, or the functions of this module themselves. */
export type NnunetDiceClass =
  'SoftDiceLoss' | 'MemoryEfficientSoftDiceLoss' | typeof SoftDiceLoss | typeof MemoryEfficientSoftDiceLoss;

/** What the compounds of nnU-Net share. */
export interface NnunetCompoundOptions {
  /** Options of the Dice loss but for `apply_nonlin`, which is the compound's. */
  readonly soft_dice_kwargs: Omit<NnunetSoftDiceOptions, 'apply_nonlin'>;
  /** Weight of the cross-entropy; default 1. */
  readonly weight_ce?: number | undefined;
  /** Weight of the Dice loss; default 1. */
  readonly weight_dice?: number | undefined;
}

/** Options of nnU-Net's `DC_and_CE_loss`. */
export interface NnunetDiceCrossEntropyOptions extends NnunetCompoundOptions {
  /** Options of `RobustCrossEntropyLoss`. */
  readonly ce_kwargs: TorchCrossEntropyOptions;
  /** Pixels of this label are left out of both; `null` (default): none. */
  readonly ignore_label?: number | null | undefined;
  /** Default `SoftDiceLoss`; the two differ in `clip_tp` alone. */
  readonly dice_class?: NnunetDiceClass | undefined;
}

/** Options of nnU-Net's `DC_and_topk_loss`. */
export interface NnunetDiceTopKOptions extends NnunetCompoundOptions {
  /** Options of `TopKLoss`. */
  readonly ce_kwargs: NnunetTopKOptions;
  /** Pixels of this label are left out of the Dice loss and have loss 0 in the other; `null` (default): none. */
  readonly ignore_label?: number | null | undefined;
}

/** Options of nnU-Net's `DC_and_BCE_loss`. */
export interface NnunetDiceBinaryCrossEntropyOptions extends NnunetCompoundOptions {
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
  { soft_dice_kwargs: given }: NnunetCompoundOptions,
  apply_nonlin: NnunetNonlinearity,
  dice: NnunetDiceClass,
): NnunetSoftDiceOptions {
  const clips = dice === 'SoftDiceLoss' || dice === SoftDiceLoss;
  const rules: Rules = { ...DICE, ...(clips && { clip_tp: orNone(number({ min: 0 })) }) };
  return { ...checkOptions('soft_dice_kwargs', given, rules), apply_nonlin };
}

/** Both parts of a compound of softmax, as one sum. */
function together<K extends { readonly ignore_index?: number | undefined }>(
  name: string,
  given: NnunetCompoundOptions & { readonly ce_kwargs: K; readonly ignore_label?: number | null | undefined },
  entropy: (options: K) => Loss,
  dice: NnunetDiceClass,
): Loss {
  const { weight_ce = 1, weight_dice = 1, ignore_label = null } = given;
  const ce: K = { ...given.ce_kwargs, ...(ignore_label !== null && { ignore_index: ignore_label }) };
  const options = diceOptions(given, 'softmax_helper_dim1', dice);
  // A label below 0 is no class: left out of both, the two share one pass.
  const { ignore_index = -100 } = ce;
  const shared = ignore_label !== null || ignore_index < 0 ? { ignoreIndex: ignore_index } : {};
  const both = weightedSum([
    [weight_ce, entropy(ce)],
    [weight_dice, diceOf(options, shared)],
  ]);
  if (typeof options.clip_tp !== 'number' || !(both instanceof TermLoss)) return both;
  // `SoftDiceLoss` itself has no ignored label: with one, only the compound says all in JSON.
  return compoundLoss(name, {
    parts: [[1, both]],
    formula: 'weight_ce·CE + weight_dice·(−Dice)',
    own: { weight_ce, weight_dice },
    options: writable(given, dice),
  });
}

/** The options as JSON can hold them: without functions. */
function writable(given: object, dice: NnunetDiceClass): object {
  return { ...given, ...(typeof dice === 'function' && { dice_class: dice.name }) };
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
  return together(name, given, RobustCrossEntropyLoss, given.dice_class ?? 'SoftDiceLoss');
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
  return together(name, given, TopKLoss, 'SoftDiceLoss');
}

/** The target without its last channel, and the call with the mask that this one is. */
function withoutLast(labels: Target, call: LossCall): [Target, LossCall] {
  const [samples = 0, regions = 0] = call.shape;
  const pixels = pixelsOf(call);
  const each = (regions + 1) * pixels;
  if (labels.length !== samples * each) {
    throw new ShapeError(
      'target',
      `length ${samples * each}, ${regions} regions and the pixels to leave out`,
      String(labels.length),
    );
  }
  const Make = labels.constructor as new (length: number) => Target;
  const target = new Make(samples * regions * pixels);
  const mask = new Uint8Array(samples * pixels);
  for (let b = 0; b < samples; b++) {
    const end = (b + 1) * each - pixels;
    target.set(labels.subarray(b * each, end), b * regions * pixels);
    for (let i = 0; i < pixels; i++) {
      const at = b * pixels + i;
      mask[at] = labels[end + i] === 1 || call.mask?.[at] === 0 ? 0 : 1;
    }
  }
  return [target, { ...call, mask }];
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
  const ofElements = BCEWithLogitsLoss(given.bce_kwargs);
  if (!use_ignore_label) {
    return weightedSum([
      [weight_ce, ofElements],
      [weight_dice, ofDice],
    ]);
  }
  const { weight, pos_weight } = given.bce_kwargs;
  const entropy = binaryCrossEntropyLoss({
    meanOver: 'pixels',
    ...(weight && { classWeights: weight }),
    ...(pos_weight !== null && { positiveWeight: pos_weight }),
  });
  const both = weightedSum([
    [weight_ce, entropy],
    [weight_dice, ofDice],
  ]);
  return reading(name, writable(given, dice ?? 'MemoryEfficientSoftDiceLoss'), both, withoutLast);
}
