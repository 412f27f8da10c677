/** What people write: an array for each step, a one-hot target, one class after the other. */
import type { Engine, Formula, Problem } from '../cases.js';

interface Result {
  readonly value: number;
  readonly grad: Float32Array;
}

const SMOOTH = 1e-5;
const EPSILON = 1e-12;

/** One array per class. */
type Planes = Float32Array[];

const sumOf = (values: Float32Array): number => values.reduce((sum, v) => sum + v, 0);
const meanOf = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

function sigmoid(logits: Float32Array): Float32Array {
  return logits.map((z) => 1 / (1 + Math.exp(-z)));
}

function planesOf({ channelsLast, channels, pixels }: Problem, sample: Float32Array): Planes {
  return Array.from({ length: channels }, (_, k) =>
    channelsLast
      ? Float32Array.from({ length: pixels }, (_, i) => sample[i * channels + k]!)
      : sample.slice(k * pixels, (k + 1) * pixels),
  );
}

function softmax(logits: Planes): Planes {
  const max = logits.reduce((m, plane) => m.map((v, i) => Math.max(v, plane[i]!)));
  const exps = logits.map((plane) => plane.map((z, i) => Math.exp(z - max[i]!)));
  const total = exps.reduce((t, plane) => t.map((v, i) => v + plane[i]!));
  return exps.map((plane) => plane.map((e, i) => e / total[i]!));
}

function oneHot(labels: Uint8Array, classes: number): Planes {
  return Array.from({ length: classes }, (_, k) =>
    Float32Array.from(labels, (label) => (label === k ? 1 : 0)),
  );
}

/** d loss / d logits from d loss / d probabilities. */
function softmaxBackward(p: Planes, upstream: Planes): Planes {
  const dot = p
    .map((plane, k) => plane.map((v, i) => v * upstream[k]![i]!))
    .reduce((total, plane) => total.map((v, i) => v + plane[i]!));
  return p.map((plane, k) => plane.map((v, i) => v * (upstream[k]![i]! - dot[i]!)));
}

/** Dice loss of one class, and its gradient with respect to the probabilities. */
function dice(p: Float32Array, g: Float32Array): Result {
  const numerator = 2 * sumOf(p.map((v, i) => v * g[i]!)) + SMOOTH;
  const denominator = sumOf(p) + sumOf(g) + SMOOTH;
  const grad = g.map((t) => (numerator - 2 * t * denominator) / denominator ** 2);
  return { value: 1 - numerator / denominator, grad };
}

function diceOfClasses(p: Planes, g: Planes): { value: number; grad: Planes } {
  const parts = p.map((plane, k) => dice(plane, g[k]!));
  return {
    value: meanOf(parts.map((part) => part.value)),
    grad: softmaxBackward(
      p,
      parts.map((part) => part.grad.map((v) => v / p.length)),
    ),
  };
}

function crossEntropy(p: Planes, g: Planes): { value: number; grad: Planes } {
  const n = p[0]!.length;
  const perClass = p.map(
    (plane, k) => -sumOf(plane.map((v, i) => g[k]![i]! * Math.log(Math.max(v, EPSILON)))),
  );
  return {
    value: perClass.reduce((sum, v) => sum + v, 0) / n,
    grad: p.map((plane, k) => plane.map((v, i) => (v - g[k]![i]!) / n)),
  };
}

function focal(p: Planes, g: Planes): { value: number; grad: Planes } {
  const n = p[0]!.length;
  const logs = p.map((plane) => plane.map((v) => Math.log(Math.max(v, EPSILON))));
  const losses = p.map((plane, k) => plane.map((v, i) => -g[k]![i]! * (1 - v) ** 2 * logs[k]![i]!));
  const slopes = p.map((plane, k) =>
    plane.map((v, i) => (g[k]![i]! * (2 * (1 - v) * logs[k]![i]! - (1 - v) ** 2 / Math.max(v, EPSILON))) / n),
  );
  return { value: losses.map(sumOf).reduce((sum, v) => sum + v, 0) / n, grad: softmaxBackward(p, slopes) };
}

function lovasz(p: Planes, g: Planes): { value: number; grad: Planes } {
  const present = g.filter((plane) => plane.includes(1)).length;
  const parts = p.map((plane, k) => {
    const truth = g[k]!;
    const all = sumOf(truth);
    const slopes = plane.map(() => 0);
    if (all === 0) return { value: 0, slopes };
    const errors = plane.map((v, i) => Math.abs(truth[i]! - v));
    const ranks = Array.from(errors, (_, i) => i).sort((a, b) => errors[b]! - errors[a]!);
    let [inside, union, before, value] = [all, all, 0, 0];
    for (const i of ranks) {
      inside -= truth[i]!;
      union += 1 - truth[i]!;
      const jaccard = 1 - inside / union;
      value += (errors[i]! * (jaccard - before)) / present;
      slopes[i] = ((1 - 2 * truth[i]!) * (jaccard - before)) / present;
      before = jaccard;
    }
    return { value, slopes };
  });
  return {
    value: parts.reduce((sum, part) => sum + part.value, 0),
    grad: softmaxBackward(
      p,
      parts.map((part) => part.slopes),
    ),
  };
}

function binary(logits: Float32Array, g: Float32Array, loss: (p: number, g: number) => number[]): Result {
  const n = logits.length;
  const pairs = Array.from(sigmoid(logits), (p, i) => loss(p, g[i]!));
  return {
    value: pairs.reduce((sum, [value]) => sum + value!, 0) / n,
    grad: Float32Array.from(pairs, ([, slope]) => slope! / n),
  };
}

const log = (p: number): number => Math.log(Math.max(p, EPSILON));

function categorical(
  problem: Problem,
  logits: Float32Array,
  labels: Uint8Array,
  losses: readonly ((p: Planes, g: Planes) => { value: number; grad: Planes })[],
): Result {
  const { channels, channelsLast, pixels } = problem;
  const p = softmax(planesOf(problem, logits));
  const g = oneHot(labels, channels);
  const parts = losses.map((loss) => loss(p, g));
  const grad = new Float32Array(logits.length);
  for (const part of parts) {
    part.grad.forEach((plane, k) => {
      plane.forEach((v, i) => (grad[channelsLast ? i * channels + k : k * pixels + i]! += v));
    });
  }
  return { value: parts.reduce((sum, part) => sum + part.value, 0), grad };
}

/** The loss of one sample. */
const FORMULAS: Record<Formula, (problem: Problem, logits: Float32Array, labels: Uint8Array) => Result> = {
  binaryCrossEntropy: (_, z, g) =>
    binary(z, Float32Array.from(g), (p, t) => [-t * log(p) - (1 - t) * log(1 - p), p - t]),
  sigmoidDice: (_, z, g) => {
    const p = sigmoid(z);
    const { value, grad } = dice(p, Float32Array.from(g));
    return { value, grad: grad.map((v, i) => v * p[i]! * (1 - p[i]!)) };
  },
  sigmoidFocal: (_, z, g) =>
    binary(z, Float32Array.from(g), (p, t) => {
      const own = t === 1 ? p : 1 - p;
      const slope = (1 - own) ** 2 * (2 * own * log(own) - (1 - own));
      return [-((1 - own) ** 2) * log(own), t === 1 ? slope : -slope];
    }),
  crossEntropy: (problem, z, g) => categorical(problem, z, g, [crossEntropy]),
  softmaxDice: (problem, z, g) => categorical(problem, z, g, [diceOfClasses]),
  softmaxFocal: (problem, z, g) => categorical(problem, z, g, [focal]),
  lovaszSoftmax: (problem, z, g) => categorical(problem, z, g, [lovasz]),
  diceCrossEntropy: (problem, z, g) => categorical(problem, z, g, [diceOfClasses, crossEntropy]),
};

export const idiomaticTs: Engine = {
  name: 'idiomatic-ts',
  share: 0.1,
  prepare(problem) {
    const { formula, large, samples, channels, pixels, pred, target } = problem;
    if (large) return undefined;
    const length = channels * pixels;
    return (out) => {
      const results = Array.from({ length: samples }, (_, b) =>
        FORMULAS[formula](
          problem,
          pred.slice(b * length, (b + 1) * length),
          target.slice(b * pixels, (b + 1) * pixels),
        ),
      );
      if (out)
        results.forEach(({ grad }, b) =>
          out.set(
            grad.map((v) => v / samples),
            b * length,
          ),
        );
      return meanOf(results.map(({ value }) => value));
    };
  },
};
