import { boolean, checkOptions, oneOf, SHARED } from '../check/options.js';
import { wholeLoss } from '../define.js';
import { lovasz } from '../family/lovasz.js';
import type { Loss, SharedOptions } from '../types.js';

/** Options of `lovaszSoftmaxLoss`. */
export interface LovaszSoftmaxOptions extends SharedOptions {
  /** Pixels are ranked per sample (default), or over the batch. */
  readonly aggregate?: 'sample' | 'batch' | undefined;
  /** Whether a class without any target is left out of the mean (default). */
  readonly present?: boolean | undefined;
}

const RULES = { ...SHARED, aggregate: oneOf('sample', 'batch'), present: boolean };

/**
 * Lovász-softmax: the extension of the Jaccard loss to probabilities, class by class.
 *
 * Formula: Σ_i m_i·Δ_i over the pixels of a (sample, class) by falling m_i = |g_i − p_i|, where Δ_i is what pixel i adds to
 * 1 − I/U: I the weight of the targets not yet met, U that of all targets and of the others met. Ties go to the pixel
 * that comes first. Then the mean over the classes (`classWeights`), with `present` over those that have a target in the
 * group, and over samples (`sampleWeights`); a sample with every class left out is left out too.
 * Gradient: (1 − 2g_i)Δ_i by p_i; Δ is constant between ties.
 * Shapes: prediction `[N, C, ...spatial]`; target 0 or 1, dense or a label map.
 * Range: [0, 1], no unit.
 * Empty: a class without target is left out (`present`), or has its largest probability as its loss. Everything left
 * out: 0.
 * Weights: ignored and masked pixels, and those of weight 0, are not ranked. Pixel weights are multiplicities; class
 * and sample weights weigh the means over classes and samples.
 * Numerics: errors in f32 are ranked by radix sort in O(n), Δ is f64; a pixel weight is a multiplicity
 * (`test/matrix.test.ts`). Memory: 24 bytes an element of the largest group, beside one float an element.
 * Errors: `RangeError` for soft targets; `Error` from `accumulate` (`mergeable` is false).
 * Source: M. Berman, A. R. Triki, M. B. Blaschko, "The Lovász-Softmax Loss: A Tractable Surrogate for the Optimization of
 * the Intersection-over-Union Measure in Neural Networks", 2018, eq. 11, algorithm 1.
 *
 * @example
 * ```ts
 * import { lovaszSoftmaxLoss } from 'segloss';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * const labels = new Uint8Array([0, 1]);
 * lovaszSoftmaxLoss().value(logits, labels, { shape: [1, 2, 2] }); // => 0.2315
 * ```
 */
export function lovaszSoftmaxLoss(options?: LovaszSoftmaxOptions): Loss {
  const name = 'lovaszSoftmaxLoss';
  const given = checkOptions(name, options, RULES);
  const { aggregate = 'sample', present = true } = given;
  return wholeLoss(name, given, {
    run: lovasz({ hinge: false, aggregate, present }),
    formula: 'Σ m·Δ by falling m = |g − p|, Δ the discrete gradient of the Jaccard loss',
    own: { aggregate, present },
    options: given,
  });
}
