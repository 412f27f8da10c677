/** Axes, as numpy's functions take them. */
import { number, type Rule, show } from '../check/options.js';

/** One axis or several, as numpy counts them. */
export const axes: Rule = (value, name) => {
  if (!Array.isArray(value) && typeof value !== 'number') {
    throw new TypeError(`"${name}" expected null, an axis or an array of axes, got ${show(value)}`);
  }
  for (const axis of [value].flat()) number({ integer: true })(axis, name);
};

/**
 * What sums over these axes of `[N, ...spatial, C]` pool: samples, classes, both or neither. A part of the spatial axes is
 * refused.
 */
export function pooled(axis: number | readonly number[], rank: number): { batch: boolean; classes: boolean } {
  const given = new Set([axis].flat().map((one) => (one < 0 ? one + rank : one)));
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i + 1);
  if ([...given].some((one) => one < 0 || one >= rank) || !spatial.every((one) => given.has(one))) {
    throw new RangeError(
      `"axis" expected the spatial axes ${show(spatial)} of a call of rank ${rank}, with or without 0 (samples) and ` +
        `${rank - 1} (classes), got ${show(axis)}: sums over part of an image are no loss of this package`,
    );
  }
  return { batch: given.has(0), classes: given.has(rank - 1) };
}
