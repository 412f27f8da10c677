/** The cross-entropy that losses over all pixels rank and weigh: of a distribution, or of single elements. */
import {
  type Classes,
  type Common,
  type ElementConstants,
  fillCategories,
  fillElements,
  type PixelTerm,
  smoothedElement,
} from '../term.js';
import type { Activation, PixelOptions } from '../types.js';

const BINARY = 0;
const CATEGORICAL = 1;

/** Whether the channels of a pixel are one distribution. Given probabilities of several channels are. */
export function isDistribution(activation: Activation, channels: number): boolean {
  return activation === 'softmax' || (activation === 'none' && channels > 1);
}

/** `element`: the constants of channel k, where channels are independent. */
export function entropyTerm(
  common: Common,
  { normalizer = 'valid', meanOver = 'elements' }: PixelOptions,
  { channels }: Classes,
  activation: Activation,
  smoothing: number,
  element: (k: number) => ElementConstants = () => smoothedElement(smoothing),
): PixelTerm {
  const distribution = isDistribution(activation, channels);
  return {
    ...common,
    family: 'pixel',
    kernel: distribution ? CATEGORICAL : BINARY,
    exponent: 0,
    needsLogits: false,
    normalizer,
    meanOver,
    alpha: undefined,
    perClass: {},
    fill: (table, classes, _, scale) => {
      if (distribution) fillCategories(table, classes, scale, smoothing, () => 1);
      else fillElements(table, classes, scale, element);
    },
  };
}
