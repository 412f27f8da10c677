/** Pixel losses on the numbers of a call: what the mean divides by. */
import type { CheckedCall } from '../check/call.js';
import type { PixelSums } from '../sums.js';
import type { Classes, PixelTerm } from '../term.js';
import type { Activation, Normalizer } from '../types.js';

/** What a pixel term's mean goes by, for the target at hand. */
export function normalizerOf({ normalizer }: PixelTerm, { dense }: CheckedCall): Normalizer {
  if (normalizer !== 'labelWeights') return normalizer;
  return dense ? 'valid' : 'weights';
}

/** What a pixel term's mean divides by, when it is known without looking at the data. */
export function knownDivisor(
  { term, classes }: { readonly term: PixelTerm; readonly classes: Classes },
  activation: Activation,
  call: CheckedCall,
): number | undefined {
  if (term.reduction === 'sum') return 1;
  const normalizer = normalizerOf(term, call);
  const counts =
    normalizer === 'all' ||
    (normalizer === 'valid' && call.mask === undefined && term.ignoreIndex === undefined);
  if (!counts) return undefined;
  return call.samples * call.pixels * (activation === 'softmax' ? 1 : classes.kept.length);
}

/** What the sum is multiplied by: 1, or one over the divisor; a mean over nothing is 0. */
export function pixelFactor(
  term: PixelTerm,
  classes: Classes,
  activation: Activation,
  divisor: number,
): number {
  if (term.reduction === 'sum') return 1;
  const summed = term.meanOver === 'pixels' && activation !== 'softmax' ? classes.kept.length : 1;
  return divisor > 0 ? summed / divisor : 0;
}

export function pixelValue(
  term: PixelTerm,
  classes: Classes,
  activation: Activation,
  sums: PixelSums,
): number {
  const factor = pixelFactor(term, classes, activation, sums.divisor);
  return factor === 0 ? 0 : sums.sum * factor;
}
