import { checkOptions, REGION } from '../check/options.js';
import { smoothOf, sumsLoss } from '../define.js';
import type { Score } from '../term.js';
import type { Loss, RegionOptions, Smooth } from '../types.js';

/** 1 − (n·TP − P·G + s_n)/√(P·G·(n−P)·(n−G) + s_d) of the sums of a class. */
export function matthewsScore({ numerator, denominator }: Smooth): Score {
  return (sums, partials) => {
    const [tp, p, g, n] = [sums[0]!, sums[1]!, sums[2]!, sums[7]!];
    const top = n * tp - p * g + numerator;
    // A sum of rounded probabilities may exceed its number.
    const [restP, restG] = [Math.max(n - p, 0), Math.max(n - g, 0)];
    const square = p * g * restP * restG + denominator;
    partials.fill(0);
    // Written so that a NaN goes on to the value.
    if (square === 0) return 0;
    const root = Math.sqrt(square);
    const bend = top / (2 * square * root);
    partials[0] = -n / root;
    partials[1] = g / root + bend * g * restG * (restP - p);
    return 1 - top / root;
  };
}

/**
 * Matthews loss: one minus the soft Matthews correlation coefficient, which true negatives enter too.
 *
 * Formula: 1 − (TP·TN − FP·FN)/√((TP+FP)(TP+FN)(TN+FP)(TN+FN) + s_d) per class; of the sums it is
 * 1 − (n·TP − P·G)/√(P·G·(n−P)·(n−G) + s_d). Of `smooth` (1e-5) only the denominator is used, under the root.
 * Gradient: w(G − n g + (n TP − P G)·G(n − G)(n − 2P)/(2R²))/R by p, R = √(P G(n − P)(n − G) + s_d), n = Σw.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, 2], no unit; 1 for a prediction that tells nothing, and for a target that is empty or full.
 * Empty: a class without target, or without background, has loss 1 and gradient 0 (both 0 for s_d = 0), or what
 * `emptyClass` says.
 * Weights: as `diceLoss`; n is weighted too.
 * Numerics: f64 of sums; the slope grows without bound as a prediction becomes all foreground or all background, where
 * the score has none (`test/matrix.test.ts`).
 * Errors: as every loss.
 * Source: K. Abhishek, G. Hamarneh, "Matthews Correlation Coefficient Loss for Deep Convolutional Networks: Application
 * to Skin Lesion Segmentation", 2021, eq. 6.
 *
 * @example
 * ```ts
 * import { matthewsLoss } from 'segloss';
 *
 * const probabilities = new Float32Array([1, 0, 0, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * const loss = matthewsLoss({ activation: 'none', smooth: 0 });
 * loss.value(probabilities, mask, { shape: [1, 1, 2, 2] }); // => 0.4226
 * ```
 */
export function matthewsLoss(options?: RegionOptions): Loss {
  const name = 'matthewsLoss';
  const given = checkOptions(name, options, REGION);
  const smooth = smoothOf(given.smooth, 1e-5);
  return sumsLoss(name, given, {
    allSums: false,
    score: matthewsScore({ numerator: 0, denominator: smooth.denominator }),
    formula: '1 − (n·TP − P·G)/√(P·G·(n−P)·(n−G) + s_d)',
    own: { smooth: { denominator: smooth.denominator } },
  });
}
