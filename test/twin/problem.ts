/**
 * The inputs of a call in plain form, [sample][pixel][class], so that the twin's formulas read as they are written.
 * Everything in this folder is slow, obvious and f64, and shares nothing with the library but its public types.
 */
import type { Activation, LossCall } from '../../ts/index.js';

/** A loss by name, as `toJSON` gives it: what the twin and the library are both made from. */
export interface Config {
  readonly name: string;
  readonly options: Options;
  readonly terms?: readonly (readonly [number, Config])[];
}

/** Options of every loss at once. */
export interface Options {
  readonly activation?: Activation;
  readonly dataFormat?: 'channelsFirst' | 'channelsLast';
  readonly reduction?: 'mean' | 'sum';
  readonly ignoreIndex?: number;
  readonly classes?: readonly number[];
  readonly includeBackground?: boolean;
  readonly classWeights?: readonly number[];
  readonly labelSmoothing?: number;
  readonly normalizer?: 'valid' | 'weights' | 'all' | 'labelWeights';
  readonly smoothedWeights?: boolean;
  readonly meanOver?: 'elements' | 'pixels';
  readonly positiveWeight?: number | readonly number[];
  readonly gamma?: number;
  readonly alpha?: number | readonly number[];
  readonly aggregate?: 'sample' | 'batch';
  readonly average?: 'macro' | 'micro';
  readonly smooth?: number | { readonly numerator: number; readonly denominator: number };
  readonly classWeighting?: 'normalized' | 'raw';
  readonly emptyClass?: 'score' | 'skip' | 'zero' | 'one';
  readonly exponent?: 1 | 2;
  readonly transform?: 'oneMinus' | 'log' | 'logCosh' | 'negative' | { readonly power: number };
  readonly overlap?: 'product' | 'minimum';
  readonly fpWeight?: number;
  readonly fnWeight?: number;
  readonly power?: number;
  readonly sensitivityWeight?: number;
  readonly weighting?: 'square' | 'simple' | 'uniform' | 'default' | 'generalized';
  readonly absentClass?: 'max' | 'zero' | { readonly epsilon: number };
  readonly beta?: number;
  readonly k?: number;
  readonly q?: number;
  readonly epsilon?: number;
  readonly weight?: number;
  readonly delta?: number;
  readonly asymmetric?: boolean;
  readonly diceWeight?: number;
  readonly crossEntropyWeight?: number;
  readonly diceExponent?: number;
  readonly crossEntropyExponent?: number;
  readonly normalized?: boolean;
  readonly reducedThreshold?: number;
  readonly frequency?: 'inverse' | 'squareInverse' | 'median' | 'effective';
  /** Of balanced elements, found by the twin itself: the weights of negatives and positives of each channel. */
  readonly sides?: readonly (readonly number[])[];
  readonly percent?: number;
  readonly threshold?: number;
  readonly minKept?: number;
  readonly present?: boolean;
  readonly spacing?: readonly number[];
  readonly logarithmic?: boolean;
  readonly iterations?: number;
  readonly harmonicSmooth?: number;
  readonly distances?: readonly (readonly number[])[];
}

/** All but the prediction. */
export interface Problem {
  readonly activation: Activation;
  readonly samples: number;
  readonly pixels: number;
  readonly channels: number;
  readonly spatial: readonly number[];
  readonly channelsLast: boolean;
  /** The target has an entry for each of the prediction's. */
  readonly dense: boolean;
  /** The classes that count. */
  readonly kept: readonly number[];
  /** Target by [sample][pixel][class]; 0 where invalid. */
  readonly g: readonly (readonly number[][])[];
  /** Neither ignored nor masked. */
  readonly valid: readonly (readonly boolean[][])[];
  /** `pixelWeights`. */
  readonly w: readonly (readonly number[][])[];
  /** `sampleWeights`. */
  readonly v: readonly number[];
}

export type Cube = readonly (readonly (readonly number[])[])[];

/** `of(0)`, `of(1)`, and so on: what `Array.from` does in ten times the time. */
function list<T>(length: number, of: (at: number) => T): T[] {
  const all: T[] = [];
  for (let at = 0; at < length; at++) all.push(of(at));
  return all;
}

export function cube<T>(
  { samples, pixels, channels }: Pick<Problem, 'samples' | 'pixels' | 'channels'>,
  of: (b: number, i: number, k: number) => T,
): T[][][] {
  return list(samples, (b) => list(pixels, (i) => list(channels, (k) => of(b, i, k))));
}

/** The entry of a cube. */
export function at<T>(from: readonly (readonly (readonly T[])[])[], b: number, i: number, k: number): T {
  return (from[b] as readonly (readonly T[])[])[i]?.[k] as T;
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

type Sizes = Pick<Problem, 'pixels' | 'channels' | 'channelsLast'>;

/** Where an entry of the prediction lies in its flat array. */
export function offset({ pixels, channels, channelsLast }: Sizes, b: number, i: number, k: number): number {
  return channelsLast ? (b * pixels + i) * channels + k : (b * channels + k) * pixels + i;
}

const LARGEST = 3.4028234663852886e38;

const before = new WeakMap<Problem, Cube>();

/**
 * Logits or probabilities by [sample][pixel][class]; an infinite logit is the largest finite f32. A pixel, and a sample,
 * that is as it was in the prediction read before is the same array, so that what was made of it is found again (`memory`).
 */
export function readPrediction(problem: Problem, pred: ArrayLike<number>): Cube {
  const { samples, pixels, channels, activation } = problem;
  const last = before.get(problem);
  const [lowest, highest] = activation === 'none' ? [0, 1] : [-LARGEST, LARGEST];
  const read = list(samples, (b) => {
    const sample = list(pixels, (i) => {
      const pixel = list(channels, (k) =>
        Math.min(Math.max(pred[offset(problem, b, i, k)] as number, lowest), highest),
      );
      const old = last?.[b]?.[i];
      return old?.every((z, k) => z === pixel[k]) ? old : pixel;
    });
    const old = last?.[b];
    return old?.every((pixel, i) => pixel === sample[i]) ? old : sample;
  });
  before.set(problem, read);
  return read;
}

/** What was made of a pixel or a sample of a prediction, by what it was made for; made where it is not there yet. */
export function memory<T>(): (key: object, z: object, make: () => T) => T {
  const all = new WeakMap<object, Map<object, T>>();
  return (key, z, make) => {
    let known = all.get(key);
    if (known === undefined) all.set(key, (known = new Map<object, T>()));
    let found = known.get(z);
    if (found === undefined) known.set(z, (found = make()));
    return found;
  };
}

export function activationOf({ name, options }: Config, channels: number): Activation {
  if (options.activation !== undefined) return options.activation;
  if (['binaryCrossEntropyLoss', 'qualityFocalLoss', 'comboLoss', 'lovaszHingeLoss'].includes(name))
    return 'sigmoid';
  if (['crossEntropyLoss', 'generalizedWassersteinDiceLoss'].includes(name)) return 'softmax';
  return channels === 1 ? 'sigmoid' : 'softmax';
}

function keptClasses({ classes, includeBackground }: Options, channels: number): readonly number[] {
  const all = Array.from({ length: channels }, (_, k) => k);
  return classes ?? (includeBackground === false ? all.slice(1) : all);
}

export function readProblem(config: Config, target: ArrayLike<number>, call: LossCall): Problem {
  const { options } = config;
  const channelsLast = options.dataFormat === 'channelsLast';
  const [samples = 0, ...rest] = call.shape;
  const channels = (channelsLast ? rest.at(-1) : rest[0]) ?? 0;
  const spatial = channelsLast ? rest.slice(0, -1) : rest.slice(1);
  const pixels = spatial.reduce((a, b) => a * b, 1);
  const sizes = { samples, pixels, channels, channelsLast };
  const activation = activationOf(config, channels);

  const dense = channels === 1 || target.length === samples * channels * pixels;
  const given = cube(sizes, (b, i, k) =>
    dense ? (target[offset(sizes, b, i, k)] as number) : (target[b * pixels + i] as number),
  );
  const { ignoreIndex } = options;
  const wholePixel = !dense || activation === 'softmax';
  const valid = cube(sizes, (b, i, k) => {
    if (call.mask !== undefined && call.mask[b * pixels + i] === 0) return false;
    if (ignoreIndex === undefined) return true;
    return wholePixel
      ? !(given[b]?.[i] as number[]).includes(ignoreIndex)
      : at(given, b, i, k) !== ignoreIndex;
  });
  const g = cube(sizes, (b, i, k) => {
    if (!at(valid, b, i, k)) return 0;
    const t = at(given, b, i, k);
    return dense ? t : t === k ? 1 : 0;
  });

  const { pixelWeights, sampleWeights } = call;
  const wide = pixelWeights !== undefined && pixelWeights.length === samples * channels * pixels;
  const w = cube(sizes, (b, i, k) =>
    pixelWeights === undefined ? 1 : (pixelWeights[wide ? offset(sizes, b, i, k) : b * pixels + i] as number),
  );
  const v = Array.from({ length: samples }, (_, b) => sampleWeights?.[b] ?? 1);
  return { ...sizes, activation, spatial, dense, kept: keptClasses(options, channels), g, valid, w, v };
}

/** The prediction's shape. */
export const shapeOf = ({ samples, channels, spatial, channelsLast }: Problem): number[] =>
  channelsLast ? [samples, ...spatial, channels] : [samples, channels, ...spatial];

/** Prediction-shaped numbers back in the prediction's layout. */
export function flatten(problem: Problem, values: Cube): number[] {
  const flat: number[] = [];
  values.forEach((sample, b) => {
    sample.forEach((pixel, i) => {
      pixel.forEach((x, k) => {
        flat[offset(problem, b, i, k)] = x;
      });
    });
  });
  return flat;
}
