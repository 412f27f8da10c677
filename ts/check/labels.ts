/**
 * Checks of label maps and their grids. What passes is an invariant of the metrics.
 */
import { ShapeError } from '../errors.js';
import type { Float16ArrayLike, Target } from '../types.js';
import { describeKind, product, typeName } from './call.js';
import { labelHint } from './hints.js';
import { LABEL_KINDS } from './kinds.js';
import { show } from './options.js';

/** A label map: one integer a pixel, of any type that holds integers. */
export type LabelArray = Target | Float16ArrayLike;

function checkLabels(labels: unknown, name: string): asserts labels is LabelArray {
  const type = typeName(labels);
  if (type in LABEL_KINDS) return;
  const hint = type.startsWith('Big') ? '; Int32Array.from(labels, Number) makes one' : '';
  throw new TypeError(
    `"${name}" expected a label map, one integer a pixel, as a typed array (${Object.keys(LABEL_KINDS).join(', ')}), ` +
      `got ${describeKind(labels)}${hint}`,
  );
}

/** What a length that is a multiple of the right one most likely means. */
function lengthHint(length: number, expected: number): string {
  const times = length / expected;
  if (times === 4) return 'four times as long: an RGBA picture? take one of its channels';
  if (Number.isInteger(times) && times > 1) {
    return `${times} times as long: one-hot or scores? a label map holds one class a pixel, the arg-max of its channels`;
  }
  return '';
}

/** Two label maps of one length; `shape`, where given, says which. */
export function checkLabelPair(pred: unknown, target: unknown, shape?: readonly number[]): void {
  checkLabels(pred, 'pred');
  checkLabels(target, 'target');
  if (shape !== undefined) {
    const pixels = shape.reduce((a, b) => a * b, 1);
    for (const [name, { length }] of Object.entries({ pred, target })) {
      if (length === pixels) continue;
      const expected = `length ${product(...shape)}, the product of shape`;
      throw new ShapeError(name, expected, String(length), lengthHint(length, pixels));
    }
  }
  if (pred.length === target.length) return;
  const [name, other] =
    pred.length > target.length ? (['pred', 'target'] as const) : (['target', 'pred'] as const);
  const [longer, shorter] = [Math.max(pred.length, target.length), Math.min(pred.length, target.length)];
  throw new ShapeError(
    name,
    `length ${shorter}, that of "${other}"`,
    String(longer),
    lengthHint(longer, shorter),
  );
}

/** The shape of a picture or volume. */
export function checkGridShape(shape: unknown): readonly number[] {
  if (!Array.isArray(shape)) {
    throw new TypeError(`"shape" expected an array of integers, that of the label maps, got ${show(shape)}`);
  }
  const expected = '[height, width] or [depth, height, width]';
  if (shape.length !== 2 && shape.length !== 3) {
    const hint = shape.length > 3 ? 'measure one case at a time, without axes for batch and channels' : '';
    throw new ShapeError('shape', expected, show(shape), hint);
  }
  if (!shape.every((size) => Number.isInteger(size) && (size as number) >= 0)) {
    throw new ShapeError('shape', `${expected}, each an integer ≥ 0`, show(shape));
  }
  return [...(shape as number[])];
}

/** The spacing along each axis of the shape. */
export function checkSpacing(spacing: unknown, rank: number): readonly number[] {
  if (spacing === undefined) return new Array<number>(rank).fill(1);
  const length = (spacing as ArrayLike<unknown> | null)?.length;
  if (typeof spacing !== 'object' || typeof length !== 'number') {
    throw new TypeError(`"spacing" expected ${rank} numbers, in the order of "shape", got ${show(spacing)}`);
  }
  if (length !== rank) {
    throw new ShapeError('spacing', `${rank} numbers, in the order of "shape"`, `${length}`);
  }
  return Array.from(spacing as ArrayLike<unknown>, (entry) => {
    if (typeof entry !== 'number' || !Number.isFinite(entry) || entry <= 0) {
      throw new RangeError(`"spacing" expected finite numbers > 0, got ${show(entry)}`);
    }
    return entry;
  });
}

/** Throws for an entry that is no integer. */
export function refuseEntry(labels: LabelArray | ArrayLike<number>, name: string, index: number): never {
  const value = labels[index];
  if (name === 'mask') {
    throw new RangeError(`"mask" expected numbers, 0 to leave a pixel out, got NaN at index ${index}`);
  }
  const scores = value !== undefined && value > 0 && value < 1;
  const likely =
    labelHint(value ?? NaN) ||
    (scores ? 'these look like probabilities: threshold them, or take their arg-max' : '');
  const hint = likely && `; ${likely}`;
  throw new RangeError(`"${name}" expected labels, integers, got ${value} at index ${index}${hint}`);
}
