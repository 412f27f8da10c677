/** Losses of all pixels together: those that rank them, and those that weigh them by what is found in all of them. */
import { GEOMETRIC_LOSSES } from './geometric.js';
import { chances, classWeight, FOCAL_FACTOR, pixelUnreduced, pixelValue, times } from './pixel.js';
import { at, type Cube, flatten, type Options, type Problem, shapeOf, sum } from './problem.js';
import { probabilities } from './region.js';

export interface Unreduced {
  readonly data: number[];
  readonly shape: number[];
}

export interface WholeLoss {
  value(options: Options, problem: Problem, z: Cube): number;
  unreduced(options: Options, problem: Problem, z: Cube): Unreduced;
}

const isDistribution = ({ activation, channels }: Problem): boolean =>
  activation === 'softmax' || (activation === 'none' && channels > 1);

/** Elements that count, by [sample][pixel][class]. */
function* elements(problem: Problem): Generator<[b: number, i: number, k: number]> {
  for (let b = 0; b < problem.samples; b++) {
    for (let i = 0; i < problem.pixels; i++) {
      for (const k of problem.kept) if (at(problem.valid, b, i, k)) yield [b, i, k];
    }
  }
}

function pixelShaped(name: string, options: Options, problem: Problem, z: Cube): Unreduced {
  const { cube, perPixel } = pixelUnreduced(name, options, problem, z);
  if (perPixel) return { data: cube.flat(2), shape: [problem.samples, ...problem.spatial] };
  return { data: flatten(problem, cube), shape: shapeOf(problem) };
}

// Cross-entropy balanced by counts.

function balance(counts: readonly number[], frequency: Options['frequency'] = 'inverse'): number[] {
  const present = counts.filter((n) => n > 0).sort((a, b) => a - b);
  const middle = (present.length - 1) / 2;
  if (frequency === 'median') {
    const median = ((present[Math.floor(middle)] ?? 0) + (present[Math.ceil(middle)] ?? 0)) / 2;
    return counts.map((n) => (n > 0 ? median / n : 0));
  }
  const of = { inverse: (n: number) => 1 / n, squareInverse: (n: number) => 1 / n ** 2, effective };
  const raw = counts.map((n) => (n > 0 ? of[frequency](n) : 0));
  const mean = sum(raw.map((w, k) => w * (counts[k] as number))) / sum(counts);
  return raw.map((w) => (w === 0 ? 0 : w / mean));
}
const effective = (n: number): number => (1 - 0.9999) / (1 - 0.9999 ** n);

function balancedOptions(options: Options, problem: Problem): [name: string, options: Options] {
  const { kept, channels, g, w, v } = problem;
  const count = (k: number, of: (label: number) => number): number => {
    let total = 0;
    for (const [b, i, j] of elements(problem)) {
      if (j === k) total += (v[b] as number) * at(w, b, i, k) * of(at(g, b, i, k));
    }
    return total;
  };
  const every = Array.from({ length: channels }, (_, k) => k);
  if (isDistribution(problem)) {
    const found = balance(
      kept.map((k) => count(k, (label) => label)),
      options.frequency,
    );
    const weights = every.map((k) => classWeight(options, k) * (found[kept.indexOf(k)] ?? 0));
    return ['crossEntropyLoss', { ...options, classWeights: weights }];
  }
  const sides = every.map((k) =>
    balance([count(k, (label) => 1 - label), count(k, (label) => label)], options.frequency),
  );
  return ['balancedElement', { ...options, sides }];
}

// Cross-entropy of the hardest.

interface Selection {
  /** Weighted loss of each unit, 0 where it is not selected. */
  readonly losses: number[];
  readonly count: number;
  readonly pixels: boolean;
}

function entropies(options: Options, problem: Problem, z: Cube): number[] {
  const binary = !isDistribution(problem);
  const { cube } = pixelUnreduced(
    binary ? 'binaryCrossEntropyLoss' : 'crossEntropyLoss',
    options,
    problem,
    z,
  );
  return binary ? flatten(problem, cube) : cube.flatMap((sample) => sample.map(sum));
}

function select(options: Options, problem: Problem, z: Cube, ohem: boolean): Selection {
  const pixels = isDistribution(problem);
  const losses = entropies(options, problem, z);
  const { classWeights: _, ...rest } = options;
  const plain = {
    ...problem,
    w: problem.w.map((b) => b.map((i) => i.map(() => 1))),
    v: problem.v.map(() => 1),
  };
  const ranks = ohem ? entropies(rest, plain, z) : losses;
  const counted = [...elements({ ...problem, kept: problem.activation === 'softmax' ? [0] : problem.kept })];
  const divide = pixels && problem.activation === 'none' ? problem.kept.length : 1;
  const valid = Math.floor(counted.length / divide);
  const all = problem.samples * problem.pixels * (pixels ? 1 : problem.kept.length);
  const units = options.normalizer === 'all' ? all : valid;
  const { percent = 10, threshold = 0.7, minKept = 100_000 } = options;
  const least = ohem ? minKept : Math.max(1, Math.floor((units * percent) / 100));
  const above = ohem ? -Math.log(threshold) : Infinity;
  const order = ranks.map((loss, unit) => ({ loss, unit })).sort((a, b) => b.loss - a.loss);
  const harder = order.filter(({ loss }) => loss > above).length;
  const count = units === 0 ? 0 : Math.max(harder, Math.min(least, units));
  const taken = new Set(order.slice(0, count).map(({ unit }) => unit));
  return { losses: losses.map((loss, unit) => (taken.has(unit) ? loss : 0)), count, pixels };
}

function selecting(ohem: boolean): WholeLoss {
  return {
    value: (options, problem, z) => {
      const { losses, count } = select(options, problem, z, ohem);
      if (options.reduction === 'sum') return sum(losses);
      return count === 0 ? 0 : sum(losses) / count;
    },
    unreduced: (options, problem, z) => {
      const { losses, pixels } = select(options, problem, z, ohem);
      return { data: losses, shape: pixels ? [problem.samples, ...problem.spatial] : shapeOf(problem) };
    },
  };
}

// Lovász losses.

function lovasz(
  options: Options,
  problem: Problem,
  z: Cube,
  hinge: boolean,
  rows: readonly number[],
  k: number,
): number {
  const batch = options.aggregate === 'batch';
  const found: { error: number; g: number; w: number }[] = [];
  for (const b of rows) {
    for (let i = 0; i < problem.pixels; i++) {
      const w = at(problem.w, b, i, k) * (batch ? (problem.v[b] as number) : 1);
      if (!at(problem.valid, b, i, k) || w === 0) continue;
      const g = at(problem.g, b, i, k);
      const p = hinge ? 0 : (probabilities(problem, z[b]?.[i] as number[])[k] as number);
      const error = hinge ? Math.max(1 - at(z, b, i, k) * (2 * g - 1), 0) : Math.abs(g - p);
      found.push({ error, g, w });
    }
  }
  const all = sum(found.map(({ g, w }) => g * w));
  if (all === 0 && !hinge && options.present !== false) return NaN;
  let [inside, union, before, loss] = [all, all, 0, 0];
  for (const { error, g, w } of found.sort((a, b) => b.error - a.error)) {
    inside -= g * w;
    union += (1 - g) * w;
    loss += error * (1 - inside / union - before);
    before = 1 - inside / union;
  }
  return loss;
}

function lovaszRows(options: Options, problem: Problem, z: Cube, hinge: boolean): number[][] {
  const all = Array.from({ length: problem.samples }, (_, b) => b);
  const rows = options.aggregate === 'batch' ? [all] : all.map((b) => [b]);
  return rows.map((row) => problem.kept.map((k) => lovasz(options, problem, z, hinge, row, k)));
}

function ordered(hinge: boolean): WholeLoss {
  return {
    value: (options, problem, z) => {
      const rows = lovaszRows(options, problem, z, hinge).map((losses, b) => ({
        weight: options.aggregate === 'batch' ? 1 : (problem.v[b] as number),
        parts: losses
          .map((loss, j) => ({ loss, weight: classWeight(options, problem.kept[j] as number) }))
          .filter(({ loss }) => !Number.isNaN(loss)),
      }));
      const present = rows.filter(({ parts }) => parts.length > 0);
      const perRow = present.map(({ parts }) => {
        const total = sum(parts.map(({ loss, weight }) => times(weight, loss)));
        const weights = sum(parts.map(({ weight }) => weight));
        return options.reduction === 'sum' ? total : weights === 0 ? 0 : total / weights;
      });
      const total = sum(present.map(({ weight }, b) => times(weight, perRow[b] as number)));
      if (options.reduction === 'sum') return total;
      const weights = sum(present.map(({ weight }) => weight));
      return weights === 0 ? 0 : total / weights;
    },
    unreduced: (options, problem, z) => {
      const rows = options.aggregate === 'batch' ? [] : [problem.samples];
      const data = lovaszRows(options, problem, z, hinge).flat();
      return { data, shape: [...rows, problem.kept.length] };
    },
  };
}

/** Σ of the focal factors of all that counts, at least 1e-6. */
function factors(options: Options, problem: Problem, z: Cube): number {
  let total = 0;
  for (const [b, i, k] of elements(problem)) {
    const chance = chances(problem, z[b]?.[i] as number[])[k];
    if (chance === undefined) continue;
    const [g, weight] = [at(problem.g, b, i, k), (problem.v[b] as number) * at(problem.w, b, i, k)];
    const negative = problem.activation === 'softmax' ? 0 : FOCAL_FACTOR(options, chance.q, chance.p);
    total += weight * (g * FOCAL_FACTOR(options, chance.p, chance.q) + (1 - g) * negative);
  }
  return Math.max(total, 1e-6);
}

export const WHOLE_LOSSES: Readonly<Record<string, WholeLoss>> = {
  balancedCrossEntropyLoss: {
    value: (options, problem, z) => {
      const [name, own] = balancedOptions(options, problem);
      return pixelValue(name, own, problem, z);
    },
    unreduced: (options, problem, z) => {
      const [name, own] = balancedOptions(options, problem);
      return pixelShaped(name, own, problem, z);
    },
  },
  normalizedFocalLoss: {
    value: (options, problem, z) =>
      pixelValue('focalLoss', options, problem, z) / factors(options, problem, z),
    unreduced: (options, problem, z) => {
      const { data, shape } = pixelShaped('focalLoss', options, problem, z);
      const by = factors(options, problem, z);
      return { data: data.map((x) => x / by), shape };
    },
  },
  topKCrossEntropyLoss: selecting(false),
  ohemCrossEntropyLoss: selecting(true),
  lovaszHingeLoss: ordered(true),
  lovaszSoftmaxLoss: ordered(false),
  ...GEOMETRIC_LOSSES,
};

/** The twin of a loss of all pixels together, if it is one. */
export function wholeOf(name: string, options: Options): WholeLoss | undefined {
  if (name === 'focalLoss' && options.normalized) return WHOLE_LOSSES.normalizedFocalLoss;
  return WHOLE_LOSSES[name === 'hausdorffLoss' && options.logarithmic ? 'logHausdorffLoss' : name];
}
