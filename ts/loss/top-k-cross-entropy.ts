import { boolean, checkOptions, number, oneOf, refuse, SHARED, SMOOTHED } from '../check/options.js';
import { wholeLoss } from '../define.js';
import { ranked } from '../family/ranked.js';
import type { Loss, SharedOptions } from '../types.js';

/** Options of `topKCrossEntropyLoss`. */
export interface TopKCrossEntropyOptions extends SharedOptions {
  /** The share of the pixels that counts, in (0, 100]; default 10. */
  readonly percent?: number | undefined;
  /** In [0, 1), as `crossEntropyLoss` has it. */
  readonly labelSmoothing?: number | undefined;
  /** As `crossEntropyLoss` has it; default false. */
  readonly smoothedWeights?: boolean | undefined;
  /** What the share is of: what is neither ignored nor masked (default), or all, whose ignored pixels have loss 0. */
  readonly normalizer?: 'valid' | 'all' | undefined;
}

const { labelSmoothing } = SMOOTHED;
const RULES = {
  ...SHARED,
  ...(labelSmoothing && { labelSmoothing }),
  smoothedWeights: boolean,
  normalizer: oneOf('valid', 'all'),
  percent: number({ min: 0, max: 100 }),
};

/**
 * Cross-entropy of the hardest pixels: the mean over those with the largest loss.
 *
 * Formula: the mean of the k largest of the weighted losses, k = ⌊n·percent/100⌋, at least 1, over the whole call, n the
 * number of valid pixels or, `normalizer: 'all'`, of all. Ties go to the pixel that comes first. Softmax ranks pixels
 * (−Σ_k w_k g_k ln p_k), as do probabilities of several channels; sigmoid and a single channel rank elements by their
 * binary cross-entropy. `reduction: 'sum'` does not divide by k.
 * Gradient: that of `crossEntropyLoss` or `binaryCrossEntropyLoss` over k at the selected, 0 elsewhere.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, ∞) nats.
 * Empty: nothing to rank: value and gradient 0.
 * Weights: ignored and masked pixels are neither ranked nor in n, but under `'all'`, where they have loss 0. Pixel, sample and class weights multiply the
 * losses that are ranked, and not k.
 * Numerics: losses in f32 are ranked exactly, by histograms of their bits, in O(n); which pixels are selected is a
 * constant for the gradient (`test/matrix.test.ts`). Memory: one float a pixel.
 * Errors: `RangeError` for a percentage outside (0, 100]; `Error` from `accumulate` (`mergeable` is false).
 * Source: F. Isensee et al., "nnU-Net", Nature Methods 18, 2021 (TopKLoss); Z. Wu, C. Shen, A. van den Hengel, "Bridging
 * Category-level and Instance-level Semantic Image Segmentation", 2016.
 *
 * @example
 * ```ts
 * import { topKCrossEntropyLoss } from 'segloss';
 *
 * const logits = new Float32Array([2, 1, 0, -1]);
 * const mask = new Uint8Array([1, 1, 1, 1]);
 * topKCrossEntropyLoss({ percent: 50 }).value(logits, mask, { shape: [1, 1, 4] }); // => 1.0032
 * ```
 */
export function topKCrossEntropyLoss(options?: TopKCrossEntropyOptions): Loss {
  const name = 'topKCrossEntropyLoss';
  const given = checkOptions(name, options, RULES);
  const {
    percent = 10,
    labelSmoothing: smoothing = 0,
    smoothedWeights = false,
    normalizer = 'valid',
  } = given;
  if (percent === 0) refuse('"percent" expected a number in (0, 100], got 0');
  return wholeLoss(name, given, {
    run: ranked({
      labelSmoothing: smoothing,
      smoothedWeights,
      unweighted: false,
      normalizer,
      least: (units) => Math.max(1, Math.floor((units * percent) / 100)),
      above: Infinity,
    }),
    formula: 'the mean of the ⌊n·percent/100⌋ largest cross-entropies',
    own: { percent, labelSmoothing: smoothing, smoothedWeights, normalizer },
    options: given,
  });
}
