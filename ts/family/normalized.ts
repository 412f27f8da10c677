/** A pixel loss divided by the sum of its focal factors, which the gradient goes through as well. */
import { type Group, sumsPass } from '../stream.js';
import type { Common, PixelTerm, Whole, WholeTerm } from '../term.js';
import type { PixelOptions } from '../types.js';
import { unreducedData } from '../unreduced.js';
import { pixelFactor, pixelValue } from './pixel.js';

/** The least the factors come to; below it they are a constant. */
const LEAST = 1e-6;

type Parts = Pick<PixelTerm, 'kernel' | 'exponent' | 'fill'>;

export function normalized(options: PixelOptions, loss: Parts, factor: Parts): WholeTerm['run'] {
  const term = (common: Common, parts: Parts): PixelTerm => ({
    ...common,
    ...parts,
    family: 'pixel',
    needsLogits: false,
    normalizer: options.normalizer ?? 'valid',
    meanOver: options.meanOver ?? 'elements',
    alpha: undefined,
    perClass: {},
  });
  return (call, classes, activation, common): Whole => {
    const plain = { ...classes, weights: classes.weights.map(() => 1) };
    const members = [
      { term: term(common, loss), classes, index: 0 },
      { term: term(common, factor), classes: plain, index: 1 },
    ] as const;
    const group: Group = { activation, ignoreIndex: common.ignoreIndex, pixel: members, region: [] };
    const [found, factors] = sumsPass(call, group).pixel;
    const [sum, mass] = [found?.sum ?? 0, factors?.sum ?? 0];
    // Written so that a NaN stays one.
    const clamped = mass < LEAST;
    const by = clamped ? LEAST : mass;
    const scale = pixelFactor(members[0].term, classes, activation, found?.divisor ?? 0);
    const value = pixelValue(members[0].term, classes, activation, found ?? { sum: 0, divisor: 0 }) / by;
    return {
      value,
      gradient: [
        {
          call,
          activation,
          pixel: [
            { ...members[0], scale: scale / by },
            { ...members[1], scale: clamped ? 0 : (-scale * sum) / by ** 2 },
          ],
        },
      ],
      get unreduced() {
        const { data, shape } = unreducedData(call, { ...group, pixel: [members[0]] });
        return { data: data.map((x) => x / by), shape };
      },
    };
  };
}
