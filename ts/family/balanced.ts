/** Cross-entropy whose class weights come of the labels' own counts. */
import { balancePass, runPass, sumsPass } from '../pass.js';
import { batchRow, makeGroup } from '../plan.js';
import { type Classes, smoothedElement, SUM, type Whole, type WholeTerm } from '../term.js';
import type { PixelSums } from '../sums.js';
import type { PixelOptions } from '../types.js';
import { unreducedData } from '../unreduced.js';
import { entropyTerm, isDistribution } from './entropy.js';
import { pixelFactor, pixelValue } from './pixel.js';

type Frequency = 'inverse' | 'squareInverse' | 'median' | 'effective';

/** Cui's β: beyond about 1/(1 − β) labels a class gains nothing from more. */
const EFFECTIVE = 0.9999;

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

/** The weights of classes with such counts; 0 for a class without any. */
function balance(counts: readonly number[], frequency: Frequency): number[] {
  const present = counts.filter((n) => n > 0);
  if (frequency === 'median') return counts.map((n) => (n > 0 ? median(present) / n : 0));
  const raw = counts.map((n) => {
    if (!(n > 0)) return 0;
    if (frequency === 'inverse') return 1 / n;
    return frequency === 'squareInverse'
      ? 1 / n ** 2
      : -(1 - EFFECTIVE) / Math.expm1(n * Math.log(EFFECTIVE));
  });
  const total = counts.reduce((sum, n) => sum + n, 0);
  const weighed = raw.reduce((sum, w, k) => sum + w * (counts[k] ?? 0), 0);
  return raw.map((w) => (weighed > 0 ? (w * total) / weighed : 0));
}

export function balanced(
  options: PixelOptions,
  labelSmoothing: number,
  frequency: Frequency,
): WholeTerm['run'] {
  return (call, classes, activation, common): Whole => {
    const { channels } = call;
    const counting = balancePass(call, makeGroup(activation, common.ignoreIndex));
    runPass(counting);
    const counts = batchRow(call, counting.sums.rows);
    const labels = (k: number): number => counts[SUM.g * channels + k] ?? 0;
    let own: Classes = classes;
    const sides: [negative: number, positive: number][] = [];
    if (isDistribution(activation, channels)) {
      const found = balance(classes.kept.map(labels), frequency);
      const weights = new Array<number>(channels).fill(0);
      classes.kept.forEach((k, i) => (weights[k] = (classes.weights[k] ?? 1) * (found[i] ?? 0)));
      own = { ...classes, weights };
    } else {
      for (let k = 0; k < channels; k++) {
        const [ones, all] = [labels(k), counts[SUM.n * channels + k] ?? 0];
        const [negative = 0, positive = 0] = balance([all - ones, ones], frequency);
        sides.push([negative, positive]);
      }
    }
    const term = entropyTerm(common, options, classes, activation, labelSmoothing, (k) => {
      const [negative, positive] = sides[k] ?? [1, 1];
      return smoothedElement(labelSmoothing, positive, negative);
    });
    const member = { term, classes: own, index: 0 };
    const whole = makeGroup(activation, common.ignoreIndex, [member]);
    const pass = sumsPass(call, whole);
    runPass(pass);
    const [sums] = pass.sums.pixel as [PixelSums];
    return {
      value: pixelValue(term, own, activation, sums),
      gradient: [
        {
          call,
          activation,
          pixel: [{ term, classes: own, scale: pixelFactor(term, own, activation, sums.divisor) }],
        },
      ],
      get unreduced() {
        return unreducedData(call, whole);
      },
    };
  };
}
