/** Results as a table for people, as CSV and as JSON lines. */
import Table from 'cli-table3';
import {
  type Evaluation,
  type EvalOptions,
  type LabelRow,
  LESIONS,
  meanOf,
  OVERLAP,
  type ScoreName,
  scoreNames,
  SURFACE,
} from './evaluate.js';
import type { Names } from './labels.js';
import { failed, type Line } from './run.js';

const COUNTS = ['tp', 'fp', 'fn'] as const;
const LESION_COUNTS = ['lesionHits', 'lesionMisses', 'lesionFalseAlarms'] as const;
type Count = (typeof COUNTS)[number] | (typeof LESION_COUNTS)[number];

const TITLES: Record<ScoreName | Count, string> = {
  tp: 'TP',
  fp: 'FP',
  fn: 'FN',
  lesionHits: 'hits',
  lesionMisses: 'misses',
  lesionFalseAlarms: 'false alarms',
  dice: 'Dice',
  jaccard: 'Jaccard',
  sensitivity: 'sensitivity',
  specificity: 'specificity',
  precision: 'precision',
  volumeSimilarity: 'volume sim.',
  hausdorff: 'Hausdorff',
  hausdorff95: 'HD 95',
  symmetricAverageDistance: 'avg. dist.',
  surfaceDice: 'surface Dice',
  lesionSensitivity: 'lesion sens.',
  lesionPrecision: 'lesion prec.',
  lesionF1: 'lesion F1',
};

/** Four decimals; 0/0 as a dash. */
export function show(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  return Number.isInteger(value) && Math.abs(value) > 1 ? String(value) : value.toFixed(4);
}

/** Text columns first, all others aligned right; no colours, so that a file gets the same as a screen. */
export function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: number,
): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, i) => (i < textColumns ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

const nameOf = (label: number, names: Names): string => names[String(label)] ?? '';

/** The columns of a table each: all in one would be wider than a screen. */
function groupsOf(options: EvalOptions): readonly (readonly (ScoreName | Count)[])[] {
  return [
    [...OVERLAP, ...COUNTS],
    ...(options.surface ? [SURFACE] : []),
    ...(options.lesions ? [[...LESIONS, ...LESION_COUNTS]] : []),
  ];
}

const isCount = (name: ScoreName | Count): name is Count =>
  ([...COUNTS, ...LESION_COUNTS] as string[]).includes(name);

/** One pair: its labels, and their mean. */
function pairTables({ labels, mean }: Evaluation, options: EvalOptions, names: Names): string[] {
  return groupsOf(options).map((columns) => {
    const rows = labels.map((row) => [
      String(row.label),
      nameOf(row.label, names),
      ...columns.map((name) => (isCount(name) ? String(row[name]) : show(row[name]))),
    ]);
    const last = ['mean', '', ...columns.map((name) => (isCount(name) ? '' : show(mean[name])))];
    return tableOf(['label', 'name', ...columns.map((name) => TITLES[name])], [...rows, last], 2);
  });
}

/** Each label over the cases; undefined scores are left out of its means. */
export interface LabelSummary {
  readonly label: number;
  readonly name: string;
  /** Cases in which prediction or truth holds it. */
  readonly cases: number;
  readonly meanDice: number;
  readonly medianDice: number;
  readonly worstDice: number;
  /** Of the counts of all cases together. */
  readonly pooledDice: number;
}

export function summaryOf(evaluations: readonly Evaluation[], names: Names): LabelSummary[] {
  const byLabel = new Map<number, LabelRow[]>();
  for (const { labels } of evaluations) {
    for (const row of labels) byLabel.set(row.label, [...(byLabel.get(row.label) ?? []), row]);
  }
  return [...byLabel]
    .sort(([a], [b]) => a - b)
    .map(([label, rows]) => {
      const dice = rows
        .map((row) => row.dice ?? NaN)
        .filter((value) => !Number.isNaN(value))
        .sort((a, b) => a - b);
      const middle = [dice[(dice.length - 1) >> 1], dice[dice.length >> 1]].map((value) => value ?? NaN);
      const [tp, fp, fn] = COUNTS.map((count) => rows.reduce((sum, row) => sum + row[count], 0)) as [
        number,
        number,
        number,
      ];
      return {
        label,
        name: nameOf(label, names),
        cases: rows.filter((row) => row.tp + row.fp + row.fn > 0).length,
        meanDice: meanOf(dice),
        medianDice: meanOf(middle),
        worstDice: dice[0] ?? NaN,
        pooledDice: (2 * tp) / (2 * tp + fp + fn),
      };
    });
}

function summaryTable(summary: readonly LabelSummary[]): string {
  const head = ['label', 'name', 'cases', 'mean Dice', 'median', 'worst', 'pooled'];
  const rows = summary.map(({ label, name, cases, meanDice, medianDice, worstDice, pooledDice }) => [
    String(label),
    name,
    String(cases),
    ...[meanDice, medianDice, worstDice, pooledDice].map(show),
  ]);
  return tableOf(head, rows, 2);
}

/** The cases, each by the mean over its labels. */
function casesTables(lines: readonly Line<Evaluation>[], options: EvalOptions): string[] {
  const done = lines.flatMap((line) => (failed(line) ? [] : [line]));
  return groupsOf(options).map((group) => {
    const columns = group.filter((name) => !isCount(name)) as ScoreName[];
    const rows = lines.map((line) => [
      line.case,
      ...columns.map((name, i) => (failed(line) ? (i === 0 ? 'failed' : '') : show(line.mean[name]))),
    ]);
    const mean = ['mean', ...columns.map((name) => show(meanOf(done.map((line) => line.mean[name] ?? NaN))))];
    return tableOf(['case', ...columns.map((name) => TITLES[name])], [...rows, mean], 1);
  });
}

/** For one pair its labels; for many the cases, and the labels over the cases. */
export function evalTables(
  lines: readonly Line<Evaluation>[],
  options: EvalOptions,
  names: Names,
  pair: boolean,
): string {
  const done = lines.flatMap((line) => (failed(line) ? [] : [line]));
  const tables = pair
    ? done.flatMap((line) => pairTables(line, options, names))
    : [...casesTables(lines, options), summaryTable(summaryOf(done, names))];
  return tables.join('\n');
}

/** A line of CSV: text with a comma, a quote or a line break in quotes; undefined numbers are empty. */
export function csvLine(cells: readonly (string | number | undefined)[]): string {
  return cells
    .map((cell) => {
      if (cell === undefined || Number.isNaN(cell)) return '';
      const text = String(cell);
      return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(',');
}

/** A line for each label of each case; a failed case has one, with its error. */
export function evalCsv(lines: readonly Line<Evaluation>[], options: EvalOptions, names: Names): string {
  const columns = [
    ...COUNTS,
    'tn',
    ...scoreNames(options),
    ...(options.lesions ? LESION_COUNTS : []),
  ] as const;
  const head = csvLine(['case', 'label', 'name', ...columns, 'pred', 'truth', 'error']);
  const rows = lines.flatMap((line) => {
    const { pred, truth } = line;
    if (failed(line))
      return [csvLine([line.case, '', '', ...columns.map(() => ''), pred, truth, line.error])];
    return line.labels.map((row) =>
      csvLine([
        line.case,
        row.label,
        nameOf(row.label, names),
        ...columns.map((name) => row[name]),
        pred,
        truth,
        '',
      ]),
    );
  });
  return [head, ...rows].join('\n');
}
