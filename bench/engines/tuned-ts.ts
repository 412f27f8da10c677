/**
 * What a good engineer writes, for any number of classes: stable formulas, one exponential a prediction and one logarithm
 * a pixel, no allocation that grows with the data, f64 sums, loops over classes that are blind to their number.
 * `specialised-ts` is what can still be gained by giving up that generality.
 */
import type { Engine, Formula, Problem, Run } from '../cases.js';
import { lovaszSoftmax } from './tuned-ts-lovasz.js';
import { crossEntropy, diceCrossEntropy, softmaxDice, softmaxFocal } from './tuned-ts-softmax.js';

const SMOOTH = 1e-5;

type Kernel = (problem: Problem, out: Float32Array | undefined) => number;

/** Loss max(z, 0) − z g + ln(1 + e^−|z|). The smaller of p and 1 − p comes of the same exponential. */
const binaryCrossEntropy: Kernel = ({ pred, target }, out) => {
  const n = pred.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const z = pred[i]!;
    const g = target[i]!;
    const e = Math.exp(-Math.abs(z));
    sum += Math.max(z, 0) - z * g + Math.log1p(e);
    if (out) out[i] = ((z < 0 ? e : 1) / (1 + e) - g) * scale;
  }
  return sum * scale;
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

const KERNELS: Record<Formula, Kernel> = {
  binaryCrossEntropy,
  sigmoidDice,
  sigmoidFocal,
  crossEntropy,
  softmaxDice,
  softmaxFocal,
  diceCrossEntropy,
  lovaszSoftmax,
};

export const tunedTs: Engine = {
  name: 'tuned-ts',
  prepare(problem): Run {
    const kernel = KERNELS[problem.formula];
    return (out) => kernel(problem, out);
  },
};
