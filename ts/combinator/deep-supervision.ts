import { spatialOf } from '../check/call.js';
import { number, refuse, show } from '../check/options.js';
import { checkNames } from '../check/nearest.js';
import { ShapeError } from '../errors.js';
import { TermLoss } from '../loss.js';
import type { Loss, LossCall, Prediction, Target } from '../types.js';

/** Options of `deepSupervision`. */
export interface DeepSupervisionOptions {
  /** One weight a scale, finest first; default 1, 1/2, 1/4 … over their sum. */
  readonly weights?: readonly number[] | undefined;
}

/** What comes with a call on several scales: a `LossCall` with the shape of each prediction, all else as the finest has it. */
export interface DeepSupervisionCall extends Omit<LossCall, 'shape' | 'sample' | 'out'> {
  /** The shapes of the predictions, finest first; mask, pixel weights and a target that is no list are those of the first. */
  readonly shapes: readonly (readonly number[])[];
  /** Where the gradients go. */
  readonly outs?: readonly Float32Array[] | undefined;
}

/** A loss on predictions of several scales. */
export interface DeepSupervision {
  value(
    predictions: readonly Prediction[],
    target: Target | readonly Target[],
    call: DeepSupervisionCall,
  ): number;
  valueAndGrad(
    predictions: readonly Prediction[],
    target: Target | readonly Target[],
    call: DeepSupervisionCall,
  ): {
    readonly value: number;
    /** The loss of each scale, unweighted. */
    readonly values: readonly number[];
    /** The derivative of the value with respect to each prediction, times `upstream`. */
    readonly grads: readonly Float32Array[];
  };
}

type Numbers = Target | Float32Array | Float64Array;

/** For each entry of a grid the nearest of another of the same extent: that whose middle is nearest to its own. */
function nearest(from: readonly number[], to: readonly number[]): Int32Array {
  let index = new Int32Array(1);
  to.forEach((size, axis) => {
    const source = from[axis] ?? 1;
    const next = new Int32Array(index.length * size);
    index.forEach((base, at) => {
      for (let i = 0; i < size; i++) {
        next[at * size + i] = base * source + Math.floor(((i + 0.5) * source) / size);
      }
    });
    index = next;
  });
  return index;
}

/** The entries of `data` at the positions of a coarser grid; `data` may hold several channels a pixel. */
function resized<T extends Numbers>(data: T, grid: Grid): T {
  const { samples, pixels, index, last } = grid;
  const channels = samples * pixels === 0 ? 1 : data.length / (samples * pixels);
  const Make = data.constructor as new (length: number) => T;
  const out = new Make(samples * index.length * channels);
  for (let b = 0; b < samples; b++) {
    for (let k = 0; k < channels; k++) {
      const [step, from, to] = last
        ? [channels, b * pixels * channels + k, b * index.length * channels + k]
        : [1, (b * channels + k) * pixels, (b * channels + k) * index.length];
      for (let i = 0; i < index.length; i++) {
        out[to + i * step] = data[from + (index[i] ?? 0) * step] as number;
      }
    }
  }
  return out;
}

/** Whether it is an array; unlike `Array.isArray` it does not forget of what. */
const isList = (value: unknown): boolean => Array.isArray(value);

interface Grid {
  readonly samples: number;
  readonly pixels: number;
  readonly index: Int32Array;
  readonly last: boolean;
}

/**
 * A loss on predictions of several scales, each against the labels at its own resolution.
 *
 * Formula: Σ_s weight_s·loss_s. A coarser scale takes the label, mask and weight nearest to the middle of its pixel
 * (`'nearest-exact'` of torch and MONAI); the target is given once, at the finest, or as a list, one a scale.
 * Gradient: weight_s times that of the loss, for each scale.
 * Shapes: predictions of any number of scales, finest first, of equal samples, channels and number of spatial dimensions.
 * Empty: the loss's own, at each scale: a small structure may be absent from a coarse one.
 * Weights: the loss's own; ignored, masked and weighted pixels are resized with the labels.
 * Errors: `TypeError` for a loss that is not of this package; `RangeError` for weights that are not finite or not one a
 * scale; `ShapeError` for scales that differ in more than their spatial size. Else as the loss itself.
 *
 * @example
 * ```ts
 * import { deepSupervision, diceLoss } from 'segloss';
 *
 * const loss = deepSupervision(diceLoss({ activation: 'none', smooth: 0 }), { weights: [1, 0.5] });
 * const fine = new Float32Array([1, 0, 0, 0]);
 * const coarse = new Float32Array([1, 0]);
 * const shapes = [[1, 1, 4], [1, 1, 2]];
 * const { value } = loss.valueAndGrad([fine, coarse], new Uint8Array([1, 1, 0, 0]), { shapes });
 * value; // => 0.3333
 * ```
 */
export function deepSupervision(loss: Loss, options: DeepSupervisionOptions = {}): DeepSupervision {
  if (!(loss instanceof TermLoss))
    throw new TypeError(`"loss" expected a loss of this package, got ${show(loss)}`);
  checkNames(options, ['weights'], 'deepSupervision options');
  const given = options.weights && [...options.weights];
  given?.forEach((weight, s) => {
    number()(weight, `weights[${s}]`);
  });
  const last = loss.terms[0]?.term.dataFormat === 'channelsLast';

  /** The weight, prediction, target and call of each scale. */
  const scales = (
    predictions: readonly Prediction[],
    target: Target | readonly Target[],
    { shapes, outs, ...call }: DeepSupervisionCall,
  ): { weight: number; prediction: Prediction; target: Target; call: LossCall }[] => {
    if (!isList(predictions) || !isList(shapes)) {
      throw new TypeError('"predictions" and "shapes" expected lists, one entry a scale');
    }
    if (shapes.length !== predictions.length || (outs && outs.length !== predictions.length)) {
      refuse(`"shapes" and "outs" expected one entry a prediction, ${predictions.length}`);
    }
    if (isList(target) && target.length !== predictions.length) {
      refuse(
        `"target" as a list expected one entry a prediction, ${predictions.length}, got ${target.length}`,
      );
    }
    if (given && given.length !== predictions.length) {
      refuse(`"weights" expected one a prediction, ${predictions.length}, got ${given.length}`);
    }
    const halves = predictions.map((_, s) => 0.5 ** s);
    const sum = halves.reduce((a, b) => a + b, 0);
    const weights = given ?? halves.map((half) => half / sum);
    const fixed = (shape: readonly number[]): string =>
      [shape[0], last ? shape.at(-1) : shape[1], shape.length].join();
    const finest = shapes[0] ?? [];
    const spatial = spatialOf(finest, last);
    const pixels = spatial.reduce((a, b) => a * b, 1);
    return predictions.map((prediction, s) => {
      const shape = shapes[s] as readonly number[];
      if (fixed(shape) !== fixed(finest)) {
        throw new ShapeError(`shapes[${s}]`, 'samples, channels and rank of the first', show(shape));
      }
      const own: LossCall = { ...call, shape, ...(outs && { out: outs[s] }) };
      const scale = { weight: weights[s] ?? 0, prediction };
      const labels = isList(target) ? (target as readonly Target[])[s] : undefined;
      if (s === 0) return { ...scale, target: labels ?? (target as Target), call: own };
      const grid = { samples: finest[0] ?? 0, pixels, index: nearest(spatial, spatialOf(shape, last)), last };
      const { mask, pixelWeights } = call;
      return {
        ...scale,
        target: labels ?? resized(target as Target, grid),
        call: {
          ...own,
          ...(mask && { mask: resized(Float32Array.from(mask), grid) }),
          ...(pixelWeights && { pixelWeights: resized(pixelWeights, grid) }),
        },
      };
    });
  };

  return {
    value: (predictions, target, call) =>
      scales(predictions, target, call).reduce(
        (sum, scale) => sum + scale.weight * loss.value(scale.prediction, scale.target, scale.call),
        0,
      ),
    valueAndGrad: (predictions, target, call) => {
      const found = scales(predictions, target, call).map(
        ({ weight, prediction, target: labels, call: own }) => ({
          weight,
          ...loss.valueAndGrad(prediction, labels, { ...own, upstream: weight * (own.upstream ?? 1) }),
        }),
      );
      return {
        value: found.reduce((sum, { weight, value }) => sum + weight * value, 0),
        values: found.map(({ value }) => value),
        grads: found.map(({ grad }) => grad),
      };
    },
  };
}
