import { boolean, checkOptions, number, PIXEL, REGION } from '../check/options.js';
import { compoundLoss, type CompoundOptions, partsOf, smoothOf, sumsLoss } from '../define.js';
import { derivatives } from '../family/score.js';
import type { RegionTerm } from '../term.js';
import type { Loss, Smooth } from '../types.js';
import { focalPart } from './parts.js';
import { tverskyScore } from './tversky.js';

/** Options of `unifiedFocalLoss`. */
export interface UnifiedFocalOptions extends CompoundOptions {
  /** Share of the focal part, in [0, 1]; the Tversky part has the rest. Default 0.5. */
  readonly weight?: number | undefined;
  /** Weight of foreground in the focal part and of false negatives in the Tversky part, in [0, 1]; default 0.6. */
  readonly delta?: number | undefined;
  /** In [0, 1]: suppresses the background, power `gamma`, and enhances the foreground, power 1 − `gamma`. Default 0.5. */
  readonly gamma?: number | undefined;
  /** Background is suppressed only and foreground enhanced only (default); `false`: both on both. */
  readonly asymmetric?: boolean | undefined;
}

const share = number({ min: 0, max: 1 });
const RULES = { ...PIXEL, ...REGION, weight: share, delta: share, gamma: share, asymmetric: boolean };

/**
 * (1 − T)^(1−γ) of a class, 1 − T of the background where `asymmetric`; of a sigmoid channel the mean of its two sides.
 */
function tverskyPart(delta: number, gamma: number, asymmetric: boolean, smooth: Smooth): RegionTerm['score'] {
  const enhanced = tverskyScore(1 - delta, delta, smooth, { power: 1 - gamma });
  const plain = tverskyScore(1 - delta, delta, smooth, 'oneMinus');
  const background = asymmetric ? plain : enhanced;
  return (sums, { activation, channels, class: k }) => {
    if (activation !== 'sigmoid' && channels > 1) return (k === 0 ? background : enhanced)(sums);
    const [tp = 0, p = 0, g = 0, , , , , n = 0] = sums;
    const inside = enhanced(sums);
    // The sums of 1 − p and 1 − g.
    const outside = background(Float64Array.of(n - p - g + tp, n - p, n - g, 0, 0, 0, 0, n));
    const [ofTp = 0, ofP = 0] = outside.partials;
    const [tpInside = 0, pInside = 0] = inside.partials;
    const partials = derivatives({ tp: (tpInside + ofTp) / 2, p: (pInside - ofTp - ofP) / 2 });
    return { value: (inside.value + outside.value) / 2, partials };
  };
}

/**
 * Unified focal loss: focal and focal Tversky loss with their parameters made one, symmetric or asymmetric.
 *
 * Formula: λ·F + (1−λ)·T, λ = `weight`. F is the mean of −Σ_k δ_k g_k (1−p_k)^γ_k ln p_k, δ_k = 1 − δ for class 0, the
 * background, and δ for every other. T is the mean over classes of (1 − TI_k)^η_k, TI the Tversky index with δ for false
 * negatives and 1 − δ for false positives. Asymmetric: γ_0 = γ, else 0; η_0 = 1, else 1 − γ. Symmetric: γ_k = γ,
 * η_k = 1 − γ. One channel, or sigmoid channels: each is its own background and foreground, as two classes would be.
 * The options of pixel and region losses go to their part, shared ones to both.
 * Gradient: λ times that of `focalLoss` with these weights and powers, and (1−λ)η(1 − TI)^(η−1) times that of
 * `tverskyLoss`.
 * Shapes: prediction `[N, C, ...spatial]`; target a label map or dense.
 * Range: [0, ∞), no unit.
 * Empty: a class without target has (1 − s_n/((1−δ)P + s_d))^η in T, or what `emptyClass` says, and no term in F.
 * Weights: as `focalLoss` in F (δ never counts), as `diceLoss` in T.
 * Numerics: those of `focalLoss` and `focalTverskyLoss` (`test/matrix.test.ts`).
 * Errors: as every loss; `RangeError` for a weight, δ or γ outside [0, 1].
 * Source: M. Yeung, E. Sala, C.-B. Schönlieb, L. Rundo, "Unified Focal Loss: Generalising Dice and Cross Entropy-based
 * Losses to Handle Class Imbalanced Medical Image Segmentation", 2022, eq. 20-22, with the powers of the authors' code
 * in the symmetric case. λ is the paper's; in the authors' code it weighs the Tversky part. MONAI's F is the mean over its
 * two classes as well, half of this one.
 *
 * @example
 * ```ts
 * import { unifiedFocalLoss } from 'segloss';
 *
 * const logits = new Float32Array([2, 0, 0, 1]); // 2 classes of 2 pixels
 * const labels = new Uint8Array([0, 1]);
 * unifiedFocalLoss().value(logits, labels, { shape: [1, 2, 2] }); // => 0.2115
 * ```
 */
export function unifiedFocalLoss(options?: UnifiedFocalOptions): Loss {
  const name = 'unifiedFocalLoss';
  const given = checkOptions(name, options, RULES);
  const { weight = 0.5, delta = 0.6, gamma = 0.5, asymmetric = true } = given;
  const smooth = smoothOf(given.smooth, 1e-5);
  const { pixel, region } = partsOf(given);
  const tversky = sumsLoss('focalTverskyLoss', region, {
    allSums: false,
    score: tverskyPart(delta, gamma, asymmetric, smooth),
    formula: '(1 − TI)^η, TI = (TP + s_n)/(TP + (1−δ)·FP + δ·FN + s_d)',
    own: { delta, gamma, asymmetric, smooth },
  });
  const focal = asymmetric
    ? ([
        [weight, focalPart({ ...pixel, gamma, weights: [1 - delta, 0] })],
        [weight, focalPart({ ...pixel, gamma: 0, weights: [0, delta] })],
      ] as const)
    : ([[weight, focalPart({ ...pixel, gamma, weights: [1 - delta, delta] })]] as const);
  return compoundLoss(name, {
    parts: [...focal, [1 - weight, tversky]],
    formula: 'weight F + (1 − weight) T, F focal, T focal Tversky',
    own: { weight, delta, gamma, asymmetric },
    options: given,
  });
}
