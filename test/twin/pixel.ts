/** Pixel losses: a term for each element or each pixel, and what their mean divides by. */
import { at, cube, type Cube, memory, type Options, type Problem, sum } from './problem.js';

/** ln(1 + e^x) */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** ln p, ln(1−p), p and 1−p of one class; none of them a difference of rounded numbers. */
interface Chance {
  readonly logP: number;
  readonly logQ: number;
  readonly p: number;
  readonly q: number;
}

function sigmoidChance(z: number): Chance {
  const [logP, logQ] = [-softplus(-z), -softplus(z)];
  return { logP, logQ, p: Math.exp(logP), q: Math.exp(logQ) };
}

/** Logarithms are clamped at −100. */
function givenChance(p: number): Chance {
  const clamped = (x: number): number => Math.max(Math.log(x), -100);
  return { logP: clamped(p), logQ: clamped(1 - p), p, q: 1 - p };
}

function softmaxChances(z: readonly number[]): Chance[] {
  const largest = Math.max(...z);
  const top = z.indexOf(largest);
  const e = z.map((x) => Math.exp(x - largest));
  const others = sum(e.filter((_, k) => k !== top));
  return z.map((x, k) => {
    const p = (e[k] as number) / (1 + others);
    // Only the largest p can be near 1.
    const q = k === top ? others / (1 + others) : 1 - p;
    return { logP: x - largest - Math.log1p(others), logQ: Math.log(q), p, q };
  });
}

const chancesOf = memory<Chance[]>();
/** Of every class of a pixel. */
export const chances = (problem: Problem, z: readonly number[]): Chance[] =>
  chancesOf(problem, z, () => {
    if (problem.activation === 'softmax') return softmaxChances(z);
    return z.map(problem.activation === 'sigmoid' ? sigmoidChance : givenChance);
  });

/** 0·∞ is 0. */
export const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);

/** The number of class k. */
const of = (option: number | readonly number[] | undefined, k: number): number | undefined =>
  typeof option === 'object' ? option[k] : option;

/** The term of class k at one pixel, before pixel, sample and (for elementwise losses) class weights. */
type Term = (options: Options, problem: Problem, chance: Chance, g: readonly number[], k: number) => number;

export const classWeight = ({ classWeights }: Options, k: number): number => classWeights?.[k] ?? 1;

/** A loss linear in the label, of which the class is and is not; smoothing as the cross-entropies have it. */
function smoothed(
  options: Options,
  { activation, channels }: Problem,
  g: readonly number[],
  k: number,
  is: number,
  isNot: number,
): number {
  const { labelSmoothing: e = 0 } = options;
  const label = g[k] as number;
  if (activation !== 'softmax') {
    const positive = (1 - e / 2) * is + (e / 2) * isNot;
    const negative = (e / 2) * is + (1 - e / 2) * isNot;
    return classWeight(options, k) * (times(label, positive) + times(1 - label, negative));
  }
  const weightOfLabel = sum(g.map((other, j) => classWeight(options, j) * other));
  return times(classWeight(options, k) * label * (1 - e) + (weightOfLabel * e) / channels, is);
}

/** What the focal loss multiplies the logarithm with, of a label of probability p and 1 − p = q. */
export const FOCAL_FACTOR = ({ gamma = 2, reducedThreshold: t }: Options, p: number, q: number): number =>
  t === undefined ? q ** gamma : p < t ? 1 : (q / t) ** gamma;

export const PIXEL_TERMS: Readonly<Record<string, Term>> = {
  binaryCrossEntropyLoss: (options, _, { logP, logQ }, g, k) => {
    const { labelSmoothing: e = 0, positiveWeight, smoothedWeights } = options;
    const label = g[k] as number;
    const weight = of(positiveWeight, k) ?? 1;
    if (smoothedWeights) {
      const smooth = label * (1 - e) + e / 2;
      return classWeight(options, k) * (times(weight * smooth, -logP) + times(1 - smooth, -logQ));
    }
    // Weights go by the unsmoothed label: what smoothing takes from a positive keeps the weight of a positive.
    const positive = weight * ((1 - e / 2) * -logP + (e / 2) * -logQ);
    const negative = (e / 2) * -logP + (1 - e / 2) * -logQ;
    return classWeight(options, k) * (times(label, positive) + times(1 - label, negative));
  },

  crossEntropyLoss: (options, { channels }, { logP }, g, k) => {
    const { labelSmoothing: e = 0, smoothedWeights } = options;
    if (smoothedWeights) {
      const smooth = (g[k] as number) * (1 - e) + (sum(g) * e) / channels;
      return times(classWeight(options, k) * smooth, -logP);
    }
    const weightOfLabel = e === 0 ? 0 : sum(g.map((label, j) => classWeight(options, j) * label));
    const label = classWeight(options, k) * (g[k] as number) * (1 - e) + (weightOfLabel * e) / channels;
    return times(label, -logP);
  },

  focalLoss: (options, { activation }, { logP, logQ, p, q }, g, k) => {
    const label = g[k] as number;
    const a = of(options.alpha, k);
    const positive = times((a ?? 1) * label, times(FOCAL_FACTOR(options, p, q), -logP));
    const negative = times(
      (a === undefined ? 1 : 1 - a) * (1 - label),
      times(FOCAL_FACTOR(options, q, p), -logQ),
    );
    return classWeight(options, k) * (activation === 'softmax' ? positive : positive + negative);
  },

  qualityFocalLoss: (options, _, { logP, logQ, p }, g, k) => {
    const label = g[k] as number;
    const entropy = times(label, -logP) + times(1 - label, -logQ);
    return classWeight(options, k) * Math.abs(p - label) ** (options.beta ?? 2) * entropy;
  },

  generalizedCrossEntropyLoss: (options, problem, { logP, logQ }, g, k) => {
    const { q = 0.5 } = options;
    const of = (log: number): number => -Math.expm1(q * log) / q;
    return smoothed(options, problem, g, k, of(logP), of(logQ));
  },

  polyCrossEntropyLoss: (options, problem, { p, q, logP, logQ }, g, k) => {
    const { epsilon = 1 } = options;
    return smoothed(options, problem, g, k, -logP + epsilon * q, -logQ + epsilon * p);
  },

  // Parts of other losses.
  balancedElement: (options, _, { logP, logQ }, g, k) => {
    const { labelSmoothing: e = 0, sides } = options;
    const [negative = NaN, positive = NaN] = sides?.[k] ?? [];
    const label = g[k] as number;
    const is = positive * ((1 - e / 2) * -logP + (e / 2) * -logQ);
    const isNot = negative * ((e / 2) * -logP + (1 - e / 2) * -logQ);
    return classWeight(options, k) * (times(label, is) + times(1 - label, isNot));
  },
  comboEntropy: (options, _, { logP, logQ }, g, k) => {
    const { beta = 0.5 } = options;
    const label = g[k] as number;
    return classWeight(options, k) * (times(beta * label, -logP) + times((1 - beta) * (1 - label), -logQ));
  },
  powerOfLog: (options, problem, { logP, logQ }, g, k) => {
    const { crossEntropyExponent: b = 0.3 } = options;
    return smoothed(options, problem, g, k, (-logP) ** b, (-logQ) ** b);
  },
  unifiedFocal: (options, { activation, channels }, { logP, logQ, p, q }, g, k) => {
    const { delta = 0.6, gamma = 0.5, asymmetric = true } = options;
    const label = g[k] as number;
    const foreground = (x: number, log: number): number => delta * (asymmetric ? 1 : x ** gamma) * -log;
    const background = (x: number, log: number): number => (1 - delta) * x ** gamma * -log;
    const binary = activation === 'sigmoid' || channels === 1;
    const yes = times(label, (!binary && k === 0 ? background : foreground)(q, logP));
    return classWeight(options, k) * (yes + (binary ? times(1 - label, background(p, logQ)) : 0));
  },
};

const termsOf = memory<number[][]>();
/** The weighted terms by [sample][pixel][class]; 0 where the class or the pixel does not count. */
function weightedTerms(term: Term, options: Options, problem: Problem, z: Cube): number[][][] {
  const { kept, valid, w, v, g } = problem;
  const one = (b: number, i: number, k: number, chance: Chance): number => {
    if (!kept.includes(k) || !at(valid, b, i, k)) return 0;
    const weight = (v[b] as number) * at(w, b, i, k);
    return times(weight, term(options, problem, chance, g[b]?.[i] as number[], k));
  };
  return z.map((sample, b) =>
    termsOf(options, sample, () =>
      sample.map((pixel, i) => chances(problem, pixel).map((chance, k) => one(b, i, k, chance))),
    ),
  );
}

function divisor(options: Options, problem: Problem): number {
  const { activation, channels, kept, valid, w, v, g, dense } = problem;
  const { meanOver = 'elements' } = options;
  const byLabel = dense ? 'valid' : 'weights';
  const normalizer = options.normalizer === 'labelWeights' ? byLabel : (options.normalizer ?? 'valid');
  const softmax = activation === 'softmax';
  const counted = softmax ? [0] : kept;
  const counts = cube(problem, (b, i, k) => {
    if (softmax && normalizer === 'weights') {
      if (!at(valid, b, i, k)) return 0;
      return (v[b] as number) * at(w, b, i, k) * classWeight(options, k) * at(g, b, i, k);
    }
    if (!counted.includes(k)) return 0;
    if (normalizer === 'all') return 1;
    if (!at(valid, b, i, k)) return 0;
    return normalizer === 'valid' ? 1 : (v[b] as number) * at(w, b, i, k) * classWeight(options, k);
  });
  const total = channels === 0 ? 0 : sum(counts.flat(2));
  return !softmax && meanOver === 'pixels' ? total / kept.length : total;
}

const divisors = memory<number>();

export function pixelUnreduced(
  name: string,
  options: Options,
  problem: Problem,
  z: Cube,
): { readonly cube: number[][][]; readonly perPixel: boolean } {
  const terms = weightedTerms(PIXEL_TERMS[name] as Term, options, problem, z);
  if (problem.activation !== 'softmax') return { cube: terms, perPixel: false };
  return { cube: terms.map((sample) => sample.map((pixel) => [sum(pixel)])), perPixel: true };
}

export function pixelValue(name: string, options: Options, problem: Problem, z: Cube): number {
  const { cube } = pixelUnreduced(name, options, problem, z);
  const total = sum(cube.map((sample) => sum(sample.map(sum))));
  if (options.reduction === 'sum') return total;
  const by = divisors(options, problem, () => divisor(options, problem));
  return by === 0 ? 0 : total / by;
}
