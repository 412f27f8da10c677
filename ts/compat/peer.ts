/** What the options of several peers have in common. */
import { oneOf, type Rule, show } from '../check/options.js';
import type { Reduction } from '../types.js';

/** `'none'`: read with `unreduced()`; `value` is then the mean. */
export type PeerReduction = 'none' | 'mean' | 'sum';

export const REDUCTION = oneOf('none', 'mean', 'sum');

export function reductionOf(reduction: PeerReduction): Reduction {
  return reduction === 'none' ? 'mean' : reduction;
}

/** `null` as the peer's None. */
export function orNone(rule: Rule): Rule {
  return (value, name) => {
    if (value !== null) rule(value, name);
  };
}

/** A keyword that takes its default alone, and why. */
export function only(expected: unknown, why: string): Rule {
  return (value, name) => {
    if (value !== expected) {
      throw new RangeError(`"${name}" expected ${show(expected)}, got ${show(value)}: ${why}`);
    }
  };
}

/** Throws where an option that has no default was left out. */
export function required(value: unknown, name: string, of: string): void {
  if (value === undefined) throw new TypeError(`"${name}" of ${of} has no default, as in the peer`);
}
