import { checkOptions, oneOf, refuseActivation, SHARED } from '../check/options.js';
import { wholeLoss } from '../define.js';
import { lovasz } from '../family/lovasz.js';
import type { Loss, SharedOptions } from '../types.js';

/** Options of `lovaszHingeLoss`. */
export interface LovaszHingeOptions extends SharedOptions {
  /** Pixels are ranked per sample (default), or over the batch. */
  readonly aggregate?: 'sample' | 'batch' | undefined;
}

const RULES = { ...SHARED, aggregate: oneOf('sample', 'batch') };

/**
 * Lovász hinge: the convex extension of the Jaccard loss, over hinge errors of logits.
 *
 * Formula: Σ_i max(m_i, 0)·Δ_i over the pixels of a (sample, channel) by falling m_i = 1 − z_i(2g_i − 1), where Δ_i is what
 * pixel i adds to 1 − I/U: I the weight of the targets not yet met, U that of all targets and of the others met. Ties go
 * to the pixel that comes first. Then the mean over channels (`classWeights`) and samples (`sampleWeights`).
 * Gradient: −(2g_i − 1)Δ_i by z_i where m_i > 0, else 0; Δ is constant between ties.
 * Shapes: prediction `[N, C, ...spatial]` of logits; target 0 or 1, dense or a label map, one-hot per channel.
 * Range: [0, ∞), no unit.
 * Empty: a channel without target has the largest error of its pixels as its loss. No pixels: 0.
 * Weights: ignored and masked pixels, and those of weight 0, are not ranked. Pixel weights are multiplicities; class
 * and sample weights weigh the means over channels and samples.
 * Numerics: errors in f32 are ranked by radix sort in O(n), Δ is f64; a pixel weight is a multiplicity
 * (`test/matrix.test.ts`). Memory: 24 bytes an element of the largest group, beside one float an element.
 * Errors: `RangeError` for an activation other than sigmoid, since the hinge is of logits, and for soft targets; `Error`
 * from `accumulate` (`mergeable` is false).
 * Source: M. Berman, A. R. Triki, M. B. Blaschko, "The Lovász-Softmax Loss: A Tractable Surrogate for the Optimization of
 * the Intersection-over-Union Measure in Neural Networks", 2018, eq. 9, algorithm 1.
 *
 * @example
 * ```ts
 * import { lovaszHingeLoss } from 'segloss';
 *
 * const logits = new Float32Array([2, -1, 0.5, -2]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * lovaszHingeLoss().value(logits, mask, { shape: [1, 1, 4] }); // => 1.25
 * ```
 */
export function lovaszHingeLoss(options?: LovaszHingeOptions): Loss {
  const name = 'lovaszHingeLoss';
  const given = checkOptions(name, options, RULES);
  for (const refused of ['softmax', 'none'] as const) {
    refuseActivation(
      name,
      given.activation,
      refused,
      "'sigmoid' (the hinge is of logits), or lovaszSoftmaxLoss",
    );
  }
  const { aggregate = 'sample' } = given;
  return wholeLoss(
    name,
    { activation: 'sigmoid', ...given },
    {
      run: lovasz({ hinge: true, aggregate, present: false }),
      formula: 'Σ max(m, 0)·Δ by falling m = 1 − z(2g − 1), Δ the discrete gradient of the Jaccard loss',
      own: { aggregate },
      options: given,
    },
  );
}
