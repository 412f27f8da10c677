/** Pixel losses that exist only as parts of compounds. Their options are checked by the compound. */
import { pixelTermLoss } from '../define.js';
import { fillCategories, fillElements, smoothedElement } from '../term.js';
import type { TermLoss } from '../loss.js';
import type { PixelOptions } from '../types.js';
import { KERNEL as FOCAL } from './focal.js';

const EXPONENTIAL_LOGARITHMIC = 6;

interface ElementOptions extends PixelOptions {
  readonly positive: number;
  readonly negative: number;
}

/** −positive·g ln p − negative·(1−g) ln(1−p). */
export function elementLoss({ positive, negative, ...options }: ElementOptions): TermLoss {
  return pixelTermLoss('binaryCrossEntropyLoss', options, {
    kernel: 0,
    fill: (table, classes, _, scale) => {
      fillElements(table, classes, scale, () => smoothedElement(0, positive, negative));
    },
    formula: '−positive g ln p − negative (1−g) ln(1−p)',
    own: { positive, negative },
    options,
  });
}

interface LogarithmOptions extends PixelOptions {
  readonly exponent: number;
}

/** (−ln p_y)^exponent; of an element, p_y is the probability of its label. */
export function powerOfLogLoss({ exponent, ...options }: LogarithmOptions): TermLoss {
  return pixelTermLoss('exponentialLogarithmicCrossEntropy', options, {
    kernel: EXPONENTIAL_LOGARITHMIC,
    exponent,
    needsLogits: true,
    fill: (table, classes, activation, scale) => {
      if (activation === 'softmax') fillCategories(table, classes, scale, 0, () => 1);
      else fillElements(table, classes, scale, () => smoothedElement(0));
    },
    formula: '(−ln p_y)^exponent',
    own: { exponent },
    options,
  });
}

interface FocalPartOptions extends PixelOptions {
  readonly gamma: number;
  /** Weight of class 0, and of each of the others; of an element, of its negatives and its positives. */
  readonly weights: readonly [background: number, foreground: number];
}

/**
 * Focal loss in which background and foreground have a weight each. Probabilities of several channels are taken as
 * one distribution, as softmax makes them.
 */
export function focalPart({
  gamma,
  weights: [background, foreground],
  ...options
}: FocalPartOptions): TermLoss {
  const of = (k: number): number => (k === 0 ? background : foreground);
  return pixelTermLoss('focalLoss', options, {
    kernel: FOCAL,
    exponent: gamma,
    fill: (table, classes, activation, scale) => {
      if (activation === 'softmax') fillCategories(table, classes, scale, 0, of);
      else if (activation === 'none' && classes.channels > 1) {
        fillElements(table, classes, scale, (k) => smoothedElement(0, of(k), 0));
      } else fillElements(table, classes, scale, () => smoothedElement(0, foreground, background));
    },
    formula: '−Σ_k α_k g_k (1−p_k)^γ ln p_k',
    own: { gamma, background, foreground },
    options,
  });
}
