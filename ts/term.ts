/**
 * What a loss is made of: terms, each a pixel loss or a function of region sums, as plain data.
 */
import type { CheckedCall } from './check/call.js';
import type {
  Activation,
  DataFormat,
  EmptyClass,
  Normalizer,
  Overlap,
  Reduction,
  Unreduced,
} from './types.js';

/** Codes of activations, as the core knows them. */
export const ACTIVATION = { none: 0, sigmoid: 1, softmax: 2 } as const satisfies Record<Activation, number>;

/** The sums of a class, in the order of the core's results (`summands` in region.rs; `test/region-loss.test.ts` holds them together). */
export const SUM_NAMES = ['tp', 'p', 'g', 'p2', 'g2', 'fgError', 'bgError', 'n'] as const;
export type SumName = (typeof SUM_NAMES)[number];
/** Place of each sum there. */
export const SUM = Object.fromEntries(SUM_NAMES.map((name, at) => [name, at])) as Record<SumName, number>;
/** Number of sums of a class, and of rows in a table of the core. */
export const ROWS = SUM_NAMES.length;

export interface Common {
  readonly name: string;
  readonly activation: Activation | undefined;
  readonly dataFormat: DataFormat;
  readonly reduction: Reduction;
  readonly ignoreIndex: number | undefined;
  readonly classes: readonly number[] | undefined;
  readonly includeBackground: boolean;
  readonly classWeights: readonly number[] | undefined;
}

/** What the term needs to know of a call: its channels, and the classes and class weights in force. */
export interface Classes {
  readonly channels: number;
  /** The classes that count. */
  readonly kept: readonly number[];
  /** One weight a channel. */
  readonly weights: readonly number[];
}

export interface PixelTerm extends Common {
  readonly family: 'pixel';
  /** The core's code of the loss. */
  readonly kernel: number;
  /** The loss's parameter, where it has one. */
  readonly exponent: number;
  /** Whether its gradient needs logits that probabilities have lost: those stored in pass 1 will not do. */
  readonly needsLogits: boolean;
  readonly normalizer: Normalizer;
  readonly meanOver: 'elements' | 'pixels';
  /** Focal's alpha, which only softmax takes above 1. */
  readonly alpha: number | readonly number[] | undefined;
  /** Options that hold one number a class, to be checked against the channels. */
  readonly perClass: Readonly<Record<string, readonly number[] | undefined>>;
  /** Writes the constants with which the core computes `scale` times the loss: row r of channel k at r·channels + k. */
  fill(table: Float32Array, classes: Classes, activation: Activation, scale: number): void;
}

/** What a group of sums is of. */
export interface Where {
  /** Joint: the kept classes and their weights. */
  readonly kept: readonly number[];
  readonly weights: readonly number[];
  /** No row that counts, be it another sample's, holds any target. */
  readonly empty: boolean;
  readonly activation: Activation;
  readonly channels: number;
  /** The class of the group, −1 where several are pooled. */
  readonly class: number;
}

/**
 * The loss of one class (or of the pooled classes): `sums` holds `ROWS` numbers, in the order of `SUM_NAMES`. Joint: `ROWS`
 * a kept class. Writes the partial derivatives in the same order, those of tp, p, p2, fgError and bgError, unless they are
 * 0 in every call; both arrays are the caller's, for this call.
 */
export interface Score {
  (sums: Float64Array, partials: Float64Array, where: Where): number;
  /** Where it is 1 less one ratio, the numbers that the core takes to score samples itself. */
  readonly ratio?: Ratio | undefined;
}

/** Of (`top`·tp + `numerator`) / (`tp`·tp + `p`·p + `g`·g + `denominator`), in this order. */
export type Ratio = readonly [
  top: number,
  tp: number,
  p: number,
  g: number,
  numerator: number,
  denominator: number,
];

export interface RegionTerm extends Common {
  readonly family: 'region';
  /** Whether more than tp, p, g and n is read. */
  readonly allSums: boolean;
  readonly aggregate: 'sample' | 'batch';
  /** Whether each class has a loss of its own, or the kept classes are pooled, or enter one formula together. */
  readonly average: 'macro' | 'micro' | 'joint';
  readonly classWeighting: 'normalized' | 'raw';
  readonly emptyClass: EmptyClass;
  readonly overlap: Overlap;
  /** Row y, column c: the distance of the classes of a generalized Wasserstein Dice loss. */
  readonly distances: readonly (readonly number[])[] | undefined;
  /** Whether its score depends on sums of other rows (`Where.empty`). */
  readonly readsBatch: boolean;
  /** Whether its score is the caller's own code, which may itself call a loss. */
  readonly foreign: boolean;
  readonly score: Score;
}

/** What a loss that needs all the data in hand makes of it. */
export interface Whole {
  readonly value: number;
  /** Its gradient, by groups of passes; scales are those of the value itself, `slopes` likewise. */
  readonly gradient: readonly WholeGradient[];
  readonly unreduced: Unreduced;
  readonly perClass?: Float64Array;
  readonly perSample?: Float64Array;
}

export interface WholeGradient {
  /** The call with the weights that select or balance. */
  readonly call: CheckedCall;
  readonly activation: Activation;
  readonly pixel: readonly { readonly term: PixelTerm; readonly classes: Classes; readonly scale: number }[];
  readonly slopes?: Slopes;
}

/** Derivatives of probabilities, or, `raw`, of predictions, in the prediction's layout. */
export interface Slopes {
  readonly data: Float32Array;
  readonly raw: boolean;
  /** What multiplies those of a sample's class. */
  scale(sample: number, k: number): number;
}

/** A loss that is no function of sums: it ranks pixels, or weighs them by what it finds in all of them. */
export interface WholeTerm extends Common {
  readonly family: 'whole';
  readonly perClass: Readonly<Record<string, readonly number[] | undefined>>;
  readonly alpha: number | readonly number[] | undefined;
  run(call: CheckedCall, classes: Classes, activation: Activation, term: Common): Whole;
}

export type Term = PixelTerm | RegionTerm | WholeTerm;

export interface WeightedTerm {
  readonly weight: number;
  readonly term: Term;
}

/** The classes a term counts, of so many channels. */
export function keptClasses(term: Term, channels: number): readonly number[] {
  if (term.classes !== undefined) return term.classes;
  const first = term.includeBackground ? 0 : 1;
  return Array.from({ length: Math.max(0, channels - first) }, (_, i) => i + first);
}

/** The activation in force for so many channels. */
export function activationOf(term: Term, channels: number): Activation {
  return term.activation ?? (channels === 1 ? 'sigmoid' : 'softmax');
}

/** Constants of a loss of one element: its weight as a positive and as a negative, at g = 0 and at g = 1. */
export interface ElementConstants {
  readonly positiveAt0: number;
  readonly positiveAt1: number;
  readonly negativeAt0: number;
  readonly negativeAt1: number;
}

/** Writes the constants of losses of one element, of the classes that count. */
export function fillElements(
  table: Float32Array,
  { channels, kept, weights }: Classes,
  scale: number,
  of: (k: number) => ElementConstants,
): void {
  for (const k of kept) {
    const c = of(k);
    const w = scale * (weights[k] ?? 1);
    table[k] = w * c.positiveAt0;
    table[channels + k] = w * (c.positiveAt1 - c.positiveAt0);
    table[2 * channels + k] = w * c.negativeAt0;
    table[3 * channels + k] = w * (c.negativeAt1 - c.negativeAt0);
  }
}

/** The constants of a loss of one element that has only class weights and label smoothing. */
export function smoothedElement(smoothing: number, positive = 1, negative = 1): ElementConstants {
  const half = smoothing / 2;
  return {
    positiveAt0: half * negative,
    positiveAt1: positive * (1 - half),
    negativeAt0: negative * (1 - half),
    negativeAt1: positive * half,
  };
}

/** Writes the constants of losses of a distribution: the weight of a label, and what smoothing spreads. */
export function fillCategories(
  table: Float32Array,
  { channels, kept, weights }: Classes,
  scale: number,
  smoothing: number,
  of: (k: number) => number,
): void {
  for (let k = 0; k < channels; k++) table[channels + k] = weights[k] ?? 1;
  for (const k of kept) {
    table[k] = scale * (weights[k] ?? 1) * of(k) * (1 - smoothing);
    table[2 * channels + k] = (scale * smoothing) / channels;
  }
}

/** Has what smoothing spreads weighed by the class it is spread to, not by the label it is taken from. */
export function weighSpread(table: Float32Array, { channels, kept, weights }: Classes): void {
  table.fill(1, channels, 2 * channels);
  for (const k of kept) table[2 * channels + k] = (table[2 * channels + k] ?? 0) * (weights[k] ?? 1);
}

/** The constants of a cross-entropy of either kind. */
export function fillSmoothed(smoothing: number): PixelTerm['fill'] {
  return (table, classes, activation, scale) => {
    if (activation === 'softmax') fillCategories(table, classes, scale, smoothing, () => 1);
    else fillElements(table, classes, scale, () => smoothedElement(smoothing));
  };
}
