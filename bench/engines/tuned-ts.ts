/**
 * The honest baseline: the fastest scalar TypeScript found with the language's own `Math` and formulas stable for every
 * logit. One exponential a prediction, no allocation that grows with the data, f64 sums.
 *
 * Slower on noise (Node 20, ns a pixel of value + gradient): binary cross-entropy with a logarithm a pixel 27 and with a
 * branch on the sign 20, for 16; four channels of cross-entropy in strided loops 80 and with a logarithm a pixel 60, for
 * 50. Left out, as no longer `Math`: an exponential of one's own by table and polynomial takes 3 ns for 11.
 */
import type { Engine, Formula, Problem, Run } from '../cases.js';
import { crossEntropy4, dice4, diceCrossEntropy4, focal4 } from './tuned-ts-softmax4.js';
import { diceCrossEntropyN } from './tuned-ts-softmax.js';

const SMOOTH = 1e-5;

type Kernel = (problem: Problem, out: Float32Array | undefined) => number;

/** Loss max(z, 0) − z g + ln(1 + e^−|z|); the logarithms of many pixels are taken as one, of their product. */
const binaryCrossEntropy: Kernel = ({ pred, target }, out) => {
  const n = pred.length;
  const scale = 1 / n;
  let sum = 0;
  let product = 1;
  for (let i = 0; i < n; i++) {
    const z = pred[i]!;
    const g = target[i]!;
    // Below −60 the probability is under 1e-26: held there, so that the product stays finite.
    const held = Math.max(z, -60);
    const denominator = 1 + Math.exp(-held);
    sum += held - z * g;
    product *= denominator;
    if (product > 1e280) {
      sum += Math.log(product);
      product = 1;
    }
    if (out) out[i] = (1 / denominator - g) * scale;
  }
  return (sum + Math.log(product)) * scale;
};

/** First the probabilities into `out` and three sums, then the gradient in their place. */
const sigmoidDice: Kernel = ({ pred, target, samples, pixels }, out) => {
  let value = 0;
  for (let from = 0; from < pred.length; from += pixels) {
    const to = from + pixels;
    let overlap = 0;
    let predicted = 0;
    let foreground = 0;
    for (let i = from; i < to; i++) {
      const g = target[i]!;
      const p = 1 / (1 + Math.exp(-pred[i]!));
      overlap += p * g;
      predicted += p;
      foreground += g;
      if (out) out[i] = p;
    }
    const numerator = 2 * overlap + SMOOTH;
    const denominator = predicted + foreground + SMOOTH;
    value += 1 - numerator / denominator;
    if (!out) continue;
    const perTarget = -2 / denominator / samples;
    const constant = numerator / denominator ** 2 / samples;
    for (let i = from; i < to; i++) {
      const p = out[i]!;
      out[i] = (perTarget * target[i]! + constant) * (p - p * p);
    }
  }
  return value / samples;
};

/** With x the logit of the false side and q its probability: loss q² ln(1 + e^x), slope q² (2 (1−q) ln(1 + e^x) + q). */
const sigmoidFocal: Kernel = ({ pred, target }, out) => {
  const n = pred.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const sign = 1 - 2 * target[i]!;
    const x = pred[i]! * sign;
    const e = Math.exp(-Math.abs(x));
    const q = (x > 0 ? 1 : e) / (1 + e);
    const log = Math.max(x, 0) + Math.log1p(e);
    const q2 = q * q;
    sum += q2 * log;
    if (out) out[i] = sign * scale * q2 * (2 * (1 - q) * log + q);
  }
  return sum * scale;
};

const KERNELS: Record<Formula, (problem: Problem) => Kernel | undefined> = {
  binaryCrossEntropy: () => binaryCrossEntropy,
  sigmoidDice: () => sigmoidDice,
  sigmoidFocal: () => sigmoidFocal,
  crossEntropy: () => crossEntropy4,
  softmaxDice: () => dice4,
  softmaxFocal: () => focal4,
  diceCrossEntropy: ({ channels }) => (channels === 4 ? diceCrossEntropy4 : diceCrossEntropyN),
};

export const tunedTs: Engine = {
  name: 'tuned-ts',
  prepare(problem): Run | undefined {
    const kernel = KERNELS[problem.formula](problem);
    return kernel && ((out) => kernel(problem, out));
  },
};
