/** Region losses: functions of a few sums per (sample, class). */
import { skeleton } from './grid.js';
import { at, type Cube, memory, type Options, type Problem, sum } from './problem.js';

interface Sums {
  readonly tp: number;
  readonly p: number;
  readonly g: number;
  readonly p2: number;
  readonly g2: number;
  readonly fgError: number;
  readonly bgError: number;
  readonly n: number;
}

const probabilitiesOf = memory<readonly number[]>();
/** Of every class of a pixel. */
export const probabilities = (problem: Problem, z: readonly number[]): readonly number[] =>
  probabilitiesOf(problem, z, () => {
    if (problem.activation === 'none') return z;
    if (problem.activation === 'sigmoid')
      return z.map((x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))));
    const largest = Math.max(...z);
    const e = z.map((x) => Math.exp(x - largest));
    const total = sum(e);
    return e.map((x) => x / total);
  });

const ofSamples = memory<Cube[number]>();
/** The same of a whole prediction. */
export const allProbabilities = (problem: Problem, z: Cube): Cube =>
  z.map((sample) => ofSamples(problem, sample, () => sample.map((pixel) => probabilities(problem, pixel))));

const NAMES = ['tp', 'p', 'g', 'p2', 'g2', 'fgError', 'bgError', 'n'] as const satisfies (keyof Sums)[];

const addSums = (all: readonly Sums[]): Sums =>
  Object.fromEntries(NAMES.map((name) => [name, sum(all.map((s) => s[name]))])) as unknown as Sums;

/** The sums of the listed samples and of one class. */
function sumsOf(
  problem: Problem,
  p: Cube,
  samples: readonly number[],
  k: number,
  weighSamples: boolean,
  overlap: Options['overlap'],
): Sums {
  const sums = { tp: 0, p: 0, g: 0, p2: 0, g2: 0, fgError: 0, bgError: 0, n: 0 };
  for (const b of samples) {
    for (let i = 0; i < problem.pixels; i++) {
      const w = at(problem.w, b, i, k) * (weighSamples ? (problem.v[b] as number) : 1);
      // Weight 0 equals mask and ignore in region losses.
      if (!at(problem.valid, b, i, k) || w === 0) continue;
      const [x, g] = [at(p, b, i, k), at(problem.g, b, i, k)];
      const error = (g - x) ** 2;
      sums.tp += w * (overlap === 'minimum' ? Math.min(x, g) : x * g);
      sums.p += w * x;
      sums.g += w * g;
      sums.p2 += w * x * x;
      sums.g2 += w * g * g;
      sums.fgError += w * error * g;
      sums.bgError += w * error * (1 - g);
      sums.n += w;
    }
  }
  return sums;
}

const skeletonsOf = memory<(readonly number[])[]>();

/** The sums of skeletons: `p` of the prediction's, `tp` of it in the target, `g2` of the target's, `p2` of it in the prediction. */
function skeletonSums(
  options: Options,
  problem: Problem,
  p: Cube,
  samples: readonly number[],
  k: number,
  weighSamples: boolean,
): Sums {
  const sums = { tp: 0, p: 0, g: 0, p2: 0, g2: 0, fgError: 0, bgError: 0, n: 0 };
  const { iterations = 3 } = options;
  const image = (sample: Cube[number], b: number, c: number): (number | undefined)[] =>
    sample.map((pixel, i) =>
      at(problem.valid, b, i, c) && at(problem.w, b, i, c) > 0 ? pixel[c] : undefined,
    );
  const ofSample = (sample: Cube[number], b: number): (readonly number[])[] =>
    skeletonsOf(options, sample, () =>
      Array.from({ length: problem.channels }, (_, c) =>
        skeleton(image(sample, b, c), problem.spatial, iterations),
      ),
    );
  for (const b of samples) {
    const [pred, truth] = [p[b] as Cube[number], problem.g[b] as Cube[number]];
    const [ofPred, ofTruth] = [ofSample(pred, b)[k], ofSample(truth, b)[k]];
    const counted = image(truth, b, k);
    pred.forEach((pixel, i) => {
      const w = at(problem.w, b, i, k) * (weighSamples ? (problem.v[b] as number) : 1);
      const [x, s, t, g] = [pixel[k] as number, ofPred?.[i] as number, ofTruth?.[i] as number, counted[i]];
      if (g === undefined) return;
      sums.tp += w * s * g;
      sums.p += w * s;
      sums.g += w * g;
      sums.p2 += w * t * x;
      sums.g2 += w * t;
      sums.n += w;
    });
  }
  return sums;
}

function smoothOf({ smooth }: Options, whenAbsent: number): { numerator: number; denominator: number } {
  return typeof smooth === 'object'
    ? smooth
    : { numerator: smooth ?? whenAbsent, denominator: smooth ?? whenAbsent };
}

function transformed(numerator: number, denominator: number, transform: Options['transform']): number {
  if (denominator === 0) return 0;
  const s = numerator / denominator;
  if (typeof transform === 'object') return Math.max(1 - s, 0) ** transform.power;
  switch (transform ?? 'oneMinus') {
    case 'log':
      return -Math.log(Math.max(s, 1e-7));
    case 'logCosh':
      return Math.log1p(2 * Math.sinh((1 - s) / 2) ** 2);
    case 'negative':
      return -s;
    default:
      return 1 - s;
  }
}

/** a/b, and 0 where b is exactly 0. */
const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

function tversky(
  s: Sums,
  options: Options,
  fpWeight: number,
  fnWeight: number,
  transform: Options['transform'],
): number {
  const { numerator, denominator } = smoothOf(options, 1e-5);
  const [fp, fn] = [s.p - s.tp, s.g - s.tp];
  return transformed(s.tp + numerator, s.tp + fpWeight * fp + fnWeight * fn + denominator, transform);
}

/** Which class the sums are of; −1: of several, pooled. */
interface Where {
  readonly k: number;
  readonly binary: boolean;
}

type Score = (s: Sums, options: Options, where: Where) => number;

/** The loss of one class, or of the pooled classes. */
export const REGION_SCORES: Readonly<Record<string, Score>> = {
  diceLoss: (s, options) => {
    const { numerator, denominator } = smoothOf(options, 1e-5);
    const size = options.exponent === 2 ? s.p2 + s.g2 : s.p + s.g;
    return transformed(2 * s.tp + numerator, size + denominator, options.transform);
  },
  jaccardLoss: (s, options) => {
    const { numerator, denominator } = smoothOf(options, 1e-5);
    const size = options.exponent === 2 ? s.p2 + s.g2 : s.p + s.g;
    return transformed(s.tp + numerator, size - s.tp + denominator, options.transform);
  },
  tverskyLoss: (s, options) => {
    const { fpWeight = 0.5, fnWeight = 0.5 } = options;
    return tversky(s, options, fpWeight, fnWeight, options.transform);
  },
  focalTverskyLoss: (s, options) => {
    const { fpWeight = 0.3, fnWeight = 0.7, power = 0.75 } = options;
    return tversky(s, options, fpWeight, fnWeight, { power });
  },
  fBetaLoss: (s, options) => {
    const { beta = 1.5 } = options;
    const square = beta ** 2;
    return tversky(s, options, 1 / (1 + square), square / (1 + square), options.transform);
  },
  matthewsLoss: (s, options) => {
    const { denominator } = smoothOf(options, 1e-5);
    const [fp, fn] = [s.p - s.tp, s.g - s.tp];
    const tn = s.n - s.g - fp;
    const square = (s.tp + fp) * (s.tp + fn) * (tn + fp) * (tn + fn);
    return square + denominator === 0 ? 0 : 1 - (s.tp * tn - fp * fn) / Math.sqrt(square + denominator);
  },
  clDiceLoss: (s, options) => {
    const { numerator, denominator } = smoothOf(options, 1);
    const [predicted, truly] = [s.p + denominator, s.g2 + denominator];
    const [precision, sensitivity] = [(s.tp + numerator) / predicted, (s.p2 + numerator) / truly];
    const both = precision + sensitivity + (options.harmonicSmooth ?? 0);
    return predicted === 0 || truly === 0 || both === 0 ? 0 : 1 - (2 * precision * sensitivity) / both;
  },
  sensitivitySpecificityLoss: (s, options) => {
    const { sensitivityWeight: r = 0.05 } = options;
    const { denominator } = smoothOf(options, 1e-5);
    return r * ratio(s.fgError, s.g + denominator) + (1 - r) * ratio(s.bgError, s.n - s.g + denominator);
  },
};

/** Parts of compounds. */
const PARTS: Readonly<Record<string, Score>> = {
  powerOfLogDice: (s, options) => {
    const { numerator, denominator } = smoothOf(options, 1e-5);
    const [top, bottom] = [2 * s.tp + numerator, s.p + s.g + denominator];
    if (bottom === 0) return 0;
    return Math.max(-Math.log(Math.max(top / bottom, 1e-7)), 0) ** (options.diceExponent ?? 0.3);
  },
  unifiedTversky: (s, options, { k, binary }) => {
    const { delta = 0.6, gamma = 0.5, asymmetric = true } = options;
    const [fp, power] = [1 - delta, { power: 1 - gamma }];
    const of = (sums: Sums, transform: Options['transform']): number =>
      tversky(sums, options, fp, delta, transform);
    const ofBackground = asymmetric ? 'oneMinus' : power;
    if (!binary) return of(s, k === 0 ? ofBackground : power);
    const rest = { ...s, tp: s.n - s.p - s.g + s.tp, p: s.n - s.p, g: s.n - s.g };
    return (of(s, power) + of(rest, ofBackground)) / 2;
  },
};

/** Losses of one ratio over all kept classes. */
export const JOINT = ['generalizedDiceLoss', 'penaltyGeneralizedDiceLoss', 'generalizedWassersteinDiceLoss'];

/** Pixel by pixel of the listed samples. */
function wassersteinDice(
  options: Options,
  problem: Problem,
  p: Cube,
  samples: readonly number[],
  weighSamples: boolean,
): number {
  const { distances = [], weighting = 'default' } = options;
  const largest = Math.max(...distances.flat());
  const sized = weighting === 'generalized';
  const { numerator, denominator } = smoothOf(options, 1e-5);
  const sizes = problem.kept.map((y) => sumsOf(problem, p, samples, y, weighSamples, 'product').g);
  let [top, bottom] = [numerator, denominator];
  problem.kept.forEach((y, j) => {
    const weight = options.classWeights?.[y] ?? 1;
    const alpha = weight * (sized ? 1 / ((sizes[j] as number) + 1) : y === 0 ? 0 : 1);
    for (const b of samples) {
      for (let i = 0; i < problem.pixels; i++) {
        const w = at(problem.w, b, i, y) * (weighSamples ? (problem.v[b] as number) : 1);
        if (!at(problem.valid, b, i, y) || w === 0) continue;
        const row = distances[y] as readonly number[];
        // A given probability that does not count is not read.
        const read = (c: number): number =>
          problem.activation === 'none' && !(at(problem.valid, b, i, c) && at(problem.w, b, i, c) > 0)
            ? 0
            : at(p, b, i, c);
        const distance = sum(row.map((m, c) => (m / largest) * read(c)));
        const wg = w * at(problem.g, b, i, y);
        top += 2 * wg * alpha * (1 - distance);
        bottom += wg * (sized ? alpha * (2 - distance) : 2 * alpha * (1 - distance) + weight * distance);
      }
    }
  });
  return bottom === 0 ? 0 : 1 - top / bottom;
}

/** One ratio over all kept classes. */
function generalizedDice(sums: readonly Sums[], weights: readonly number[], options: Options): number {
  const { weighting = 'square', absentClass = 'max', transform } = options;
  const { numerator, denominator } = smoothOf(options, 0);
  const size = (g: number): number => (weighting === 'square' ? g * g : weighting === 'simple' ? g : 1);
  let v: number[];
  if (typeof absentClass === 'object') {
    v = sums.map((s) => 1 / (size(s.g) + absentClass.epsilon));
  } else {
    const present = sums.filter((s) => s.g !== 0).map((s) => 1 / size(s.g));
    const ofAbsent = absentClass === 'max' && present.length > 0 ? Math.max(...present) : 0;
    v = sums.map((s) => (s.g === 0 ? ofAbsent : 1 / size(s.g)));
  }
  const weighted = v.map((x, j) => x * (weights[j] as number));
  const top = sum(sums.map((s, j) => 2 * (weighted[j] as number) * s.tp));
  const bottom = sum(sums.map((s, j) => (weighted[j] as number) * (s.p + s.g)));
  return transformed(top + numerator, bottom + denominator, transform);
}

/** A row's losses, one a kept class or just one; NaN where skipped. */
interface Row {
  readonly losses: readonly number[];
  readonly skipped: readonly boolean[];
  readonly n: number;
  readonly weight: number;
}

const rowOfSample = memory<Row>();
function rowsOf(name: string, options: Options, problem: Problem, z: Cube): Row[] {
  const { kept, v } = problem;
  const batch = options.aggregate === 'batch';
  const p = allProbabilities(problem, z);
  const rowOf = (samples: readonly number[], weight: number): Row => {
    const perClass = kept.map((k) =>
      name === 'clDiceLoss'
        ? skeletonSums(options, problem, p, samples, k, batch)
        : sumsOf(problem, p, samples, k, batch, options.overlap),
    );
    const row = { n: sum(perClass.map((s) => s.n)), weight };
    if (name === 'generalizedWassersteinDiceLoss') {
      return { ...row, losses: [wassersteinDice(options, problem, p, samples, batch)], skipped: [false] };
    }
    if (JOINT.includes(name)) {
      const weights = kept.map((k) => options.classWeights?.[k] ?? 1);
      const loss = generalizedDice(perClass, weights, options);
      const { k = 2.5 } = options;
      const penalised = name === 'generalizedDiceLoss' ? loss : loss / (1 + k * (1 - loss));
      return { ...row, losses: [penalised], skipped: [false] };
    }
    const groups = options.average === 'micro' ? [addSums(perClass)] : perClass;
    const { emptyClass = 'score' } = options;
    const score = { ...REGION_SCORES, ...PARTS }[name] as Score;
    const binary = problem.activation === 'sigmoid' || problem.channels === 1;
    const losses = groups.map((s, j) => {
      const k = options.average === 'micro' ? -1 : (kept[j] as number);
      if (s.g !== 0 || emptyClass === 'score') return score(s, options, { k, binary });
      return { skip: NaN, zero: 0, one: 1 }[emptyClass];
    });
    return { ...row, losses, skipped: groups.map((s) => emptyClass === 'skip' && s.g === 0) };
  };
  if (batch) return [rowOf([...z.keys()], 1)];
  return z.map((sample, b) => rowOfSample(options, sample, () => rowOf([b], v[b] as number)));
}

export function regionUnreduced(name: string, options: Options, problem: Problem, z: Cube): number[] {
  return rowsOf(name, options, problem, z).flatMap(({ losses }) => [...losses]);
}

export function regionValue(name: string, options: Options, problem: Problem, z: Cube): number {
  const rows = rowsOf(name, options, problem, z);
  if (rows.every(({ n }) => n === 0)) return 0;
  const joined = options.average === 'micro' || JOINT.includes(name);
  const classWeights = joined ? [1] : problem.kept.map((k) => options.classWeights?.[k] ?? 1);
  const present = rows
    .map(({ losses, skipped, weight }) => ({
      weight,
      parts: losses
        .map((loss, j) => ({ loss, weight: classWeights[j] as number, skipped: skipped[j] }))
        .filter((part) => part.skipped === false),
    }))
    .filter(({ parts }) => parts.length > 0);
  const perRow = present.map(({ parts }) => {
    const total = sum(parts.map(({ loss, weight }) => (weight === 0 ? 0 : weight * loss)));
    if (options.reduction === 'sum') return total;
    const weights = sum(parts.map(({ weight }) => weight));
    return ratio(total, options.classWeighting === 'raw' ? parts.length : weights);
  });
  const total = sum(present.map(({ weight }, b) => (weight === 0 ? 0 : weight * (perRow[b] as number))));
  if (options.reduction === 'sum') return total;
  return ratio(total, sum(present.map(({ weight }) => weight)));
}
