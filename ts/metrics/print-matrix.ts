import { brief, first } from '../inspect.js';
import type { ConfusionMatrix } from './confusion-matrix.js';

const WIDTH = 11;
const line = (cells: readonly (string | number)[]): string =>
  cells.map((cell) => String(cell).padStart(WIDTH)).join('');

/** The counts and the Dice of each label. */
export function printMatrix(matrix: ConfusionMatrix): string {
  const dice = matrix.dice({ average: 'none' });
  const row = (label: number): string => {
    const { tp, fp, fn } = matrix.counts(label);
    return line([label, tp, fp, fn, brief(dice[matrix.labels.indexOf(label)] ?? NaN)]);
  };
  const head = line(['label', 'tp', 'fp', 'fn', 'dice']);
  return [`ConfusionMatrix of ${matrix.labels.length} labels`, head, first(matrix.labels, row, '\n')].join(
    '\n',
  );
}
