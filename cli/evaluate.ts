/** The scores of one case. */
import { type ConfusionMatrix, confusionMatrix, lesions, surfaceDistances } from 'segloss/metrics';
import type { Case } from './cases.js';
import { CaseError, messageOf } from './errors.js';
import { type PairOptions, readPair } from './pair.js';
import type { Volume } from './read/volume.js';

export interface EvalOptions extends PairOptions {
  readonly emptyClass?: 'nan' | 'skip' | 'zero' | 'one';
  readonly background?: boolean;
  readonly surface?: 'voxels' | 'surfels';
  readonly tolerance?: number;
  readonly lesions?: boolean;
  readonly connectivity?: number;
  readonly minOverlap?: number;
  readonly spacing?: readonly number[];
}

/** The overlap scores of a label, by the names of `ConfusionMatrix`. */
export const OVERLAP = [
  'dice',
  'jaccard',
  'sensitivity',
  'specificity',
  'precision',
  'volumeSimilarity',
] as const;
export const SURFACE = ['hausdorff', 'hausdorff95', 'symmetricAverageDistance', 'surfaceDice'] as const;
export const LESIONS = ['lesionSensitivity', 'lesionPrecision', 'lesionF1'] as const;

export type ScoreName = (typeof OVERLAP)[number] | (typeof SURFACE)[number] | (typeof LESIONS)[number];
export type Scores = { readonly [name in ScoreName]?: number };

/** Whole numbers, which add over cases. */
export interface LabelCounts {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
  readonly lesionHits?: number;
  readonly lesionMisses?: number;
  readonly lesionFalseAlarms?: number;
}

export type LabelRow = { readonly label: number } & LabelCounts & Scores;

export interface Evaluation {
  readonly shape: readonly number[];
  readonly spacing?: readonly number[];
  readonly voxels: number;
  /** The means over `labels`, undefined scores left out. */
  readonly mean: Scores;
  readonly labels: readonly LabelRow[];
  readonly notes: readonly string[];
}

/** The scores that these options ask for, in the order of the table. */
export function scoreNames(options: EvalOptions): ScoreName[] {
  return [...OVERLAP, ...(options.surface ? SURFACE : []), ...(options.lesions ? LESIONS : [])];
}

export function meanOf(values: readonly number[]): number {
  const defined = values.filter((value) => !Number.isNaN(value));
  return defined.reduce((sum, value) => sum + value, 0) / defined.length;
}

/** Shape and spacing as memory has them, last axis fastest. */
function kernelGrid(
  { shape, order, spacing }: Volume,
  given: readonly number[] | undefined,
): { shape: number[]; spacing: number[] } {
  const along = given ?? spacing ?? shape.map(() => 1);
  if (along.length !== shape.length) {
    throw new CaseError(
      `--spacing expected ${shape.length} numbers, one an axis of ${shape.join(' × ')}, got ${along.length}.`,
    );
  }
  const sort = <T>(list: readonly T[]): T[] => (order === 'F' ? [...list].reverse() : [...list]);
  return { shape: sort(shape), spacing: sort(along) };
}

/** Ignored voxels are background in both: surfaces and lesions know no ignored label. */
function withoutIgnored(pred: Volume, truth: Volume, ignore: number): void {
  for (let i = 0; i < truth.data.length; i++) {
    if (truth.data[i] === ignore) truth.data[i] = pred.data[i] = 0;
  }
}

function surfaceScores(pred: Volume, truth: Volume, label: number, options: EvalOptions): Scores {
  if (options.surface === undefined) return {};
  const grid = kernelGrid(truth, options.spacing);
  const found = surfaceDistances(pred.data, truth.data, { ...grid, label, surface: options.surface });
  return {
    hausdorff: found.hausdorff(),
    hausdorff95: found.hausdorff(95),
    symmetricAverageDistance: found.symmetricAverageDistance(),
    surfaceDice: found.surfaceDice(options.tolerance ?? 1),
  };
}

function lesionScores(
  pred: Volume,
  truth: Volume,
  label: number,
  options: EvalOptions,
): Scores & Partial<LabelCounts> {
  if (!options.lesions) return {};
  const { shape } = kernelGrid(truth, undefined);
  const { connectivity, minOverlap } = options;
  const found = lesions(pred.data, truth.data, { shape, label, connectivity, minOverlap });
  return {
    lesionHits: found.hits,
    lesionMisses: found.misses,
    lesionFalseAlarms: found.falseAlarms,
    lesionSensitivity: found.sensitivity,
    lesionPrecision: found.precision,
    lesionF1: found.f1,
  };
}

/** What the scores alone would not say. */
function remarks(matrix: ConfusionMatrix, labels: readonly number[]): string[] {
  const marked = (of: 'fp' | 'fn'): number[] =>
    labels.filter((label) => label !== 0 && matrix.counts(label).tp + matrix.counts(label)[of] > 0);
  const [inPred, inTruth] = [marked('fp'), marked('fn')];
  if (inPred.length === 0 || inTruth.length === 0 || inPred.some((label) => inTruth.includes(label)))
    return [];
  return [
    `the prediction holds the labels ${list(inPred)}, the truth ${list(inTruth)}: they share none; --foreground compares all that is not 0`,
  ];
}

const list = (labels: readonly number[]): string =>
  `${labels.slice(0, 8).join(', ')}${labels.length > 8 ? ', …' : ''}`;

export async function evaluate(one: Case, options: EvalOptions): Promise<Evaluation> {
  const { pred, truth, notes } = await readPair(one, options);
  const { emptyClass, background = false, ignore } = options;
  try {
    const matrix = confusionMatrix(pred.data, truth.data, { ignoreIndex: ignore });
    const kept = matrix.labels.filter((label) => background || label !== 0);
    if (ignore !== undefined && (options.surface || options.lesions)) withoutIgnored(pred, truth, ignore);
    const overlap = OVERLAP.map(
      (name) => [name, matrix[name]({ average: 'none', emptyClass, includeBackground: background })] as const,
    );
    const labels = kept.map((label, i): LabelRow => ({
      label,
      ...matrix.counts(label),
      ...(Object.fromEntries(overlap.map(([name, values]) => [name, values[i]!])) as Scores),
      ...surfaceScores(pred, truth, label, options),
      ...lesionScores(pred, truth, label, options),
    }));
    const mean = Object.fromEntries(
      scoreNames(options).map((name) => [name, meanOf(labels.map((row) => row[name] ?? NaN))]),
    ) as Scores;
    const { shape } = truth;
    const spacing = options.spacing ?? truth.spacing;
    return {
      shape,
      ...(spacing && { spacing }),
      voxels: truth.data.length,
      mean,
      labels,
      notes: [...notes, ...remarks(matrix, kept)],
    };
  } catch (error) {
    if (error instanceof CaseError) throw error;
    throw new CaseError(`${one.pred} against ${one.truth}: ${messageOf(error)}.`);
  }
}
