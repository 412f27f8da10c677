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

/** The value as a function of the prediction: what does not depend on it is read once. */
function valueOf(
  config: Config,
  target: ArrayLike<number>,
  call: LossCall,
): (pred: ArrayLike<number>) => number {
  if (config.terms !== undefined) {
    const parts = config.terms.map(([weight, term]) => ({ weight, value: valueOf(term, target, call) }));
    return (pred) => sum(parts.map(({ weight, value }) => weight * value(pred)));
  }
  const { name, options } = config;
  const problem: Problem = readProblem(config, target, call);
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

export function twinValue(
  config: Config,
  pred: ArrayLike<number>,
  target: ArrayLike<number>,
  call: LossCall,
): number {
  return valueOf(config, target, call)(pred);
}

export function twinUnreduced(
  config: Config,
  pred: ArrayLike<number>,
  target: ArrayLike<number>,
  call: LossCall,
): { data: number[]; shape: number[] } {
  const { name, options } = config;
  const problem = readProblem(config, target, call);
  const z = readPrediction(problem, pred);
  const whole = wholeOf(name, options);
  if (whole !== undefined) return whole.unreduced(options, problem, z);
  const { samples, spatial, kept } = problem;
  if (PIXEL_LOSSES.includes(name)) {
    const { cube, perPixel } = pixelUnreduced(name, options, problem, z);
    if (perPixel) return { data: cube.flat(2), shape: [samples, ...spatial] };
    return { data: flatten(problem, cube), shape: [...call.shape] };
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

/** A central difference of the value in f64 along `direction`, times `upstream`; built once, asked for any number. */
export function twinSlope(
  config: Config,
  pred: ArrayLike<number>,
  target: ArrayLike<number>,
  call: LossCall,
): (direction: (entry: number) => number) => number {
  const value = valueOf(config, target, call);
  const step = stepOf(config);
  const moved = (by: number, direction: (entry: number) => number): number =>
    value(Float64Array.from(pred).map((z, i) => z + by * direction(i)));
  return (direction) =>
    ((call.upstream ?? 1) * (moved(step, direction) - moved(-step, direction))) / (2 * step);
}

/** What rounding in f64 makes of a central difference of such a value. */
export const differenceError = (value: number, step = STEP): number =>
  (4 * Number.EPSILON * Math.abs(value)) / step;
