import { checkOptions, number, REGION } from '../check/options.js';
import { smoothOf, sumsLoss } from '../define.js';
import { derivatives } from '../family/score.js';
import type { Loss, RegionOptions } from '../types.js';

/** Options of `sensitivitySpecificityLoss`. */
export interface SensitivitySpecificityOptions extends RegionOptions {
  /** Share r of the error inside the lesion, in [0, 1]; default 0.05. */
  readonly sensitivityWeight?: number | undefined;
}

const RULES = { ...REGION, sensitivityWeight: number({ min: 0, max: 1 }) };

/** a/b, 0 where b is exactly 0: nothing there to be wrong about. */
const over = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/**
 * Sensitivity-specificity loss: squared error inside the lesion and outside it, each divided by its own size.
 *
 * Formula: r·Σw(g−p)²g/(G + s_d) + (1−r)·Σw(g−p)²(1−g)/(N − G + s_d) per class, r = `sensitivityWeight`. Only
 * `smooth.denominator` is used, 1e-5.
 * Gradient: 2w(p − g)(r g/(G + s_d) + (1 − r)(1 − g)/(N − G + s_d)) by p.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 1], no unit: a mean squared error.
 * Empty: a class without target has the second part alone, the mean squared error of its background; a class that is
 * everywhere, the first alone. `emptyClass` as in `diceLoss`.
 * Weights: as `diceLoss`.
 * Numerics: the squared errors are summed as such, not as differences of sums (`test/gradient.test.ts`).
 * Errors: as every loss; `RangeError` for r outside [0, 1].
 * Source: T. Brosch, Y. Yoo, L. Y. W. Tang, D. K. B. Li, A. Traboulsee, R. Tam, "Deep Convolutional Encoder Networks for
 * Multiple Sclerosis Lesion Segmentation", 2015, eq. 5.
 *
 * @example
 * ```ts
 * import { sensitivitySpecificityLoss } from 'segloss';
 *
 * const probabilities = new Float32Array([0.5, 0, 0, 1]);
 * const mask = new Uint8Array([1, 0, 0, 0]);
 * const loss = sensitivitySpecificityLoss({ activation: 'none', smooth: 0, sensitivityWeight: 0.5 });
 * loss.value(probabilities, mask, { shape: [1, 1, 2, 2] }); // => 0.2917
 * ```
 */
export function sensitivitySpecificityLoss(options?: SensitivitySpecificityOptions): Loss {
  const name = 'sensitivitySpecificityLoss';
  const given = checkOptions(name, options, RULES);
  const { sensitivityWeight: r = 0.05 } = given;
  const smooth = smoothOf(given.smooth, 1e-5);
  return sumsLoss(name, given, {
    allSums: true,
    score: ([, , g = 0, , , fgError = 0, bgError = 0, n = 0]) => {
      const [inside, outside] = [g + smooth.denominator, n - g + smooth.denominator];
      return {
        value: r * over(fgError, inside) + (1 - r) * over(bgError, outside),
        partials: derivatives({ fgError: over(r, inside), bgError: over(1 - r, outside) }),
      };
    },
    formula: 'r Σ(g−p)²g/(G + s_d) + (1−r) Σ(g−p)²(1−g)/(N − G + s_d), r = sensitivityWeight',
    own: { sensitivityWeight: r, smooth },
  });
}
