/** The Dice losses of nnU-Net. */
import { boolean, checkOptions, number, show } from '../../check/options.js';
import { smoothOf, sumsLoss } from '../../define.js';
import { curveOf, scored } from '../../family/score.js';
import { diceLoss } from '../../loss/dice.js';
import type { Score } from '../../term.js';
import type { Activation, Loss, RegionOptions } from '../../types.js';
import { orNone } from '../peer.js';

/** What nnU-Net passes as `apply_nonlin`, by name. */
export type NnunetNonlinearity = 'softmax_helper_dim1' | 'torch.sigmoid';

/** Options of nnU-Net's `MemoryEfficientSoftDiceLoss`. */
export interface NnunetDiceOptions {
  /** `null` (default): the prediction holds probabilities. */
  readonly apply_nonlin?: NnunetNonlinearity | null | undefined;
  /** Whether the sums are over the batch; default false. */
  readonly batch_dice?: boolean | undefined;
  /** Whether class 0 counts; default true. */
  readonly do_bg?: boolean | undefined;
  /** Added to numerator and denominator, ≥ 0; default 1. nnU-Net itself trains with 1e-5. */
  readonly smooth?: number | undefined;
  /** Read and without effect: sums of several workers are added by `accumulate` and `merge`. */
  readonly ddp?: boolean | undefined;
}

/** Options of nnU-Net's `SoftDiceLoss`. */
export interface NnunetSoftDiceOptions extends NnunetDiceOptions {
  /** The least TP of a class; `null` (default): none. */
  readonly clip_tp?: number | null | undefined;
}

const NONLINEARITIES: Readonly<Record<NnunetNonlinearity, Activation>> = {
  softmax_helper_dim1: 'softmax',
  'torch.sigmoid': 'sigmoid',
};

export const DICE = {
  batch_dice: boolean,
  do_bg: boolean,
  smooth: number({ min: 0 }),
  ddp: boolean,
};

const RULES = {
  ...DICE,
  apply_nonlin: orNone((value, name) => {
    if (typeof value === 'string' && Object.hasOwn(NONLINEARITIES, value)) return;
    const accepted = Object.keys(NONLINEARITIES).map(show).join(', ');
    const why = typeof value === 'function' ? ': its gradient is not known here, so it is given by name' : '';
    throw new (typeof value === 'string' ? RangeError : TypeError)(
      `"${name}" expected null or one of ${accepted}, got ${typeof value === 'function' ? 'a function' : show(value)}${why}`,
    );
  }),
};

/** −(2 max(TP, least) + s)/(2 max(TP, least) + FP + FN + s). */
function clippedScore(least: number, smooth: number): Score {
  // By tp, p and g.
  const inside = [Float64Array.of(2), Float64Array.of(0, 1, 1)] as const;
  const below = [Float64Array.of(0), Float64Array.of(-2, 1, 1)] as const;
  const curve = curveOf('negative');
  return ([tp = 0, p = 0, g = 0], partials) => {
    const [ofNumerator, ofDenominator] = tp < least ? below : inside;
    const clipped = 2 * Math.max(tp, least);
    const bottom = clipped + p + g - 2 * tp + smooth;
    return scored(clipped + smooth, bottom, ofNumerator, ofDenominator, curve, partials);
  };
}

/** Either Dice loss of options that were checked, and what it shares with a compound. */
export function diceOf(given: NnunetSoftDiceOptions, more: RegionOptions = {}): Loss {
  const { apply_nonlin = null, batch_dice = false, do_bg = true, smooth = 1, clip_tp = null } = given;
  const shared: RegionOptions = {
    activation: apply_nonlin === null ? 'none' : NONLINEARITIES[apply_nonlin],
    aggregate: batch_dice ? 'batch' : 'sample',
    ...(do_bg ? {} : { includeBackground: false }),
    smooth,
    ...more,
  };
  if (clip_tp === null) return diceLoss({ ...shared, transform: 'negative' });
  return sumsLoss('SoftDiceLoss', shared, {
    allSums: false,
    score: clippedScore(clip_tp, smooth),
    formula: '−(2 max(TP, clip_tp) + s)/(2 max(TP, clip_tp) + FP + FN + s)',
    own: { smooth: smoothOf(smooth, 1), clip_tp },
    given,
  });
}

/**
 * nnU-Net's `SoftDiceLoss`: minus the Dice score.
 *
 * Formula: −mean (2TP + smooth)/(2TP + FP + FN + smooth) over classes and samples, `batch_dice`: over classes, of sums over
 * the batch: `diceLoss({ activation: 'none', transform: 'negative', smooth, aggregate: batch_dice ? 'batch' : 'sample',
 * includeBackground: do_bg })`, with `'softmax'` or `'sigmoid'` for `apply_nonlin`. `clip_tp`: max(TP, clip_tp) for TP.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map `[N, 1, ...spatial]`, or one-hot. A `loss_mask` is `call.mask`.
 * Range: [−1, 0], no unit; −1 for a perfect prediction.
 * Numerics: as `diceLoss`, whose `toJSON` it has without `clip_tp`; against nnU-Net in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `TypeError` for `apply_nonlin` as a function. Where nothing counts the loss is 0, nnU-Net's −1.
 * Source: nnU-Net 2.8.1, `training/loss/dice.py`; F. Isensee et al., "nnU-Net", Nature Methods 18, 2021.
 *
 * @example
 * ```ts
 * import { SoftDiceLoss } from 'segloss/compat/nnunet';
 *
 * const logits = new Float32Array([2, 0, 0, 0, 0, 3]); // class 0 of three pixels, then class 1
 * const labels = new Uint8Array([0, 0, 1]);
 * const options = { apply_nonlin: 'softmax_helper_dim1', do_bg: false, smooth: 1e-5 } as const;
 * const loss = SoftDiceLoss({ ...options, batch_dice: true });
 * loss.value(logits, labels, { shape: [1, 2, 3] }); // => -0.7408
 * ```
 */
export function SoftDiceLoss(options?: NnunetSoftDiceOptions): Loss {
  return diceOf(checkOptions('SoftDiceLoss', options, { ...RULES, clip_tp: orNone(number({ min: 0 })) }));
}

/**
 * nnU-Net's `MemoryEfficientSoftDiceLoss`: `SoftDiceLoss` without `clip_tp`, and what nnU-Net trains with.
 *
 * Formula: −mean (2TP + smooth)/(P + G + smooth) over classes and samples, as `SoftDiceLoss`: `diceLoss({ transform:
 * 'negative', smooth, … })`. Memory is spared by every loss of this package.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map `[N, 1, ...spatial]`, or one-hot. A `loss_mask` is `call.mask`.
 * Range: [−1, 0], no unit; −1 for a perfect prediction.
 * Numerics: as `diceLoss`, whose `toJSON` it has; against nnU-Net in f64 in `test/compat.test.ts`.
 * Errors: as every loss; `TypeError` for `apply_nonlin` as a function. Where nothing counts the loss is 0, nnU-Net's −1.
 * Source: nnU-Net 2.8.1, `training/loss/dice.py`; F. Isensee et al., "nnU-Net", Nature Methods 18, 2021.
 *
 * @example
 * ```ts
 * import { MemoryEfficientSoftDiceLoss } from 'segloss/compat/nnunet';
 *
 * const logits = new Float32Array([3, -3, -3, 1]); // one channel, a region
 * const loss = MemoryEfficientSoftDiceLoss({ apply_nonlin: 'torch.sigmoid', smooth: 1e-5 });
 * loss.value(logits, new Uint8Array([1, 0, 0, 1]), { shape: [1, 1, 2, 2] }); // => -0.8912
 * ```
 */
export function MemoryEfficientSoftDiceLoss(options?: NnunetDiceOptions): Loss {
  return diceOf(checkOptions('MemoryEfficientSoftDiceLoss', options, RULES));
}
