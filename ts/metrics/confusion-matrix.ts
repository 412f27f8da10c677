import { checkLabelPair, type LabelArray, refuseEntry } from '../check/labels.js';
import { checkNames } from '../check/nearest.js';
import { boolean, checkOptions, number, numbers, oneOf, type Rules, show } from '../check/options.js';
import { checkMask } from '../check/call.js';
import { countPairs } from '../geometry.js';
import { INSPECT } from '../inspect.js';
import { printMatrix } from './print-matrix.js';
import * as ratios from './ratios.js';
import type { Counts, Ratio } from './ratios.js';

/** How the scores of the classes become one: see `ConfusionMatrix`. */
export type Average = 'macro' | 'micro' | 'weighted' | 'none';

/** Options of every score. */
export interface ScoreOptions<A extends Average = Average> {
  /**
   * `'macro'` (default): the mean of the classes' scores. `'micro'`: the score of the classes' pooled counts.
   * `'weighted'`: the mean weighted by how many pixels of the target are of the class. `'none'`: every class's score.
   */
  readonly average?: A | undefined;
  /**
   * `'nan'` (default): an undefined score, 0/0, is NaN, and left out of a mean. `'zero'`, `'one'`: it is 0 or 1.
   * `'skip'`: the score of a class that the target does not hold is NaN and left out of a mean, even where it is
   * defined (a false alarm makes Dice 0, not 0/0).
   */
  readonly emptyClass?: 'nan' | 'skip' | 'zero' | 'one' | undefined;
  /** `false`: without label 0. Default true. */
  readonly includeBackground?: boolean | undefined;
}

/** Options of `fBeta`. */
export interface FBetaOptions<A extends Average = Average> extends ScoreOptions<A> {
  /** How many times as much recall counts as precision; > 0, default 1. */
  readonly beta?: number | undefined;
}

/** One number, or with `average: 'none'` one a label. */
export type Score<A extends Average> = A extends 'none' ? Float64Array : number;

/** What `confusionMatrix` takes beside the two label maps. */
export interface ConfusionMatrixOptions {
  /** How many classes, 0…n−1, or which labels. Default: every label that occurs. Any other label is an error. */
  readonly classes?: number | readonly number[] | undefined;
  /** Pixels of this label in the target count nowhere, whatever was predicted there. */
  readonly ignoreIndex?: number | undefined;
  /** One entry a pixel; 0 leaves the pixel out. */
  readonly mask?: ArrayLike<number> | undefined;
}

const SCORE_RULES: Rules = {
  average: oneOf('macro', 'micro', 'weighted', 'none'),
  emptyClass: oneOf('nan', 'skip', 'zero', 'one'),
  includeBackground: boolean,
};
const F_BETA_RULES: Rules = { ...SCORE_RULES, beta: number({ min: Number.MIN_VALUE }) };

/** Calls `use` with each label of the target, the label predicted there, and how many pixels that is. */
function eachCell(triples: Float64Array, use: (target: number, pred: number, pixels: number) => void): void {
  for (let i = 0; i < triples.length; i += 3) {
    use(triples[i] as number, triples[i + 1] as number, triples[i + 2] as number);
  }
}

/**
 * How often each label of the target was predicted as each label: what every overlap score is made of.
 *
 * Formula: for a label k against all others TP = n_kk, FP = Σ_{j≠k} n_jk, FN = Σ_{j≠k} n_kj, TN the rest, n_tp the
 * pixels of label t predicted as p. Then
 *
 * | method | score |
 * |---|---|
 * | `dice` | 2TP/(2TP + FP + FN) |
 * | `jaccard` | TP/(TP + FP + FN) |
 * | `sensitivity` (recall) | TP/(TP + FN) |
 * | `specificity` | TN/(TN + FP) |
 * | `precision` | TP/(TP + FP) |
 * | `negativePredictiveValue` | TN/(TN + FN) |
 * | `fBeta` | (1 + β²)TP/((1 + β²)TP + β²FN + FP) |
 * | `accuracy` | (TP + TN)/(TP + FP + FN + TN) |
 * | `balancedAccuracy` | (sensitivity + specificity)/2 |
 * | `matthews` | (TP·TN − FP·FN)/√((TP+FP)(TP+FN)(TN+FP)(TN+FN)) |
 * | `cohenKappa` | 2(TP·TN − FP·FN)/((TP+FP)(FP+TN) + (TP+FN)(FN+TN)) |
 * | `volumeSimilarity` | 1 − \|FN − FP\|/(2TP + FP + FN) |
 *
 * each `({ average, emptyClass, includeBackground })`, see `ScoreOptions`. With `'micro'` the counts of the labels are
 * added first, TN too; over all labels, `sensitivity({ average: 'micro' })` is the fraction of pixels that are right.
 * With `emptyClass: 'skip'` the Dice of one image is MONAI's with `ignore_empty=True`, with `'one'` that with
 * `ignore_empty=False`.
 * Shapes: `average: 'none'` gives a Float64Array in the order of `labels`, without 0 under `includeBackground: false`.
 * Units and range: ratios in [0, 1]; `matthews` and `cohenKappa` in [−1, 1]. A mean over nothing is NaN.
 * Numerics: counts are exact integers up to 2⁵³ pixels, and so the same in whatever order and split they were counted;
 * a score is a few roundings of f64 away from the exact one (`test/metrics-oracle.test.ts`).
 * Errors: `RangeError` for a label that is none of `labels`; `TypeError` and `RangeError` for options that are none.
 *
 * @example
 * ```ts
 * import { confusionMatrix } from 'segloss/metrics';
 *
 * const target = new Uint8Array([0, 0, 1, 1, 2, 2]);
 * const pred = new Uint8Array([0, 1, 1, 1, 2, 0]);
 * const matrix = confusionMatrix(pred, target, { classes: 3 });
 * matrix.counts(1); // => {"tp": 2, "fp": 1, "fn": 0, "tn": 3}
 * matrix.dice({ average: 'none' })[1]; // => 0.8
 * matrix.sensitivity({ includeBackground: false }); // => 0.75
 * ```
 */
export class ConfusionMatrix {
  /** The labels, ascending: the classes given, or those that occur. */
  readonly labels: readonly number[];
  /** Triples of target label, predicted label, pixels; in any order, a pair at most once. */
  readonly #cells: Float64Array;
  readonly #counts: ReadonlyMap<number, Counts>;

  /** @internal */
  constructor(labels: Iterable<number>, cells: Float64Array) {
    this.labels = [...new Set(labels)].sort((a, b) => a - b);
    this.#cells = cells;
    const sums = new Map(this.labels.map((label) => [label, { hits: 0, inTarget: 0, inPred: 0 }]));
    let total = 0;
    eachCell(cells, (target, pred, pixels) => {
      const [row, column] = [sums.get(target), sums.get(pred)];
      if (row === undefined || column === undefined) return;
      total += pixels;
      row.inTarget += pixels;
      column.inPred += pixels;
      if (row === column) row.hits += pixels;
    });
    const counts = Array.from(sums, ([label, { hits, inTarget, inPred }]) => {
      const [fp, fn] = [inPred - hits, inTarget - hits];
      return [label, { tp: hits, fp, fn, tn: total - hits - fp - fn }] as const;
    });
    this.#counts = new Map(counts);
  }

  /** How the pixels of this label were predicted, against all others. */
  counts(label: number): Counts {
    const counts = this.#counts.get(label);
    if (counts === undefined) {
      throw new RangeError(`"label" expected one of ${list(this.labels)}, got ${show(label)}`);
    }
    return { ...counts };
  }

  /** How many pixels of label `target` were predicted as `pred`. */
  pixels(target: number, pred: number): number {
    let found = 0;
    eachCell(this.#cells, (t, p, pixels) => {
      if (t === target && p === pred) found = pixels;
    });
    return found;
  }

  /** The counts of both together, over the labels of either; neither operand changes. */
  merge(other: ConfusionMatrix): ConfusionMatrix {
    if (!(other instanceof ConfusionMatrix)) {
      throw new TypeError(`"other" expected a ConfusionMatrix, got ${show(other)}`);
    }
    const places = new Map<string, number>();
    const merged: number[] = [];
    const collect = (target: number, pred: number, pixels: number): void => {
      const key = `${target} ${pred}`;
      const place = places.get(key);
      if (place === undefined) {
        places.set(key, merged.push(target, pred, pixels) - 1);
      } else {
        merged[place] = (merged[place] as number) + pixels;
      }
    };
    eachCell(this.#cells, collect);
    eachCell(other.#cells, collect);
    return new ConfusionMatrix([...this.labels, ...other.labels], Float64Array.from(merged));
  }

  /** Plain data: the labels, and triples of target label, predicted label and pixels where there are any, in order. */
  toJSON(): { labels: number[]; pixels: number[][] } {
    const pixels: [number, number, number][] = [];
    eachCell(this.#cells, (...cell) => pixels.push(cell));
    pixels.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return { labels: [...this.labels], pixels };
  }

  /** @internal */
  [INSPECT](): string {
    return printMatrix(this);
  }

  /** The matrix whose `toJSON` gave this. */
  static from(json: unknown): ConfusionMatrix {
    const { labels, pixels } = (json ?? {}) as Record<string, unknown>;
    if (typeof json !== 'object' || !Array.isArray(labels) || !Array.isArray(pixels)) {
      throw new TypeError(
        `ConfusionMatrix.from expected what JSON.parse gives of a written one, got ${show(json)}`,
      );
    }
    checkNames(json as object, ['labels', 'pixels'], 'ConfusionMatrix');
    labels.forEach((label, i) => {
      INTEGER(label, `labels[${i}]`);
    });
    const known = new Set(labels);
    pixels.forEach((cell: unknown, i) => {
      const right = Array.isArray(cell) && cell.length === 3 && known.has(cell[0]) && known.has(cell[1]);
      if (!right || !Number.isSafeInteger(cell[2]) || (cell[2] as number) <= 0) {
        throw new RangeError(`"pixels[${i}]" expected [label, label, integer > 0], got ${show(cell)}`);
      }
    });
    return new ConfusionMatrix(labels as number[], Float64Array.from((pixels as number[][]).flat()));
  }

  dice<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('dice', ratios.dice, options);
  }

  jaccard<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('jaccard', ratios.jaccard, options);
  }

  sensitivity<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('sensitivity', ratios.sensitivity, options);
  }

  specificity<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('specificity', ratios.specificity, options);
  }

  precision<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('precision', ratios.precision, options);
  }

  negativePredictiveValue<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('negativePredictiveValue', ratios.negativePredictiveValue, options);
  }

  fBeta<A extends Average = 'macro'>(options: FBetaOptions<A> = {}): Score<A> {
    const { beta = 1 } = checkOptions('fBeta', options, F_BETA_RULES);
    return this.#average(ratios.fBeta(beta), options);
  }

  accuracy<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('accuracy', ratios.accuracy, options);
  }

  balancedAccuracy<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('balancedAccuracy', ratios.balancedAccuracy, options);
  }

  matthews<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('matthews', ratios.matthews, options);
  }

  cohenKappa<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('cohenKappa', ratios.cohenKappa, options);
  }

  volumeSimilarity<A extends Average = 'macro'>(options?: ScoreOptions<A>): Score<A> {
    return this.#score('volumeSimilarity', ratios.volumeSimilarity, options);
  }

  #score<A extends Average>(name: string, ratio: Ratio, options: ScoreOptions<A> = {}): Score<A> {
    return this.#average(ratio, checkOptions(name, options, SCORE_RULES));
  }

  #average<A extends Average>(ratio: Ratio, options: ScoreOptions<A>): Score<A> {
    const { average = 'macro', emptyClass = 'nan', includeBackground = true } = options;
    const score = (counts: Counts): number => {
      if (emptyClass === 'skip' && counts.tp + counts.fn === 0) return NaN;
      const value = ratio(counts);
      if (Number.isNaN(value) && emptyClass === 'zero') return 0;
      if (Number.isNaN(value) && emptyClass === 'one') return 1;
      return value;
    };
    const kept = this.labels.filter((label) => includeBackground || label !== 0).map((k) => this.counts(k));
    if (average === 'none') return Float64Array.from(kept, score) as Score<A>;
    if (average === 'micro') return score(kept.reduce(add, { tp: 0, fp: 0, fn: 0, tn: 0 })) as Score<A>;
    let [sum, weights] = [0, 0];
    for (const counts of kept) {
      const value = score(counts);
      if (Number.isNaN(value)) continue;
      const weight = average === 'weighted' ? counts.tp + counts.fn : 1;
      sum += weight * value;
      weights += weight;
    }
    return (sum / weights) as Score<A>;
  }
}

function add(a: Counts, b: Counts): Counts {
  return { tp: a.tp + b.tp, fp: a.fp + b.fp, fn: a.fn + b.fn, tn: a.tn + b.tn };
}

const INTEGER = number({ integer: true });
const MOST_CLASSES = 65_536;

function list(labels: readonly number[]): string {
  const shown = labels.slice(0, 12).join(', ');
  return `[${labels.length > 12 ? `${shown}, … ${labels.length} labels` : shown}]`;
}

const classes = (value: unknown, name: string): void => {
  if (typeof value === 'number') {
    number({ min: 1, max: MOST_CLASSES, integer: true })(value, name);
    return;
  }
  if (!Array.isArray(value)) {
    throw new TypeError(`"${name}" expected a number of classes or an array of labels, got ${show(value)}`);
  }
  numbers({ integer: true })(value, name);
  if (value.length === 0) throw new RangeError(`"${name}" expected at least one label, got an empty list`);
  const twice: unknown = value.find((label, i) => value.indexOf(label) !== i);
  if (twice !== undefined) {
    throw new RangeError(`"${name}" expected each label once, got ${show(twice)} more than once`);
  }
};

const RULES: Rules = { classes, ignoreIndex: INTEGER, mask: () => undefined };

/**
 * Counts how often each label of the target was predicted as each label.
 *
 * Formula: n_tp = the number of pixels of label t predicted as p, over the pixels that are neither masked nor ignored.
 * Shapes: two label maps of one length, of any shape, each of any type that holds integers (8, 16, 32 bits, floats);
 * the two types may differ. Labels may be any integers up to 2⁵³, with gaps, negative ones too. `mask`: the same length.
 * Units and range: pixels.
 * Numerics: exact, whatever the order and the split (`test/metrics.test.ts`); memory does not grow with the length.
 * Errors: `TypeError` for what is no typed array or an option that is none; `ShapeError` where lengths differ;
 * `RangeError` for an entry that is no integer or a label that is none of `classes`, with its index. Where a pixel is
 * masked or ignored nothing is checked.
 *
 * @example
 * ```ts
 * import { ConfusionMatrix, confusionMatrix } from 'segloss/metrics';
 *
 * const truth = new Uint8Array([0, 7, 7, 255]);
 * const left = confusionMatrix(new Uint16Array([0, 7]), truth.subarray(0, 2), { ignoreIndex: 255 });
 * const right = confusionMatrix(new Uint16Array([0, 9]), truth.subarray(2), { ignoreIndex: 255 });
 * const whole = ConfusionMatrix.from(JSON.parse(JSON.stringify(left.merge(right))));
 * whole.labels; // => [0, 7]
 * [...whole.jaccard({ average: 'none' })]; // => [0.5, 0.5]
 * ```
 */
export function confusionMatrix(
  pred: LabelArray,
  target: LabelArray,
  options?: ConfusionMatrixOptions,
): ConfusionMatrix {
  // Checking copies options, which a mask is too large for.
  const { mask: given, ...rest } = Object(options) as ConfusionMatrixOptions;
  const isObject = typeof options === 'object' && (options as unknown) !== null && !Array.isArray(options);
  const { classes, ignoreIndex } = checkOptions('confusionMatrix', isObject ? rest : options, RULES);
  checkLabelPair(pred, target);
  const mask = checkMask(given, { samples: 1, pixels: pred.length, shape: [1, 1, pred.length], last: false });
  const counted = countPairs(pred, target, mask, ignoreIndex);
  if ('argument' in counted) {
    const entries = { pred, target, mask: mask ?? [] };
    refuseEntry(entries[counted.argument], counted.argument, counted.index);
  }
  const met = new Set<number>();
  eachCell(counted, (t, p) => met.add(t).add(p));
  if (classes === undefined) return new ConfusionMatrix(met, counted);
  const labels = typeof classes === 'number' ? Array.from({ length: classes }, (_, k) => k) : classes;
  const known = new Set(labels);
  for (const label of met) {
    if (known.has(label)) continue;
    refuseLabel(pred, target, { mask, ignoreIndex, known, labels, count: typeof classes === 'number' });
  }
  return new ConfusionMatrix(labels, counted);
}

interface Accepted {
  readonly mask: ArrayLike<number> | undefined;
  readonly ignoreIndex: number | undefined;
  readonly known: ReadonlySet<number>;
  readonly labels: readonly number[];
  /** Whether the classes were given by their number. */
  readonly count: boolean;
}

/** Finds the first label that is none of the classes, which the counts say is there. */
function refuseLabel(pred: LabelArray, target: LabelArray, accepted: Accepted): never {
  const { mask, ignoreIndex, known, labels, count } = accepted;
  const expected = count ? `labels 0…${labels.length - 1}` : `one of the labels ${list(labels)}`;
  for (let i = 0; i < target.length; i++) {
    if (mask?.[i] === 0 || target[i] === ignoreIndex) continue;
    for (const [name, { [i]: label = NaN }] of [['target', target] as const, ['pred', pred] as const]) {
      if (known.has(label)) continue;
      const hints: string[] = [];
      if (name === 'target' && label === 255)
        hints.push('set ignoreIndex: 255 if it marks pixels to leave out');
      if (label === 255 && labels.length <= 2) hints.push('divide by 255 if it marks the foreground');
      if (name === 'pred' && label === ignoreIndex)
        hints.push('ignoreIndex leaves out pixels by their target alone');
      const hint = hints.length > 0 ? `; ${hints.join(', or ')}` : '';
      throw new RangeError(`"${name}" expected ${expected}, got ${label} at index ${i}${hint}`);
    }
  }
  throw new Error('unreachable: a counted label is in neither array');
}
