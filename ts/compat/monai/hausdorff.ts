import { type CheckedCall, placeOf } from '../../check/call.js';
import { checkOptions, number } from '../../check/options.js';
import { hausdorffLoss } from '../../geometric/hausdorff.js';
import type { Loss, Unreduced } from '../../types.js';
import { reductionOf } from '../peer.js';
import { type Found, foundBy, settledLoss } from '../settled.js';
import { activationOf, type MonaiRegionOptions, REGION } from './options.js';

/** Options of MONAI's `HausdorffDTLoss` and `LogHausdorffDTLoss`. */
export interface MonaiHausdorffOptions extends Omit<
  MonaiRegionOptions,
  'include_background' | 'smooth_nr' | 'smooth_dr' | 'batch'
> {
  /** What distances are raised to; ≥ 0, default 2. */
  readonly alpha?: number | undefined;
  /** Default `false`: without channel 0, unless it is the only one. */
  readonly include_background?: boolean | undefined;
  /** The means that 'sum' and 'none' are of go over the batch; default `false`: of each sample. */
  readonly batch?: boolean | undefined;
}

const { smooth_nr: _, smooth_dr: __, ...SHARED } = REGION;
const RULES = { ...SHARED, alpha: number({ min: 0 }) };

/** How many elements a mean of MONAI's is over: of a class of a sample, or of the batch. */
const averaged = ({ pixels, samples }: CheckedCall, overBatch: boolean): number =>
  pixels * (overBatch ? samples : 1) || 1;

/** The means that MONAI adds up, of each sample and class, in its shape. */
function means({ data }: Unreduced, call: CheckedCall, first: number, overBatch: boolean): Unreduced {
  const { samples, channels, pixels, shape } = call;
  const [rows, kept] = [overBatch ? 1 : samples, channels - first];
  const found = new Float64Array(rows * kept);
  const share = 1 / averaged(call, overBatch);
  for (let sample = 0; sample < samples; sample++) {
    for (let k = first; k < channels; k++) {
      const row = (overBatch ? 0 : sample) * kept + k - first;
      for (let i = 0; i < pixels; i++) found[row]! += share * data[placeOf(call, sample, i, k)]!;
    }
  }
  return { data: found, shape: [rows, kept, ...shape.slice(2).map(() => 1)] };
}

/** ln(1 + L) of what is found. */
function logarithmOf(found: Found, ofEach: boolean): Found {
  return {
    value: Math.log1p(found.value),
    grad: found.grad.map((slope) => slope / (1 + found.value)),
    get unreduced() {
      const { data, shape } = found.unreduced;
      return { data: ofEach ? data.map(Math.log1p) : data, shape };
    },
  };
}

function formulaOf(
  { include_background: background, reduction: by }: MonaiHausdorffOptions,
  logarithmic: boolean,
): string {
  const mean = `${by === 'sum' ? 'sum of means' : 'mean'} of (p − g)²·(D_p^alpha + D_g^alpha)`;
  const of = background ? '' : ', without channel 0 unless it is the only one';
  return `${logarithmic ? `ln(1 + the ${mean})` : `the ${mean}`}${of}`;
}

function hausdorffOf(name: string, options: MonaiHausdorffOptions | undefined, logarithmic: boolean): Loss {
  const given = checkOptions(name, options, RULES);
  const { include_background: background = false, reduction: by = 'mean', batch: overBatch = false } = given;
  const shared = { activation: activationOf(given), reduction: reductionOf(by) };
  const settings = { ...shared, alpha: given.alpha };
  // What is left of one channel only the call will tell, unless a softmax says that there are more.
  if (by === 'mean' && (background || given.softmax)) {
    return hausdorffLoss({ ...settings, logarithmic, includeBackground: background });
  }
  return settledLoss(name, shared, {
    given,
    formula: formulaOf(given, logarithmic),
    find: (call, term) => {
      const includeBackground = background || call.channels === 1;
      const loss = hausdorffLoss({ ...settings, includeBackground });
      const factor = by === 'sum' ? 1 / averaged(call, overBatch) : 1;
      const found = foundBy(loss, call, term, factor, (each) =>
        by === 'none' ? means(each, call, includeBackground ? 0 : 1, overBatch) : each,
      );
      return logarithmic ? logarithmOf(found, by === 'none') : found;
    },
  });
}

/**
 * MONAI's `HausdorffDTLoss`: squared errors by their distance to the borders, without the background unless asked for.
 *
 * Formula: the mean of (p − g)²·(D_p^alpha + D_g^alpha) over the elements of the classes that count, D the distance to the
 * border. It is `hausdorffLoss({ activation, alpha, includeBackground: include_background })`, with the background where there
 * is one channel. Under 'sum' it is the sum over samples and classes (`batch`: over classes) of the means over pixels, and not
 * `hausdorffLoss`' sum over elements; those means divide by all pixels, masked ones too.
 * Shapes: prediction `[N, C, ...spatial]` with at most three spatial dimensions; target a label map or dense; unreduced as
 * the prediction, under 'none' MONAI's `[N, C, 1, 1]`.
 * Range: [0, ∞), in units of a pixel to the power of alpha: MONAI has no spacing.
 * Numerics: as `hausdorffLoss`; against MONAI in f64 in `test/compat.test.ts`. Where the number of channels or a `reduction`
 * other than 'mean' decides, `toJSON` has this name and these options: `lossFromJSON(json, { losses: { HausdorffDTLoss } })`;
 * with `include_background` or `softmax`, and 'mean', it is that of `hausdorffLoss`, and needs `{ hausdorffLoss }`.
 * Errors: as `hausdorffLoss`; `RangeError` for `sigmoid` with `softmax` and for a callable.
 * Source: MONAI 1.6.1, `monai.losses.HausdorffDTLoss`, after D. Karimi, S. E. Salcudean, "Reducing the Hausdorff Distance in
 * Medical Image Segmentation with Convolutional Neural Networks", 2019, eq. 8.
 *
 * @example
 * ```ts
 * import { HausdorffDTLoss } from 'segloss/compat/monai';
 *
 * const probabilities = new Float32Array([0.9, 0.8, 0.4, 0.6]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * HausdorffDTLoss({ alpha: 1 }).value(probabilities, mask, { shape: [1, 1, 2, 2] }); // => 0.2891
 * ```
 */
export function HausdorffDTLoss(options?: MonaiHausdorffOptions): Loss {
  return hausdorffOf('HausdorffDTLoss', options, false);
}

/**
 * MONAI's `LogHausdorffDTLoss`: the logarithm of 1 + its Hausdorff loss.
 *
 * Formula: ln(1 + L), L as `HausdorffDTLoss`; under 'none' of each mean, else of the mean or sum. It is `hausdorffLoss({
 * logarithmic: true, … })` where that one is `hausdorffLoss`.
 * Shapes: as `HausdorffDTLoss`.
 * Range: [0, ∞), no unit.
 * Numerics: as `HausdorffDTLoss`, also of `toJSON`; unreduced, but for 'none', has the summands of L.
 * Errors: as `HausdorffDTLoss`.
 * Source: MONAI 1.6.1, `monai.losses.LogHausdorffDTLoss`, after D. Karimi, S. E. Salcudean, 2019.
 *
 * @example
 * ```ts
 * import { LogHausdorffDTLoss } from 'segloss/compat/monai';
 *
 * const probabilities = new Float32Array([0.9, 0.8, 0.4, 0.6]);
 * const mask = new Uint8Array([1, 1, 0, 0]);
 * LogHausdorffDTLoss({ alpha: 1 }).value(probabilities, mask, { shape: [1, 1, 2, 2] }); // => 0.254
 * ```
 */
export function LogHausdorffDTLoss(options?: MonaiHausdorffOptions): Loss {
  return hausdorffOf('LogHausdorffDTLoss', options, true);
}
