import { checkOptions, number, SHARED } from '../check/options.js';
import { wholeLoss } from '../define.js';
import { ranked } from '../family/ranked.js';
import type { Loss, SharedOptions } from '../types.js';

/** Options of `ohemCrossEntropyLoss`. */
export interface OhemCrossEntropyOptions extends SharedOptions {
  /** Pixels count whose label has a probability below this, in [0, 1]; default 0.7. */
  readonly threshold?: number | undefined;
  /** And of the rest the hardest until this many do; default 100,000. */
  readonly minKept?: number | undefined;
}

const RULES = {
  ...SHARED,
  threshold: number({ min: 0, max: 1 }),
  minKept: number({ min: 0, integer: true }),
};

/**
 * Cross-entropy with online hard example mining: the mean over pixels that are not yet right.
 *
 * Formula: the mean of w_y(−ln p_y) over the pixels with p_y < `threshold`; where these are fewer than `minKept`, over the
 * `minKept` hardest of the call (all, if it has fewer). Pixels are ranked without any weights, ties go to the one that
 * comes first, and the mean divides by their number. Softmax ranks pixels, as do probabilities of several channels;
 * sigmoid and a single channel rank elements by the probability of their own label.
 * Gradient: that of `crossEntropyLoss` or `binaryCrossEntropyLoss` over the number selected, at the selected; 0
 * elsewhere.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense (soft: p_y = e^−cross-entropy).
 * Range: [0, ∞) nats.
 * Empty: nothing to rank, or nothing below the threshold with `minKept: 0`: value and gradient 0.
 * Weights: ignored and masked pixels are not ranked. Weights multiply the selected losses; they change neither ranks
 * nor divisor.
 * Numerics: as `topKCrossEntropyLoss`; which pixels are selected is a constant for the gradient (`test/matrix.test.ts`).
 * Errors: `RangeError` for options out of range; `Error` from `accumulate` (`mergeable` is false).
 * Source: A. Shrivastava, A. Gupta, R. Girshick, "Training Region-based Object Detectors with Online Hard Example
 * Mining", 2016; for segmentation as in MMSegmentation's OHEMPixelSampler.
 *
 * @example
 * ```ts
 * import { ohemCrossEntropyLoss } from 'segloss';
 *
 * const logits = new Float32Array([2, 1, 0, -1]);
 * const mask = new Uint8Array([1, 1, 1, 1]);
 * ohemCrossEntropyLoss({ minKept: 1 }).value(logits, mask, { shape: [1, 1, 4] }); // => 1.0032
 * ```
 */
export function ohemCrossEntropyLoss(options?: OhemCrossEntropyOptions): Loss {
  const name = 'ohemCrossEntropyLoss';
  const given = checkOptions(name, options, RULES);
  const { threshold = 0.7, minKept = 100_000 } = given;
  return wholeLoss(name, given, {
    run: ranked({
      labelSmoothing: 0,
      smoothedWeights: false,
      normalizer: 'valid',
      unweighted: true,
      least: () => minKept,
      above: -Math.log(threshold),
    }),
    formula: 'the mean of w_y(−ln p_y) over p_y < threshold, or over the minKept hardest',
    own: { threshold, minKept },
    options: given,
  });
}
