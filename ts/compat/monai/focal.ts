import { boolean, checkOptions, number, numberOrNumbers, refuse } from '../../check/options.js';
import { pixelTermLoss } from '../../define.js';
import { focalLoss, KERNEL } from '../../loss/focal.js';
import { fillCategories, fillElements } from '../../term.js';
import type { Loss, PixelOptions } from '../../types.js';
import { orNone, type PeerReduction, REDUCTION, reductionOf } from '../peer.js';
import { pixelsOf, reading } from '../reading.js';
import { ignoring } from './ignore.js';
import { channelWeights, IGNORE_INDEX, type MonaiWeight, WEIGHT } from './options.js';

/** Options of MONAI's `FocalLoss`. */
export interface MonaiFocalOptions {
  /** `false`: without channel 0; default `true`. */
  readonly include_background?: boolean | undefined;
  /** The target is a label map; default `false`. Its length says so here. */
  readonly to_onehot_y?: boolean | undefined;
  /** Power of 1 − p, ≥ 0; default 2. */
  readonly gamma?: number | undefined;
  /** Weight of positives, negatives get 1 − alpha; of classes other than 0 under `use_softmax`; or one number a class. */
  readonly alpha?: number | readonly number[] | null | undefined;
  readonly weight?: MonaiWeight;
  readonly reduction?: PeerReduction | undefined;
  /** Default `false`: sigmoid. */
  readonly use_softmax?: boolean | undefined;
  /** Pixels of this label count nowhere; default none. */
  readonly ignore_index?: number | null | undefined;
}

/** What the package's focal loss is not: softmax over elements, alpha a class of positives alone, one weight for all. */
function ownFocal(given: MonaiFocalOptions, options: PixelOptions): Loss {
  const { gamma = 2, alpha, weight, use_softmax = false, include_background } = given;
  const first = include_background === false ? 1 : 0;
  const factor = typeof weight === 'number' ? weight : 1;
  const positive = (k: number): number => (typeof alpha === 'object' ? alpha?.[k - first] : alpha) ?? 1;
  const negative = typeof alpha === 'number' ? 1 - alpha : 1;
  // A mean over elements; a sum, and with an ignored label the mean, is over pixels.
  const overPixels = given.reduction === 'sum' || typeof given.ignore_index === 'number';
  return pixelTermLoss('FocalLoss', options, {
    kernel: KERNEL,
    exponent: gamma,
    perClass: { alpha: typeof alpha === 'number' ? undefined : channelWeights(alpha, include_background) },
    fill: (table, classes, _, scale) => {
      if (use_softmax) {
        const by = overPixels ? 1 : classes.channels;
        fillCategories(table, classes, (scale * factor) / by, 0, (k) =>
          typeof alpha === 'number' && k === 0 ? negative : positive(k),
        );
      } else {
        fillElements(table, classes, scale * factor, (k) => ({
          positiveAt0: 0,
          positiveAt1: positive(k),
          negativeAt0: negative,
          negativeAt1: 0,
        }));
      }
    },
    formula: use_softmax
      ? '−Σ_k α_k g_k (1−p_k)^γ ln p_k, over the classes'
      : '−α_k g (1−p)^γ ln p − (1−g) p^γ ln(1−p), 1 − α for negatives where α is one number',
    own: { gamma, alpha: alpha ?? 'none', weight: weight ?? 1, use_softmax },
    options: given,
  });
}

/** The loss of checked options. */
export function focalOf(given: MonaiFocalOptions): Loss {
  const { include_background, gamma, alpha, weight, use_softmax = false, ignore_index } = given;
  const { reduction = 'mean' } = given;
  const ignores = typeof ignore_index === 'number';
  if (use_softmax && include_background === false) {
    refuse(
      `"include_background": false with use_softmax takes channel 0 out before the softmax; give the other channels`,
    );
  }
  if (use_softmax && reduction === 'none') {
    refuse(`"reduction": 'none' with use_softmax has a loss an element; unreduced() has one a pixel`);
  }
  if (ignores && reduction === 'sum') {
    refuse(`"reduction": 'sum' with ignore_index divides by each sample's own number of pixels`);
  }
  const made = ignoring('FocalLoss', given, (ignoreIndex) => {
    const options: PixelOptions = {
      activation: use_softmax ? 'softmax' : 'sigmoid',
      includeBackground: include_background,
      classWeights: channelWeights(weight, include_background),
      ignoreIndex,
      ...(ignores && !use_softmax && { meanOver: 'pixels' }),
      reduction: reductionOf(reduction),
    };
    const own = use_softmax || typeof weight === 'number' || (typeof alpha === 'object' && alpha !== null);
    return own ? ownFocal(given, options) : focalLoss({ ...options, gamma, alpha: alpha ?? undefined });
  });
  if (reduction !== 'sum') return made;
  // Summed over samples and classes, but the mean over a sample's pixels.
  return reading('FocalLoss', given, made, (target, call) => {
    const pixels = pixelsOf(call);
    const weights = Float64Array.from(
      { length: call.shape[0] ?? 0 },
      (_, b) => (call.sampleWeights?.[b] ?? 1) / pixels,
    );
    return [target, { ...call, sampleWeights: weights }];
  });
}

/**
 * MONAI's `FocalLoss`: of independent channels unless `use_softmax`, a mean over all elements.
 *
 * Formula: −α g (1−p)^γ ln p − (1−α)(1−g) p^γ ln(1−p); softmax −Σ_k α_k g_k (1−p_k)^γ ln p_k over C, α_0 = 1 − alpha. It is
 * `focalLoss({ activation: 'sigmoid', alpha, gamma, classWeights: weight, includeBackground })`, over pixels with an
 * ignored label. 'sum' is MONAI's: the sum over samples and classes of the mean over pixels. Under `use_softmax`, with an
 * alpha a class (which weighs positives alone), with one weight for all and with 'sum' it is a loss of its own.
 * Shapes: prediction `[N, C, ...spatial]`, logits; target a label map or dense.
 * Range: [0, ∞) nats.
 * Numerics: as `focalLoss`; against MONAI, in f64, in `test/compat.test.ts`. Its own form comes back with
 * `lossFromJSON(json, { losses: { FocalLoss } })`.
 * Errors: as every loss; `RangeError` for `use_softmax` without background or with 'none', and for 'sum' with an ignored
 * label.
 * Source: MONAI 1.6.1, `monai.losses.FocalLoss`, after T.-Y. Lin et al., "Focal Loss for Dense Object Detection", 2017.
 *
 * @example
 * ```ts
 * import { FocalLoss } from 'segloss/compat/monai';
 *
 * const logits = new Float32Array([0, 4]);
 * const loss = FocalLoss({ alpha: 0.25 });
 * loss.value(logits, new Uint8Array([1, 0]), { shape: [1, 1, 2] }); // => 1.4748
 * ```
 */
export function FocalLoss(options?: MonaiFocalOptions): Loss {
  const given = checkOptions('FocalLoss', options, {
    include_background: boolean,
    to_onehot_y: boolean,
    gamma: number({ min: 0 }),
    alpha: orNone(numberOrNumbers({ min: 0, max: 1 })),
    weight: WEIGHT,
    reduction: REDUCTION,
    use_softmax: boolean,
    ignore_index: IGNORE_INDEX,
  });
  return focalOf(given);
}
