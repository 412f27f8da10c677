/** The twin of every loss: value, unreduced, and the gradient by central differences. */
import type { LossCall } from '../../ts/index.js';
import { PIXEL_TERMS, pixelUnreduced, pixelValue } from './pixel.js';
import { type Config, flatten, type Problem, readPrediction, readProblem, sum } from './problem.js';
import { REGION_SCORES, regionUnreduced, regionValue } from './region.js';

export type { Config, Options } from './problem.js';
export { activationOf } from './problem.js';

export const PIXEL_LOSSES = Object.keys(PIXEL_TERMS);
export const REGION_LOSSES = [...Object.keys(REGION_SCORES), 'generalizedDiceLoss'];

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
  const { samples, spatial, kept } = problem;
  if (PIXEL_LOSSES.includes(name)) {
    const { cube, perPixel } = pixelUnreduced(name, options, problem, z);
    if (perPixel) return { data: cube.flat(2), shape: [samples, ...spatial] };
    return { data: flatten(problem, cube), shape: [...call.shape] };
  }
  const joined = options.average === 'micro' || name === 'generalizedDiceLoss';
  const shape = [options.aggregate === 'batch' ? [] : [samples], joined ? [] : [kept.length]].flat();
  return { data: regionUnreduced(name, options, problem, z), shape };
}

const STEP = 1e-4;

/** A central difference of the value in f64 along `direction`, times `upstream`; built once, asked for any number. */
export function twinSlope(
  config: Config,
  pred: ArrayLike<number>,
  target: ArrayLike<number>,
  call: LossCall,
): (direction: (entry: number) => number) => number {
  const value = valueOf(config, target, call);
  const moved = (by: number, direction: (entry: number) => number): number =>
    value(Float64Array.from(pred, (z, i) => z + by * direction(i)));
  return (direction) =>
    ((call.upstream ?? 1) * (moved(STEP, direction) - moved(-STEP, direction))) / (2 * STEP);
}

/** The gradient by central differences, entry by entry. */
export function twinGradient(
  config: Config,
  pred: ArrayLike<number>,
  target: ArrayLike<number>,
  call: LossCall,
): Float64Array {
  const slope = twinSlope(config, pred, target, call);
  return Float64Array.from({ length: pred.length }, (_, i) => slope((j) => Number(i === j)));
}

/** What rounding in f64 makes of a central difference of such a value. */
export const differenceError = (value: number): number => (4 * Number.EPSILON * Math.abs(value)) / STEP;
