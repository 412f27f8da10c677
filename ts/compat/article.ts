/**
 * The Keras snippets of an article on extreme class imbalance, number for number: "从loss处理图像分割中类别极度不均衡的状况---keras"
 * ("Extreme class imbalance in image segmentation, from the side of the loss"),
 * https://blog.csdn.net/m0_37477175/article/details/83004746.
 *
 * The prediction holds probabilities and is `[N, H, W, C]` (any number of spatial dimensions), as is `call.shape`; the
 * options are those of the snippets, under their names. What the snippets do with a soft target, ours is only equal to
 * where the docstring says so: they were written for 0 and 1. Each is a setting of a loss of the package, and its
 * `toJSON` is that loss's, so `lossFromJSON` brings it back; `iou` alone is a loss of its own.
 *
 * @module
 */
import { checkOptions, number } from '../check/options.js';
import { sumsLoss } from '../define.js';
import { derivatives, scored } from '../family/score.js';
import { SUM } from '../term.js';
import { binaryCrossEntropyLoss } from '../loss/binary-cross-entropy.js';
import { diceLoss } from '../loss/dice.js';
import { focalLoss as packageFocalLoss } from '../loss/focal.js';
import { focalTverskyLoss } from '../loss/focal-tversky.js';
import { generalizedDiceLoss as packageGeneralizedDiceLoss } from '../loss/generalized-dice.js';
import { sensitivitySpecificityLoss } from '../loss/sensitivity-specificity.js';
import { tverskyLoss as packageTverskyLoss, tverskyScore } from '../loss/tversky.js';
import type { Loss } from '../types.js';

const PROBABILITIES = { activation: 'none', dataFormat: 'channelsLast' } as const;
/** One ratio of everything, flattened. */
const FLAT = { ...PROBABILITIES, aggregate: 'batch', average: 'micro' } as const;

const positive = number({ min: 0 });
const share = number({ min: 0, max: 1 });

/** Options of the article's `focalLoss`. */
export interface ArticleFocalOptions {
  /** Power of 1 − p, ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** Weight of positives, in [0, 1]; negatives get 1 − alpha; default 0.25. */
  readonly alpha?: number | undefined;
}

/**
 * The article's focal loss: a sum over everything, which is why it "is very large".
 *
 * Formula: −Σ α(1−p)^γ ln p over g = 1, −Σ (1−α) p^γ ln(1−p) over g = 0.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, 0 and 1, or a label map.
 * Range: [0, ∞) nats, growing with the number of pixels; the mean of it is `focalLoss` of the package. Whether the focal
 * losses of several sigmoid channels should be added, as here, is the article's open question: that is what
 * `meanOver: 'pixels'` does. It multiplies value and gradient by the number of channels against `'elements'` (example),
 * no more: an optimiser sees a larger step, not another optimum.
 * Numerics: as `focalLoss` of the package with `activation: 'none'`; within 1e-6 of the snippet in f64
 * (`test/oracle.test.ts`). `toJSON` is that loss's.
 * Errors: as every loss; `RangeError` for γ < 0 or α outside [0, 1].
 * Source: the article, section 3, after T.-Y. Lin et al., "Focal Loss for Dense Object Detection", 2017, eq. 5.
 *
 * @example
 * ```ts
 * import { focalLoss as mean } from 'segloss';
 * import { focalLoss } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array([0.5, 0.25, 0.5, 0.25]); // two pixels of two channels
 * const target = new Uint8Array([1, 0, 0, 1]);
 * const call = { shape: [1, 1, 2, 2] };
 * focalLoss().value(probabilities, target, call); // => 0.3817
 * const options = { activation: 'none', dataFormat: 'channelsLast', alpha: 0.25 } as const;
 * const elements = mean({ ...options, meanOver: 'elements' }).valueAndGrad(probabilities, target, call);
 * const pixels = mean({ ...options, meanOver: 'pixels' }).valueAndGrad(probabilities, target, call);
 * [elements.value, pixels.value]; // => [0.0954, 0.1909]
 * [elements.grad[0], pixels.grad[0]]; // => [-0.0746, -0.1491]
 * ```
 */
export function focalLoss(options?: ArticleFocalOptions): Loss {
  const { gamma = 2, alpha = 0.25 } = checkOptions('focalLoss', options, { gamma: positive, alpha: share });
  return packageFocalLoss({ ...PROBABILITIES, reduction: 'sum', gamma, alpha });
}

/** Options of the article's `diceCoefLoss`. */
export interface ArticleDiceOptions {
  /** Added to numerator and denominator, ≥ 0; default 1. */
  readonly smooth?: number | undefined;
}

/**
 * The article's Dice loss: one Dice coefficient for all channels of a sample together.
 *
 * Formula: 1 − mean_b (2Σpg + smooth)/(Σg + Σp + smooth), Σ over a sample's pixels and channels.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, soft values allowed, or a label map.
 * Range: [0, 1], no unit.
 * Numerics: as `diceLoss` of the package with `average: 'micro'`, whose `toJSON` it has; within 1e-6 of the snippet in
 * f64 (`test/oracle.test.ts`).
 * Errors: as every loss; `RangeError` for smooth < 0.
 * Source: the article, section 4, after F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net", 2016, section 3.
 *
 * @example
 * ```ts
 * import { diceCoefLoss } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array([1, 0.5, 0, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * diceCoefLoss({ smooth: 1 }).value(probabilities, mask, { shape: [1, 2, 2, 1] }); // => 0.1111
 * ```
 */
export function diceCoefLoss(options?: ArticleDiceOptions): Loss {
  const { smooth = 1 } = checkOptions('diceCoefLoss', options, { smooth: positive });
  return diceLoss({ ...PROBABILITIES, average: 'micro', smooth });
}

/** Options of the article's `iou`. */
export interface ArticleIouOptions {
  /** Added to numerator and denominator, ≥ 0; default 1e-6. */
  readonly eps?: number | undefined;
}

/**
 * The article's IoU: negative, and of the background where the whole batch has no foreground.
 *
 * Formula: −mean_b (Σpg + eps)/(Σg + Σp − Σpg + eps), Σ over a sample's pixels and channels. If g is 0 in the whole batch,
 * the same of 1 − g and 1 − p, which is −mean_b (Σ(1−p) + eps)/(n + eps). An empty sample beside one that is not keeps
 * the first form. Merged sums decide by all that was merged.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, soft values allowed, or a label map.
 * Range: [−1, 0], no unit; −1 for a perfect prediction.
 * Numerics: f64 from sums; within 1e-6 of the snippet in f64 (`test/oracle.test.ts`, `test/article.test.ts`).
 * `lossFromJSON(json, { losses: { iou } })` brings it back.
 * Errors: as every loss; `RangeError` for eps < 0.
 * Source: the article, section 5, after M. A. Rahman, Y. Wang, "Optimizing Intersection-Over-Union in Deep Neural
 * Networks for Image Segmentation", 2016, eq. 3-5.
 *
 * @example
 * ```ts
 * import { iou } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array([1, 0.5, 0, 0]);
 * const call = { shape: [1, 2, 2, 1] };
 * iou().value(probabilities, new Uint8Array([1, 1, 0, 0]), call); // => -0.75
 * iou().value(probabilities, new Uint8Array(4), call); // => -0.625
 * ```
 */
export function iou(options?: ArticleIouOptions): Loss {
  const given = checkOptions('iou', options, { eps: positive });
  const { eps = 1e-6 } = given;
  const foreground = tverskyScore(1, 1, { numerator: eps, denominator: eps }, 'negative');
  const ofNumerator = derivatives({ p: -1, n: 1 });
  const ofDenominator = derivatives({ n: 1 });
  const background = ({ p, n }: { p: number; n: number }) =>
    scored({ numerator: n - p + eps, denominator: n + eps, ofNumerator, ofDenominator }, 'negative');
  return sumsLoss(
    'iou',
    { ...PROBABILITIES, average: 'micro' },
    {
      allSums: false,
      score: (sums, { empty }) =>
        empty ? background({ p: sums[SUM.p] ?? 0, n: sums[SUM.n] ?? 0 }) : foreground(sums),
      formula: '−(TP + eps)/(P + G − TP + eps); of 1 − g and 1 − p where the whole batch has no foreground',
      own: { eps },
      given,
    },
  );
}

/** Options of the article's `tverskyLoss`. */
export interface ArticleTverskyOptions {
  /** Weight of false negatives, in [0, 1]; false positives get 1 − alpha; default 0.7. */
  readonly alpha?: number | undefined;
  /** Added to numerator and denominator, ≥ 0; default 1. */
  readonly smooth?: number | undefined;
}

const TVERSKY = { alpha: share, smooth: positive };

/**
 * The article's Tversky loss: over everything flattened, and `alpha` weighs what is missed.
 *
 * Formula: 1 − (TP + smooth)/(TP + alpha·FN + (1−alpha)·FP + smooth), sums over batch, pixels and channels.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, soft values allowed, or a label map.
 * Range: [0, 1], no unit.
 * Numerics: as `tverskyLoss` of the package, whose `toJSON` it has; within 1e-6 of the snippet in f64
 * (`test/oracle.test.ts`).
 * Errors: as every loss; `RangeError` for alpha outside [0, 1] or smooth < 0.
 * Source: the article, section 6, after S. S. M. Salehi, D. Erdogmus, A. Gholipour, "Tversky Loss Function for Image
 * Segmentation Using 3D Fully Convolutional Deep Networks", 2017, eq. 3 (where α weighs the false positives).
 *
 * @example
 * ```ts
 * import { tverskyLoss } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array([1, 0, 0, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * tverskyLoss({ alpha: 0.7, smooth: 0 }).value(probabilities, mask, { shape: [1, 2, 2, 1] }); // => 0.4118
 * ```
 */
export function tverskyLoss(options?: ArticleTverskyOptions): Loss {
  const { alpha = 0.7, smooth = 1 } = checkOptions('tverskyLoss', options, TVERSKY);
  return packageTverskyLoss({ ...FLAT, fnWeight: alpha, fpWeight: 1 - alpha, smooth });
}

/** Options of the article's `focalTversky`. */
export interface ArticleFocalTverskyOptions extends ArticleTverskyOptions {
  /** Power of 1 − T, ≥ 0; default 0.75. */
  readonly gamma?: number | undefined;
}

/**
 * The article's focal Tversky loss: a power of its Tversky loss.
 *
 * Formula: (1 − T)^gamma, T = (TP + smooth)/(TP + alpha·FN + (1−alpha)·FP + smooth) over everything flattened.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, soft values allowed, or a label map.
 * Range: [0, 1], no unit.
 * Numerics: as `focalTverskyLoss` of the package, whose `toJSON` it has: at T = 1 the gradient is 0, where the snippet's
 * is infinite for gamma < 1. Within 1e-6 of the snippet in f64 elsewhere (`test/oracle.test.ts`).
 * Errors: as every loss; `RangeError` for alpha outside [0, 1], smooth < 0 or gamma < 0.
 * Source: the article, section 6, after N. Abraham, N. M. Khan, "A Novel Focal Tversky Loss Function with Improved
 * Attention U-Net for Lesion Segmentation", 2019, eq. 4.
 *
 * @example
 * ```ts
 * import { focalTversky } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array([1, 0, 0, 0]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * focalTversky({ smooth: 0 }).value(probabilities, mask, { shape: [1, 2, 2, 1] }); // => 0.514
 * ```
 */
export function focalTversky(options?: ArticleFocalTverskyOptions): Loss {
  const rules = { ...TVERSKY, gamma: positive };
  const { alpha = 0.7, smooth = 1, gamma = 0.75 } = checkOptions('focalTversky', options, rules);
  return focalTverskyLoss({ ...FLAT, fnWeight: alpha, fpWeight: 1 - alpha, smooth, power: gamma });
}

/** Options of the article's `sensitivitySpecificity`. */
export interface ArticleSensitivitySpecificityOptions {
  /** Share of the error inside the lesion, in [0, 1]; default 0.05. */
  readonly r?: number | undefined;
  /** Added to both denominators, ≥ 0; default 1e-5. */
  readonly eps?: number | undefined;
}

/**
 * The article's sensitivity-specificity loss, over everything flattened.
 *
 * Formula: r·Σ(g−p)²g/(Σg + eps) + (1−r)·Σ(g−p)²(1−g)/(Σ(1−g) + eps), sums over batch, pixels and channels.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, soft values allowed, or a label map.
 * Range: [0, 1], no unit.
 * Numerics: as `sensitivitySpecificityLoss` of the package, whose `toJSON` it has; within 1e-6 of the snippet in f64
 * (`test/oracle.test.ts`).
 * Errors: as every loss; `RangeError` for r outside [0, 1] or eps < 0.
 * Source: the article, section 7, after T. Brosch et al., "Deep Convolutional Encoder Networks for Multiple Sclerosis
 * Lesion Segmentation", 2015, eq. 5.
 *
 * @example
 * ```ts
 * import { sensitivitySpecificity } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array([0.5, 0, 0, 1]);
 * const mask = new Uint8Array([1, 0, 0, 0]);
 * sensitivitySpecificity({ r: 0.5 }).value(probabilities, mask, { shape: [1, 2, 2, 1] }); // => 0.2917
 * ```
 */
export function sensitivitySpecificity(options?: ArticleSensitivitySpecificityOptions): Loss {
  const rules = { r: share, eps: positive };
  const { r = 0.05, eps = 1e-5 } = checkOptions('sensitivitySpecificity', options, rules);
  return sensitivitySpecificityLoss({ ...FLAT, sensitivityWeight: r, smooth: eps });
}

/**
 * The article's generalized Dice loss as it was meant: every class weighted by its size in the batch.
 *
 * Formula: 1 − 2 Σ_k v_k TP_k / Σ_k v_k (P_k + G_k), v_k = 1/(G_k² + 1e-6), sums over batch and pixels. A class that is
 * absent has v = 1e6 and outweighs all others: the instability the article reports on images without a lesion.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, soft values allowed, or a label map.
 * Range: [0, 1], no unit.
 * Numerics: as `generalizedDiceLoss` of the package, whose `toJSON` it has; within 1e-6 of the snippet in f64
 * (`test/oracle.test.ts`). `generalizedDiceLossAsPrinted` is what the printed code computes.
 * Errors: as every loss; there are no options.
 * Source: the article, section 8, after C. H. Sudre et al., "Generalised Dice Overlap as a Deep Learning Loss Function
 * for Highly Unbalanced Segmentations", 2017, eq. 3.
 *
 * @example
 * ```ts
 * import { generalizedDiceLoss } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array(8).fill(0.5); // four pixels of two classes
 * const labels = new Uint8Array([1, 0, 0, 0]);
 * generalizedDiceLoss().value(probabilities, labels, { shape: [1, 2, 2, 2] }); // => 0.6
 * ```
 */
export function generalizedDiceLoss(options?: object): Loss {
  checkOptions('generalizedDiceLoss', options, {});
  return packageGeneralizedDiceLoss({
    ...PROBABILITIES,
    aggregate: 'batch',
    absentClass: { epsilon: 1e-6 },
  });
}

/**
 * The article's generalized Dice loss as it was printed: its class weights cancel, and what is left is Dice.
 *
 * Formula: 1 − 2 Σ_k v_k T / Σ_k v_k S with T = Σ_k TP_k and S = Σ_k (P_k + G_k): the snippet sums over the channels too
 * before it multiplies with v, so Σ_k v_k is in numerator and denominator and it is 1 − 2T/S.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, soft values allowed, or a label map.
 * Range: [0, 1], no unit; where T = S = 0 the value is 0, the snippet's NaN.
 * Numerics: as `diceLoss` of the package over the pooled batch without smoothing, whose `toJSON` it has; within 1e-6 of
 * the snippet in f64 (`test/oracle.test.ts`).
 * Errors: as every loss; there are no options.
 * Source: the article, section 8; `generalizedDiceLoss` is what C. H. Sudre et al., 2017, eq. 3 say.
 *
 * @example
 * ```ts
 * import { generalizedDiceLossAsPrinted } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array(8).fill(0.5); // four pixels of two classes
 * const labels = new Uint8Array([1, 0, 0, 0]);
 * generalizedDiceLossAsPrinted().value(probabilities, labels, { shape: [1, 2, 2, 2] }); // => 0.5
 * ```
 */
export function generalizedDiceLossAsPrinted(options?: object): Loss {
  checkOptions('generalizedDiceLossAsPrinted', options, {});
  return diceLoss({ ...FLAT, smooth: 0 });
}

/**
 * The article's log loss: binary cross-entropy of probabilities.
 *
 * Formula: −g ln p − (1−g) ln(1−p), the mean over everything.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, soft values allowed, or a label map.
 * Range: [0, 100] nats, the logarithm being cut at −100.
 * Numerics: as `binaryCrossEntropyLoss` of the package with `activation: 'none'`, whose `toJSON` it has; within 1e-6 of
 * the snippet in f64 (`test/oracle.test.ts`). Logits give a better gradient than probabilities near 0 and 1.
 * Errors: as every loss; there are no options.
 * Source: the article, section 1.
 *
 * @example
 * ```ts
 * import { logLoss } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array([0.5, 0.75]);
 * logLoss().value(probabilities, new Uint8Array([1, 1]), { shape: [1, 1, 2, 1] }); // => 0.4904
 * ```
 */
export function logLoss(options?: object): Loss {
  checkOptions('logLoss', options, {});
  return binaryCrossEntropyLoss(PROBABILITIES);
}

/** Options of the article's `weightedCrossEntropy`. */
export interface ArticleWeightedCrossEntropyOptions {
  /** Weight of positives, ≥ 0. */
  readonly weight: number;
}

/**
 * The article's weighted cross-entropy: log loss in which a positive weighs more.
 *
 * Formula: −weight·g ln p − (1−g) ln(1−p), the mean over everything.
 * Shapes: prediction `[N, ...spatial, C]`; target of the same length, soft values allowed, or a label map.
 * Range: [0, 100·max(weight, 1)] nats, the logarithm being cut at −100.
 * Numerics: as `binaryCrossEntropyLoss` of the package with `positiveWeight`, whose `toJSON` it has; within 1e-6 of the
 * snippet in f64 (`test/oracle.test.ts`).
 * Errors: as every loss; `TypeError` without a weight, `RangeError` for weight < 0.
 * Source: the article, section 2, after O. Ronneberger, P. Fischer, T. Brox, "U-Net", 2015, eq. 1.
 *
 * @example
 * ```ts
 * import { weightedCrossEntropy } from 'segloss/compat/article';
 *
 * const probabilities = new Float32Array([0.5, 0.5]);
 * const target = new Uint8Array([1, 0]);
 * weightedCrossEntropy({ weight: 3 }).value(probabilities, target, { shape: [1, 1, 2, 1] }); // => 1.3863
 * ```
 */
export function weightedCrossEntropy(options: ArticleWeightedCrossEntropyOptions): Loss {
  const { weight } = checkOptions('weightedCrossEntropy', options, { weight: positive });
  positive(weight, 'weight');
  return binaryCrossEntropyLoss({ ...PROBABILITIES, positiveWeight: weight });
}
