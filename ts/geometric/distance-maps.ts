import { checkCall } from '../check/call.js';
import { checkIgnoreIndex } from '../check/classes.js';
import { checkNames } from '../check/nearest.js';
import { checkOptions, type Rules, SHARED } from '../check/options.js';
import type { LossCall, SharedOptions, Target } from '../types.js';
import { eachPlane, gridOf, elementsOf, scatter, spacingRule } from './planes.js';

/** Options of `distanceMaps`: those of the loss that is to take them. */
export interface DistanceMapsOptions extends Pick<
  SharedOptions,
  'activation' | 'dataFormat' | 'ignoreIndex'
> {
  /** The distance between neighbouring pixels along each spatial axis, in the order of `shape`; default 1. */
  readonly spacing?: readonly number[] | undefined;
}

const NAMES = ['activation', 'dataFormat', 'ignoreIndex'];
const RULES: Rules = {
  ...Object.fromEntries(Object.entries(SHARED).filter(([name]) => NAMES.includes(name))),
  spacing: spacingRule,
};

/**
 * The signed distances of every pixel to the border of every class of a target, for the option `distances` of `boundaryLoss`
 * and `hausdorffLoss`: found once, for any number of calls.
 *
 * Formula: of a pixel beyond the class the distance to the nearest pixel of it; of a pixel of it minus the distance to the nearest
 * that is not. 0 in a sample where the class is absent or fills all, and where a pixel is masked or ignored. A soft target
 * is of its class above 0.5. Options, mask and shape are to be those of the loss and its call.
 * Shapes: target a label map or dense, `shape` that of the prediction, at most three spatial dimensions; the maps have it too.
 * Numerics: exact Euclidean distances in f64, rounded to f32, two transforms a class in O(n). Maps of a batch are those of
 * its samples end to end, so that maps kept by sample are put together with `set`.
 * Errors: those of a call of the loss.
 *
 * @example
 * ```ts
 * import { boundaryLoss, distanceMaps } from 'segloss/geometric';
 *
 * const mask = new Uint8Array([0, 1, 1, 0, 1, 1]);
 * const options = { spacing: [2, 0.5] };
 * const distances = distanceMaps(mask, { shape: [1, 1, 2, 3] }, options);
 * Array.from(distances); // => [0.5, -0.5, -1, 0.5, -0.5, -1]
 * const loss = boundaryLoss({ ...options, distances });
 * loss.value(new Float32Array(6), mask, { shape: [1, 1, 2, 3] }); // => 0
 * ```
 */
export function distanceMaps(
  target: Target,
  call: Pick<LossCall, 'shape' | 'mask'>,
  options?: DistanceMapsOptions,
): Float32Array {
  const { spacing, ...given } = checkOptions('distanceMaps', options, RULES);
  const shape: unknown = (call as Partial<LossCall> | null)?.shape;
  const size = Array.isArray(shape) ? (shape as number[]).reduce((product, n) => product * n, 1) : 0;
  if (typeof call === 'object') checkNames(call, ['shape', 'mask'], '"call"');
  const format = given.dataFormat ?? 'channelsFirst';
  // Zeros for a prediction, in whose place the maps come to be.
  const maps = new Float32Array(Number.isInteger(size) && size > 0 ? size : 0);
  const checked = checkCall(maps, target, call, format === 'channelsLast', false);
  checkIgnoreIndex(given.ignoreIndex, checked.dense);
  const grid = gridOf('distanceMaps', checked.shape, format, spacing);
  const classes = Array.from({ length: checked.channels }, (_, k) => k);
  const own = given.activation ?? (checked.channels === 1 ? 'sigmoid' : 'softmax');
  elementsOf(checked, own, given as { ignoreIndex: number | undefined }, 'probabilities', maps);
  eachPlane(checked, classes, grid, maps, undefined, (plane, part) => {
    plane.measure();
    scatter(maps, plane.distances, part);
  });
  return maps;
}
