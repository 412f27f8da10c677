/** The cross-entropies of nnU-Net. */
import { checkOptions, number, numbers, type Rules } from '../../check/options.js';
import { topKCrossEntropyLoss } from '../../loss/top-k-cross-entropy.js';
import type { Loss } from '../../types.js';
import { orNone } from '../peer.js';
import { CrossEntropyLoss, type TorchCrossEntropyOptions } from '../torch.js';

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
