import {
  checkGridShape,
  checkLabelPair,
  checkSpacing,
  type LabelArray,
  refuseEntry,
} from '../check/labels.js';
import { checkNames } from '../check/nearest.js';
import { number, oneOf, show } from '../check/options.js';
import { type Directed, measureSurfaces } from '../geometry.js';
import { brief, INSPECT } from '../inspect.js';

/** What `surfaceDistances` takes beside the two label maps. */
export interface SurfaceDistancesCall {
  /** `[height, width]` or `[depth, height, width]` of both label maps. */
  readonly shape: readonly number[];
  /** The distance between neighbouring pixels along each axis of `shape`; default 1. */
  readonly spacing?: ArrayLike<number> | undefined;
  /** The label whose surfaces are compared; default 1 (a mask of 0 and 255 has `label: 255`). */
  readonly label?: number | undefined;
  /** What a surface is made of: see `surfaceDistances`. */
  readonly surface?: 'voxels' | 'surfels' | undefined;
}

/** Distances from the elements of one surface to the other, ascending. */
interface Side {
  readonly distances: Float64Array;
  /** Weights of the elements; undefined where each is 1. */
  readonly weights: Float64Array | undefined;
  /** The sum of the weights. */
  readonly total: number;
  /** The sum of weight times distance. */
  readonly moment: number;
}

function sideOf({ distances, weights }: Directed): Side {
  if (weights.length === 0) {
    const moment = distances.reduce((sum, d) => sum + d, 0);
    return { distances: distances.sort(), weights: undefined, total: distances.length, moment };
  }
  const order = new Uint32Array(distances.length).map((_, i) => i);
  order.sort((a, b) => (distances[a] as number) - (distances[b] as number));
  const [sorted, along] = [distances, weights].map((list) =>
    Float64Array.from(order, (i) => list[i] as number),
  ) as [Float64Array, Float64Array];
  return {
    distances: sorted,
    weights: along,
    total: along.reduce((sum, w) => sum + w, 0),
    moment: sorted.reduce((sum, d, i) => sum + d * (along[i] as number), 0),
  };
}

/** How much of the surface lies no farther than this. */
function within({ distances, weights }: Side, tolerance: number): number {
  let sum = 0;
  for (let i = 0; i < distances.length && (distances[i] as number) <= tolerance; i++)
    sum += weights?.[i] ?? 1;
  return sum;
}

function percentileOf({ distances, weights, total }: Side, fraction: number): number {
  const last = distances.length - 1;
  if (weights === undefined) {
    const at = fraction * last;
    const [low, high] = [distances[Math.floor(at)] as number, distances[Math.ceil(at)] as number];
    return low === high ? low : low + (high - low) * (at - Math.floor(at));
  }
  let sum = 0;
  for (let i = 0; i < last; i++) {
    sum += weights[i] as number;
    if (sum >= fraction * total) return distances[i] as number;
  }
  return distances[last] as number;
}

const PERCENTILE = number({ min: 0, max: 100 });

function checkTolerance(tolerance: unknown): void {
  if (typeof tolerance !== 'number') {
    throw new TypeError(
      `"tolerance" expected a number ≥ 0, in the units of "spacing", got ${show(tolerance)}`,
    );
  }
  if (!(tolerance >= 0)) {
    throw new RangeError(`"tolerance" expected a number ≥ 0, in the units of "spacing", got ${tolerance}`);
  }
}

/**
 * How far two surfaces lie apart, from `surfaceDistances`; all in the units of `spacing`.
 *
 * Where neither mask marks anything every number is NaN; where only one does every distance is Infinity and the surface
 * Dice 0.
 *
 * @example
 * ```ts
 * import { surfaceDistances } from 'segloss/metrics';
 *
 * const target = new Uint8Array([0, 1, 1, 1, 0, 0]);
 * const pred = new Uint8Array([0, 0, 1, 1, 1, 0]);
 * const surfaces = surfaceDistances(pred, target, { shape: [1, 6], spacing: [1, 2] });
 * [surfaces.hausdorff(), surfaces.hausdorff(50), surfaces.averageDistance()]; // => [2, 0, 0.6666666666666666]
 * ```
 */
export class SurfaceDistances {
  readonly #pred: Side;
  readonly #target: Side;

  /** @internal */
  constructor(pred: Directed, target: Directed) {
    this.#pred = sideOf(pred);
    this.#target = sideOf(target);
  }

  /** What the numbers are where a surface is missing; undefined where both are there. */
  #missing(one: number): number | undefined {
    const [pred, target] = [this.#pred.distances.length, this.#target.distances.length];
    if (pred > 0 && target > 0) return undefined;
    return pred === target ? NaN : one;
  }

  /** The larger of the two directed percentiles; 100, the default: the Hausdorff distance. */
  hausdorff(percentile = 100): number {
    PERCENTILE(percentile, 'percentile');
    const of = (side: Side): number => percentileOf(side, percentile / 100);
    return this.#missing(Infinity) ?? Math.max(of(this.#pred), of(this.#target));
  }

  /** The mean distance from the prediction's surface to the target's. */
  averageDistance(): number {
    return this.#missing(Infinity) ?? this.#pred.moment / this.#pred.total;
  }

  /** The mean over both sets of distances together. */
  symmetricAverageDistance(): number {
    const [pred, target] = [this.#pred, this.#target];
    return this.#missing(Infinity) ?? (pred.moment + target.moment) / (pred.total + target.total);
  }

  /** The part of both surfaces that lies no farther than `tolerance` from the other one: normalised surface Dice. */
  surfaceDice(tolerance: number): number {
    checkTolerance(tolerance);
    const [pred, target] = [this.#pred, this.#target];
    return (
      this.#missing(0) ?? (within(pred, tolerance) + within(target, tolerance)) / (pred.total + target.total)
    );
  }

  /** @internal */
  [INSPECT](): string {
    const numbers = {
      hausdorff: this.hausdorff(),
      'hausdorff(95)': this.hausdorff(95),
      averageDistance: this.averageDistance(),
      symmetricAverageDistance: this.symmetricAverageDistance(),
    };
    const scores = Object.entries(numbers).map(([name, value]) => `${name} ${brief(value)}`);
    const [pred, target] = [this.#pred.distances.length, this.#target.distances.length];
    return `SurfaceDistances of ${pred} predicted and ${target} true surface elements: ${scores.join(', ')}`;
  }
}

/**
 * Measures how far the surface of a label in the prediction lies from that in the target, and back.
 *
 * Formula: for each element a of one surface d(a) = min_b |a − b| over the elements b of the other, with |·| the
 * Euclidean length after each axis is multiplied by its spacing.
 * `surface: 'voxels'` (default): the elements are the voxels of the label that have across a face one of another label,
 * or the outside; each weighs 1. A percentile is interpolated linearly. So MONAI and, by binary erosion, scipy.
 * `surface: 'surfels'`: the elements are the corners between voxels, of which some around are of the label and some are
 * not (all outside are not); each weighs the area, in a picture the length, of the marching-cubes surface that passes
 * there. A percentile is the least distance within which lies that part of the area. So DeepMind's surface-distance; it
 * does not depend on how finely the volume is sampled as much as counting voxels does.
 * Shapes: label maps of `shape`, `[height, width]` or `[depth, height, width]`, of any type that holds integers.
 * Units and range: the units of `spacing`, which is given in the order of `shape`.
 * Numerics: exact distances (a Euclidean distance transform in f64 over the box around both masks), within 1e-13
 * relative (`test/metrics-oracle.test.ts`). Needs a byte of memory a voxel, and about 12 a voxel of that box.
 * Errors: `TypeError` for what is no typed array or an option that is none; `ShapeError` for lengths and shapes that do
 * not fit; `RangeError` for an entry that is no integer, or a volume that WebAssembly's memory cannot hold.
 * Source: S. Nikolov et al., "Deep learning to achieve clinically applicable segmentation of head and neck anatomy for
 * radiotherapy", 2018 (surface Dice at a tolerance).
 *
 * @example
 * ```ts
 * import { surfaceDistances } from 'segloss/metrics';
 *
 * const target = new Uint8Array([0, 1, 1, 0, 0, 0, 1, 1, 0, 0]);
 * const pred = new Uint8Array([0, 1, 1, 1, 0, 0, 1, 1, 1, 0]);
 * const surfaces = surfaceDistances(pred, target, { shape: [2, 5], spacing: [1, 0.5] });
 * surfaces.hausdorff(); // => 0.5
 * surfaces.surfaceDice(0.4); // => 0.8
 * ```
 */
export function surfaceDistances(
  pred: LabelArray,
  target: LabelArray,
  call: SurfaceDistancesCall,
): SurfaceDistances {
  const { shape, label, rest } = checkLabelCall(pred, target, call, ['spacing', 'surface']);
  const { surface = 'voxels' } = rest;
  oneOf('voxels', 'surfels')(surface, 'surface');
  const spacing = checkSpacing(rest.spacing, shape.length);
  const measured = measureSurfaces(pred, target, label, { shape, spacing }, surface === 'surfels');
  if ('argument' in measured)
    refuseEntry({ pred, target, mask: [] }[measured.argument], measured.argument, measured.index);
  return new SurfaceDistances(...measured);
}

/** What the measures of one label over a grid have in common. */
export function checkLabelCall<C extends { shape: readonly number[]; label?: number | undefined }>(
  pred: LabelArray,
  target: LabelArray,
  call: C,
  names: readonly string[],
): { shape: readonly number[]; label: number; rest: C } {
  if (typeof call !== 'object' || (call as unknown) === null) {
    throw new TypeError(
      `"call" expected an object such as { shape: [depth, height, width] }, got ${show(call)}`,
    );
  }
  checkNames(call, ['shape', 'label', ...names], '"call"');
  const shape = checkGridShape(call.shape);
  checkLabelPair(pred, target, shape);
  const { label = 1 } = call;
  number({ integer: true })(label, 'label');
  return { shape, label, rest: call };
}
