/** The twin of every loss: value, unreduced, and the gradient by central differences. */
import type { LossCall } from '../../ts/index.js';
import { PIXEL_TERMS, pixelUnreduced, pixelValue } from './pixel.js';
import {
  type Config,
  flatten,
  type Options,
  type Problem,
  readPrediction,
  readProblem,
  shapeOf,
  sum,
} from './problem.js';
import { wholeOf } from './whole.js';
import { JOINT, REGION_SCORES, regionUnreduced, regionValue } from './region.js';

export type { Config, Options } from './problem.js';
export { activationOf } from './problem.js';

export const PIXEL_LOSSES = [
  ...Object.keys(PIXEL_TERMS),
  'balancedCrossEntropyLoss',
  'topKCrossEntropyLoss',
  'ohemCrossEntropyLoss',
  'boundaryLoss',
  'hausdorffLoss',
];
export const REGION_LOSSES = [
  ...Object.keys(REGION_SCORES),
  'generalizedDiceLoss',
  'penaltyGeneralizedDiceLoss',
];

/** Losses made of a pixel part and a region part: the weights and parts of the twin. */
const COMPOUNDS: Readonly<Record<string, (options: Options) => Parts>> = {
  comboLoss: (options) => {
    const { alpha = 0.5 } = options as { alpha?: number };
    const region = { ...options, transform: 'negative' } as const;
    return { pixel: [alpha, 'comboEntropy'], region: [1 - alpha, 'diceLoss', region] };
  },
  exponentialLogarithmicLoss: (options) => {
    const { diceWeight = 0.8, crossEntropyWeight = 0.2, classWeights: _, ...region } = options;
    return { pixel: [crossEntropyWeight, 'powerOfLog'], region: [diceWeight, 'powerOfLogDice', region] };
  },
  unifiedFocalLoss: (options) => {
    const { weight = 0.5 } = options;
    return { pixel: [weight, 'unifiedFocal'], region: [1 - weight, 'unifiedTversky', options] };
  },
};
export const COMPOUND_LOSSES = Object.keys(COMPOUNDS);

interface Parts {
  readonly pixel: readonly [weight: number, name: string];
  readonly region: readonly [weight: number, name: string, options: Options];
}

/** The value as a function of the prediction. */
function valueOf({ name, options }: Config, problem: Problem): (pred: ArrayLike<number>) => number {
  const compound = COMPOUNDS[name];
  if (compound !== undefined) {
    const { pixel, region } = compound(options);
    return (pred) => {
      const z = readPrediction(problem, pred);
      const ofPixels = pixel[0] * pixelValue(pixel[1], options, problem, z);
      return ofPixels + region[0] * regionValue(region[1], region[2], problem, z);
    };
  }
  const whole = wholeOf(name, options);
  if (whole !== undefined) return (pred) => whole.value(options, problem, readPrediction(problem, pred));
  const value = PIXEL_LOSSES.includes(name) ? pixelValue : regionValue;
  return (pred) => value(name, options, problem, readPrediction(problem, pred));
}

/** The twin of a loss on all that a call has beside its prediction, which is read once. */
export interface Twin {
  readonly config: Config;
  /** Of a weighted sum: of its first term. */
  readonly problem: Problem;
  /** Of a weighted sum. */
  readonly terms?: readonly { readonly weight: number; readonly twin: Twin }[];
  readonly upstream: number;
  value(pred: ArrayLike<number>): number;
}

export function twinOf(config: Config, target: ArrayLike<number>, call: LossCall): Twin {
  const { upstream = 1 } = call;
  if (config.terms === undefined) {
    const problem = readProblem(config, target, call);
    return { config, problem, upstream, value: valueOf(config, problem) };
  }
  const terms = config.terms.map(([weight, term]) => ({ weight, twin: twinOf(term, target, call) }));
  const [{ twin: first }] = terms as [(typeof terms)[number]];
  const value = (pred: ArrayLike<number>): number =>
    sum(terms.map(({ weight, twin }) => weight * twin.value(pred)));
  return { config, problem: first.problem, terms, upstream, value };
}

export function twinUnreduced(
  { config: { name, options }, problem }: Twin,
  pred: ArrayLike<number>,
): { data: number[]; shape: number[] } {
  const z = readPrediction(problem, pred);
  const whole = wholeOf(name, options);
  if (whole !== undefined) return whole.unreduced(options, problem, z);
  const { samples, spatial, kept } = problem;
  if (PIXEL_LOSSES.includes(name)) {
    const { cube, perPixel } = pixelUnreduced(name, options, problem, z);
    if (perPixel) return { data: cube.flat(2), shape: [samples, ...spatial] };
    return { data: flatten(problem, cube), shape: shapeOf(problem) };
  }
  const joined = options.average === 'micro' || JOINT.includes(name);
  const shape = [options.aggregate === 'batch' ? [] : [samples], joined ? [] : [kept.length]].flat();
  return { data: regionUnreduced(name, options, problem, z), shape };
}

const STEP = 1e-4;
/** Of losses that rank: a larger one would change the ranks; a corner is where two are equal. */
const SMALL_STEP = 1e-7;

/** Whether the loss has corners: it ranks pixels, or looks for the least or the nearest. */
export const ranks = ({ name, terms }: Config): boolean =>
  terms?.some(([, term]) => ranks(term)) ?? /^(topK|ohem|lovasz|hausdorff|clDice)/.test(name);

/** The step of a central difference. */
export const stepOf = (config: Config): number => (ranks(config) ? SMALL_STEP : STEP);

/** A central difference of the value in f64 along `direction`, times `upstream`. */
export function twinSlope(
  twin: Twin,
  pred: ArrayLike<number>,
): (direction: (entry: number) => number) => number {
  const step = stepOf(twin.config);
  const from = Float64Array.from(pred);
  const moved = (by: number, direction: (entry: number) => number): number =>
    twin.value(from.map((z, i) => z + by * direction(i)));
  return (direction) => (twin.upstream * (moved(step, direction) - moved(-step, direction))) / (2 * step);
}

/** What rounding in f64 makes of a central difference of such a value. */
export const differenceError = (value: number, step = STEP): number =>
  (4 * Number.EPSILON * Math.abs(value)) / step;
