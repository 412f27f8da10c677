/** What losses of distances and skeletons share: their options, and the data class by class of each sample. */
import { type CheckedCall, spatialOf } from '../check/call.js';
import { checkSpacing } from '../check/labels.js';
import { type Rule, show } from '../check/options.js';
import { ShapeError } from '../errors.js';
import { type Grid, LossPlane } from '../geometry.js';
import { elementsPass, runPass } from '../pass.js';
import { makeGroup } from '../plan.js';
import type { Common } from '../term.js';
import type { Activation, DataFormat } from '../types.js';

/** Options of losses that measure distances. */
export interface DistanceOptions {
  /** The distance between neighbouring pixels along each spatial axis, in the order of `shape`; default 1. */
  readonly spacing?: readonly number[] | undefined;
  /** What `distanceMaps` gave for the target, so that they need not be found in every call. */
  readonly distances?: Float32Array | undefined;
}

export const spacingRule: Rule = (value, name) => {
  if (!Array.isArray(value)) {
    throw new TypeError(`"${name}" expected an array of numbers, one a spatial axis, got ${show(value)}`);
  }
  checkSpacing(value, value.length);
};

export const distancesRule: Rule = (value, name) => {
  if (Object.prototype.toString.call(value) !== '[object Float32Array]') {
    throw new TypeError(`"${name}" expected the Float32Array that distanceMaps gives, got ${show(value)}`);
  }
};

/** The grid of the pixels of a sample. */
export function gridOf(
  name: string,
  shape: readonly number[],
  dataFormat: DataFormat,
  spacing?: readonly number[],
): Grid {
  const spatial = spatialOf(shape, dataFormat === 'channelsLast');
  if (spatial.length > 3) {
    throw new ShapeError('shape', `at most 3 spatial dimensions (${name})`, show(shape));
  }
  return { shape: spatial, spacing: checkSpacing(spacing, spatial.length) };
}

/** p, or p − g, of every element, ∞ where it does not count. */
export function elementsOf(
  call: CheckedCall,
  activation: Activation,
  { ignoreIndex }: Pick<Common, 'ignoreIndex'>,
  what: 'probabilities' | 'residuals',
  out: Float32Array = new Float32Array(call.pred.length),
): Float32Array {
  runPass(elementsPass(call, makeGroup(activation, ignoreIndex), what, out));
  return out;
}

/** Copies `to.length` entries that lie `step` apart. */
function gather(to: Float32Array, from: ArrayLike<number>, start: number, step: number): void {
  if (step === 1) to.set((from as Float32Array).subarray(start, start + to.length));
  else for (let i = 0; i < to.length; i++) to[i] = from[start + i * step] as number;
}

function gatherTruths(to: Float32Array, { target, dense, pixels }: CheckedCall, part: Part): void {
  if (dense) gather(to, target, part.start, part.step);
  else for (let i = 0; i < pixels; i++) to[i] = target[part.sample * pixels + i] === part.k ? 1 : 0;
}

/** A class of a sample, and where its entries lie in the prediction's layout. */
export interface Part {
  readonly sample: number;
  readonly k: number;
  readonly start: number;
  readonly step: number;
}

/** Puts what a plane holds back into the prediction's layout. */
export function scatter(to: Float32Array, from: Float32Array, { start, step }: Part): void {
  if (step === 1) to.set(from, start);
  else for (let i = 0; i < from.length; i++) to[start + i * step] = from[i] as number;
}

/** Visits each of these classes of each sample, with what `elementsOf` gave, targets, weights and distances in a plane. */
export function eachPlane(
  call: CheckedCall,
  kept: readonly number[],
  grid: Grid,
  elements: Float32Array,
  distances: Float32Array | undefined,
  visit: (plane: LossPlane, part: Part) => void,
): void {
  const { samples, pixels, channels, last, pixelWeights, elementWeights } = call;
  if (distances !== undefined && distances.length !== elements.length) {
    throw new ShapeError('distances', `length ${elements.length}, the prediction's`, `${distances.length}`);
  }
  if (pixels === 0) return;
  const plane = new LossPlane(grid, pixelWeights !== undefined);
  try {
    for (let sample = 0; sample < samples; sample++) {
      for (const k of kept) {
        const [start, step] = last
          ? [sample * pixels * channels + k, channels]
          : [(sample * channels + k) * pixels, 1];
        const part = { sample, k, start, step };
        gather(plane.values, elements, start, step);
        gatherTruths(plane.truths, call, part);
        if (pixelWeights && elementWeights) gather(plane.weights, pixelWeights, start, step);
        else if (pixelWeights) gather(plane.weights, pixelWeights, sample * pixels, 1);
        if (distances) gather(plane.distances, distances, start, step);
        visit(plane, part);
      }
    }
  } finally {
    plane.free();
  }
}
