/** The Dice losses of optax. */
import { boolean, checkOptions, number, numbers } from '../../check/options.js';
import { sumsLoss } from '../../define.js';
import { tverskyLoss, tverskyScore } from '../../loss/tversky.js';
import { balancePass, runPass } from '../../pass.js';
import { batchRow, makeGroup } from '../../plan.js';
import { activationOf, SUM, type WholeTerm } from '../../term.js';
import type { Loss, RegionOptions, Unreduced } from '../../types.js';
import { axes, pooled } from '../axes.js';
import { averaged } from '../joint.js';
import { orNone, type PeerReduction, REDUCTION } from '../peer.js';
import { type Found, foundBy, settledLoss } from '../settled.js';

const positive = number({ min: 0 });
const LAST = { dataFormat: 'channelsLast' } as const;

/** Options of optax' `dice_loss`. */
export interface OptaxDiceOptions {
  /** One weight a class, which multiplies its loss and divides nothing; default none. */
  readonly class_weights?: readonly number[] | null | undefined;
  /** Added to numerator and denominator, ≥ 0; default 1. */
  readonly smooth?: number | undefined;
  /** Weight of the false positives, ≥ 0; default 0.5. */
  readonly alpha?: number | undefined;
  /** Weight of the false negatives, ≥ 0; default 0.5. */
  readonly beta?: number | undefined;
  /** Default true: softmax, of one channel sigmoid. False: the prediction holds probabilities. */
  readonly apply_softmax?: boolean | undefined;
  /** What becomes of the classes of a sample: `'mean'` (default), `'sum'` or `'none'`. */
  readonly reduction?: PeerReduction | undefined;
  /** Whether class 0 is left out, where there are others; default false. */
  readonly ignore_background?: boolean | undefined;
  /** What is summed over: `null` (default) for the spatial axes, or these with 0, the samples. */
  readonly axis?: number | readonly number[] | null | undefined;
}

/** Losses of classes times their weights. */
function weighted({ data, shape }: Unreduced, weights: readonly number[]): Unreduced {
  return { data: data.map((loss, i) => loss * (weights[i % weights.length] ?? 1)), shape };
}

/**
 * `optax.dice_loss`.
 *
 * Formula: L_k = 1 − (TP + smooth)/(TP + alpha·FP + beta·FN + smooth) per sample and class, so that smooth counts double what
 * it does in `diceLoss`: `tverskyLoss({ dataFormat: 'channelsLast', fpWeight: alpha, fnWeight: beta, smooth, classWeights,
 * classWeighting: 'raw', includeBackground: !ignore_background })`. Then Σ_k w_k L_k/K (`'mean'`), Σ_k w_k L_k (`'sum'`) or
 * each (`'none'`); the value is the mean of these. `axis` with 0 sums over the batch (`aggregate: 'batch'`).
 * Shapes: prediction and target `[N, ...spatial, C]`, or a label map; unreduced `[N]`, under `'none'` `[N, K]`.
 * Range: [0, 1] times the weights, no unit.
 * Numerics: as `tverskyLoss`; against optax in f64 in `test/compat.test.ts`. Merges under `'mean'` and `'sum'` with
 * `axis: null`. `toJSON` has this name and these options.
 * Errors: as every loss; `RangeError` for `ignore_background` where there is one channel (optax ignores it) and for an axis
 * other than the spatial ones and 0. Probabilities need not sum to 1.
 * Source: optax 0.2.8, `optax.losses.dice_loss`, after F. Milletari et al., "V-Net", 2016.
 *
 * @example
 * ```ts
 * import { dice_loss } from 'segloss/compat/optax';
 *
 * const logits = new Float32Array([1, -1, 0.5, 0.5]);
 * const mask = new Uint8Array([1, 0, 1, 0]);
 * dice_loss().unreduced(logits, mask, { shape: [2, 2, 1] }).data; // => [0.1345, 0.2356]
 * ```
 */
export function dice_loss(options?: OptaxDiceOptions): Loss {
  const name = 'dice_loss';
  const given = checkOptions(name, options, {
    class_weights: orNone(numbers({ min: 0 })),
    smooth: positive,
    alpha: positive,
    beta: positive,
    apply_softmax: boolean,
    reduction: REDUCTION,
    ignore_background: boolean,
    axis: orNone(axes),
  });
  const { smooth = 1, alpha = 0.5, beta = 0.5, reduction = 'mean', axis = null } = given;
  const shared: RegionOptions = {
    ...LAST,
    ...(given.apply_softmax === false && { activation: 'none' }),
    ...(given.ignore_background && { includeBackground: false }),
    ...(given.class_weights && { classWeights: given.class_weights }),
  };
  const formula = '1 − (TP + s)/(TP + alpha·FP + beta·FN + s), of the classes of a sample';
  const score = tverskyScore(alpha, beta, { numerator: smooth, denominator: smooth }, 'oneMinus');
  /** The classes of a row together. */
  const together = (aggregate: 'sample' | 'batch'): Loss =>
    sumsLoss(
      name,
      { ...shared, aggregate },
      {
        allSums: false,
        joint: true,
        score: averaged({
          score,
          shares: (weights) => (reduction === 'sum' ? weights : weights.map((w) => w / weights.length)),
        }),
        formula,
        own: { reduction, smooth, alpha, beta },
        given,
      },
    );
  if (axis === null && reduction !== 'none') return together('sample');
  const weights = { fpWeight: alpha, fnWeight: beta, smooth, classWeighting: 'raw' } as const;
  const kept = (given.class_weights ?? []).slice(given.ignore_background ? 1 : 0);
  return settledLoss(name, shared, {
    given,
    formula,
    find: (call, term): Found => {
      const over = axis === null ? { batch: false, classes: false } : pooled(axis, call.shape.length);
      if (over.classes) {
        throw new RangeError('"axis" of dice_loss cannot have the axis of the classes, which come after it');
      }
      const aggregate = over.batch ? 'batch' : 'sample';
      if (reduction !== 'none') return foundBy(together(aggregate), call, term);
      const each = tverskyLoss({ ...shared, ...weights, aggregate });
      return foundBy(each, call, term, 1, (found) => (kept.length > 0 ? weighted(found, kept) : found));
    },
  });
}

/** Options of optax' `multiclass_generalized_dice_loss`. */
export interface OptaxGeneralizedDiceOptions {
  /** Added to numerator and denominator, ≥ 0; default 1. */
  readonly smooth?: number | undefined;
  /** Default true; false: the prediction holds probabilities. */
  readonly apply_softmax?: boolean | undefined;
  /** Whether class 0 is left out of the mean, though not of the weights; default false. */
  readonly ignore_background?: boolean | undefined;
}

/**
 * `optax.multiclass_generalized_dice_loss`: a weighted mean of Dice losses, not Sudre's ratio.
 *
 * Formula: the mean over samples and classes of w_k (1 − (TP + smooth)/(½P + ½G + smooth)), w_k = 1/(G_k² + 1e-7) of the whole
 * batch, times C over their sum: a class that is absent has w = 1e7 and takes all the weight. Sudre's loss is
 * `generalizedDiceLoss({ dataFormat: 'channelsLast' })`.
 * Shapes: prediction and target `[N, ...spatial, C]`, or a label map; unreduced `[]`.
 * Range: [0, C], no unit.
 * Numerics: as `tverskyLoss`, with weights of the labels alone; against optax in f64 in `test/compat.test.ts`. Does not
 * merge. `toJSON` has this name and these options.
 * Errors: as every loss; `RangeError` for one channel with `ignore_background`.
 * Source: optax 0.2.8, `optax.losses.multiclass_generalized_dice_loss`, after C. H. Sudre et al., 2017.
 *
 * @example
 * ```ts
 * import { multiclass_generalized_dice_loss } from 'segloss/compat/optax';
 *
 * const logits = new Float32Array(8); // four pixels of two classes
 * const labels = new Uint8Array([1, 0, 0, 0]);
 * multiclass_generalized_dice_loss().value(logits, labels, { shape: [1, 2, 2, 2] }); // => 0.3886
 * ```
 */
export function multiclass_generalized_dice_loss(options?: OptaxGeneralizedDiceOptions): Loss {
  const name = 'multiclass_generalized_dice_loss';
  const given = checkOptions(name, options, {
    smooth: positive,
    apply_softmax: boolean,
    ignore_background: boolean,
  });
  const { smooth = 1 } = given;
  const activation = given.apply_softmax === false ? ({ activation: 'none' } as const) : {};
  const shared: RegionOptions = { ...LAST, ...activation };
  return settledLoss(name, shared, {
    given,
    formula: 'w_k (1 − (TP + s)/(½P + ½G + s)), w_k ∝ 1/(G_k² + 1e-7) of the batch, the mean over all',
    find: (call, term): Found => {
      const { channels } = call;
      const counting = balancePass(call, makeGroup(activationOf(term as WholeTerm, channels), undefined));
      runPass(counting);
      const counts = batchRow(call, counting.sums.rows);
      const raw = Array.from(
        { length: channels },
        (_, k) => 1 / ((counts[SUM.g * channels + k] ?? 0) ** 2 + 1e-7),
      );
      const total = raw.reduce((a, b) => a + b, 0);
      const loss = tverskyLoss({
        ...shared,
        smooth,
        classWeighting: 'raw',
        classWeights: raw.map((w) => (w / total) * channels),
        ...(given.ignore_background && { includeBackground: false }),
      });
      const { value, grad } = foundBy(loss, call, term);
      return { value, grad, unreduced: { data: Float64Array.of(value), shape: [] } };
    },
  });
}

/** Options of optax' `binary_dice_loss`. */
export interface OptaxBinaryDiceOptions {
  /** Added to numerator and denominator, ≥ 0; default 1. */
  readonly smooth?: number | undefined;
  /** Default true; false: the prediction holds probabilities. */
  readonly apply_sigmoid?: boolean | undefined;
}

/**
 * `optax.binary_dice_loss`: `dice_loss` of one channel, the axis of which may be left out.
 *
 * Formula: 1 − (TP + smooth)/(½P + ½G + smooth) per sample, the mean over samples: `tverskyLoss({ activation: 'sigmoid',
 * dataFormat: 'channelsLast', smooth })`.
 * Shapes: prediction and target `[N, ...spatial, 1]`, or `[N, ...spatial]`, which is what a last axis other than 1 says;
 * unreduced `[N]`.
 * Range: [0, 1], no unit.
 * Numerics: as `tverskyLoss`; against optax in f64 in `test/compat.test.ts`. Does not merge. `toJSON` has this name and these
 * options.
 * Errors: as every loss. `apply_sigmoid: false` is computed, where optax refuses every probability but 1, since its check
 * that classes sum to 1 is of one class.
 * Source: optax 0.2.8, `optax.losses.binary_dice_loss`, after F. Milletari et al., "V-Net", 2016.
 *
 * @example
 * ```ts
 * import { binary_dice_loss } from 'segloss/compat/optax';
 *
 * const logits = new Float32Array([1, -1, 0.5, 0.5]);
 * const mask = new Uint8Array([1, 0, 1, 0]);
 * binary_dice_loss().unreduced(logits, mask, { shape: [2, 2] }).data; // => [0.1345, 0.2356]
 * ```
 */
export function binary_dice_loss(options?: OptaxBinaryDiceOptions): Loss {
  const name = 'binary_dice_loss';
  const given = checkOptions(name, options, { smooth: positive, apply_sigmoid: boolean });
  const activation = given.apply_sigmoid === false ? 'none' : 'sigmoid';
  const one = tverskyLoss({ ...LAST, activation, smooth: given.smooth ?? 1 });
  return settledLoss(
    name,
    { ...LAST, activation },
    {
      given,
      formula: '1 − (TP + s)/(½P + ½G + s) of one channel',
      find: (call, term): Found => {
        const { shape } = call;
        const found = foundBy(one, shape.at(-1) === 1 ? call : { ...call, shape: [...shape, 1] }, term);
        return {
          value: found.value,
          grad: found.grad,
          get unreduced() {
            const { data, shape: of } = found.unreduced;
            return { data, shape: of.slice(0, 1) };
          },
        };
      },
    },
  );
}
