import { checkOptions, number, PIXEL, refuseActivation, REGION } from '../check/options.js';
import { compoundLoss, type CompoundOptions, partsOf, smoothOf, sumsLoss } from '../define.js';
import type { Loss } from '../types.js';
import { overlapScore } from './dice.js';
import { elementLoss } from './parts.js';

/** Options of `comboLoss`. */
export interface ComboOptions extends CompoundOptions {
  /** Share of the cross-entropy, in [0, 1]; the Dice score has the rest. Default 0.5. */
  readonly alpha?: number | undefined;
  /** Weight of positives in the cross-entropy, in [0, 1]; negatives have 1 − beta. Default 0.5. */
  readonly beta?: number | undefined;
}

const share = number({ min: 0, max: 1 });
const RULES = { ...PIXEL, ...REGION, alpha: share, beta: share };

/**
 * Combo loss: a weighted binary cross-entropy less the Dice score.
 *
 * Formula: α·mean(−β g ln p − (1−β)(1−g) ln(1−p)) − (1−α)·Dice, Dice = (2TP + s_n)/(P + G + s_d), the mean of the classes'.
 * The options of pixel losses go to the first part, those of region losses to the second, shared ones to both.
 * Gradient: α((1−β)(1−g)p − β g(1 − p)) by z, over the divisor, and (1−α) times that of `diceLoss`.
 * Shapes: prediction `[N, C, ...spatial]`; target dense, or a label map, one-hot per channel.
 * Range: [α − 1, ∞), no unit (nats for α = 1).
 * Empty: a class without target adds −(1−α)s_n/(P + s_d), or what `emptyClass` says.
 * Weights: as `binaryCrossEntropyLoss` in the first part (β never counts), as `diceLoss` in the second.
 * Numerics: those of its parts, which share one activation (`test/matrix.test.ts`).
 * Errors: `RangeError` for `activation: 'softmax'`: the cross-entropy is that of one yes-or-no per channel.
 * Source: S. A. Taghanaki et al., "Combo Loss: Handling Input and Output Imbalance in Multi-Organ Segmentation", 2019,
 * eq. 3.
 *
 * @example
 * ```ts
 * import { comboLoss } from 'segloss';
 *
 * const logits = new Float32Array([0, 0, 2, -2]);
 * const mask = new Uint8Array([1, 0, 1, 0]);
 * comboLoss({ beta: 0.6 }).value(logits, mask, { shape: [1, 1, 2, 2] }); // => -0.2427
 * ```
 */
export function comboLoss(options?: ComboOptions): Loss {
  const name = 'comboLoss';
  const given = checkOptions(name, options, RULES);
  refuseActivation(
    name,
    given.activation,
    'softmax',
    "'sigmoid' (its cross-entropy is that of one yes-or-no a channel)",
  );
  const { alpha = 0.5, beta = 0.5 } = given;
  const { pixel, region } = partsOf({ activation: 'sigmoid', ...given });
  const smooth = smoothOf(given.smooth, 1e-5);
  const dice = sumsLoss('diceLoss', region, {
    allSums: false,
    score: overlapScore(1, smooth, 'negative'),
    formula: '−(2TP + s_n)/(P + G + s_d)',
    own: { smooth },
  });
  return compoundLoss(name, {
    parts: [
      [alpha, elementLoss({ ...pixel, positive: beta, negative: 1 - beta })],
      [1 - alpha, dice],
    ],
    formula: 'α mean(−β g ln p − (1−β)(1−g) ln(1−p)) − (1−α) Dice',
    own: { alpha, beta },
    options: given,
  });
}
