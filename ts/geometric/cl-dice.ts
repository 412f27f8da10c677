import { checkOptions, number, REGION } from '../check/options.js';
import { smoothOf, wholeLoss } from '../define.js';
import type { Loss, RegionOptions } from '../types.js';
import { overSkeletons } from './skeletons.js';

/** Options of `clDiceLoss`. */
export interface ClDiceOptions extends RegionOptions {
  /** How often the image is eroded; an integer ≥ 0, default 3. It should reach the radius of the widest structure. */
  readonly iterations?: number | undefined;
  /** Added to precision + sensitivity in the denominator; ≥ 0, default 0. */
  readonly harmonicSmooth?: number | undefined;
}

const RULES = {
  ...REGION,
  iterations: number({ min: 0, integer: true }),
  harmonicSmooth: number({ min: 0 }),
};

/**
 * clDice: overlap of each mask with the other's centreline, for vessels, roads and other networks.
 *
 * Formula: 1 − 2·T_p·T_s/(T_p + T_s + harmonicSmooth) per (sample, class), with the precision T_p = (Σw·S_p·g + s_n)/(Σw·S_p +
 * s_d) and the sensitivity T_s = (Σw·S_g·p + s_n)/(Σw·S_g + s_d) of the topology; `smooth` s_n = s_d = 1 by default. S is the
 * soft skeleton: I₀ the image, I_{j+1} the erosion of I_j (the least of a pixel and its neighbours along the axes), δ_j =
 * max(I_j − the dilation of I_{j+1}, 0) (the largest of the box of 3), S = 1 − Π(1 − δ_j), j = 0…iterations. Then the mean over
 * classes and samples, as of all region losses.
 * Gradient: through every minimum and maximum to the pixel it is of. Of equal values in a window the first in memory has it;
 * erosions along different axes with equal least values share it, half to the last axis and of the rest half to the one
 * before. So torch and MONAI.
 * Shapes: prediction `[N, C, ...spatial]` with at most three spatial dimensions; target a label map or dense.
 * Range: [0, 1), no unit; without smoothing [0, 1]. A score whose denominator is exactly 0 has loss 0.
 * Empty: `emptyClass` says; by the formula (default) a class without target has T_p = s_n/(Σw·S_p + s_d), T_s = s_n/s_d.
 * Weights: pixel weights weigh the sums, not the skeletons. What is masked or ignored, or of weight 0, is as outside the
 * image. Class and sample weights weigh the means over classes and samples.
 * Numerics: skeletons in f32, sums in f64; the gradient is exact, by reverse mode (`test/matrix.test.ts`). Where values lie
 * closer than the steps of `checkGradient` those cross corners, which it reports. About
 * 4·(iterations + 14) bytes of memory an element of a class.
 * Errors: `ShapeError` for more than three spatial dimensions; `Error` from `accumulate` (`mergeable` is false).
 * Source: S. Shit et al., "clDice - a Novel Topology-Preserving Loss Function for Tubular Structure Segmentation", 2021,
 * eq. 1, 2, algorithm 1.
 *
 * @example
 * ```ts
 * import { clDiceLoss } from 'segloss/geometric';
 *
 * const probabilities = new Float32Array([0.1, 0.8, 0.1, 0.1, 0.3, 0.1, 0.1, 0.9, 0.1]);
 * const line = new Uint8Array([0, 1, 0, 0, 1, 0, 0, 1, 0]);
 * const loss = clDiceLoss({ activation: 'none' });
 * loss.value(probabilities, line, { shape: [1, 1, 3, 3] }); // => 0.1429
 * ```
 */
export function clDiceLoss(options?: ClDiceOptions): Loss {
  const name = 'clDiceLoss';
  const given = checkOptions(name, options, RULES);
  const { iterations = 3, harmonicSmooth = 0 } = given;
  const { aggregate = 'sample', average = 'macro' } = given;
  const { classWeighting = 'normalized', emptyClass = 'score' } = given;
  const smooth = smoothOf(given.smooth, 1);
  return wholeLoss(name, given, {
    run: overSkeletons(
      iterations,
      { aggregate, average, classWeighting, emptyClass },
      smooth,
      harmonicSmooth,
    ),
    formula: '1 − 2·T_p·T_s/(T_p + T_s), T the share of each skeleton that lies in the other mask',
    own: { iterations, harmonicSmooth, smooth, aggregate, average, classWeighting, emptyClass },
    options: given,
  });
}
