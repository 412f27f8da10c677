/** Axes, as numpy's functions take them. */
import { number, refuse, type Rule, show } from '../check/options.js';
import type { DataFormat } from '../types.js';

/** Where the classes are: −1, the last axis, or 1, after the samples. */
export const classAxis: Rule = (value, name) => {
  if (value !== -1 && value !== 1) {
    refuse(
      `"${name}" expected -1 (classes last) or 1 (classes first), got ${show(value)}: classes lie on one of these`,
    );
  }
};

export const formatOf = (axis: -1 | 1 = -1): DataFormat => (axis === 1 ? 'channelsFirst' : 'channelsLast');

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
