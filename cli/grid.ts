/** Lays a prediction on the truth's grid, where both are the same voxels of the world, or says why not. */
import { CaseError } from './errors.js';
import { type Affine, type Elements, showShape, sizeOf, stridesOf, type Volume } from './read/volume.js';

/** How far a voxel may lie from its partner, in voxels: headers round to 32 bits, quaternions lose some more. */
const SLACK = 0.05;

/** Where each spatial axis of the truth runs in the prediction. */
interface Axis {
  readonly axis: number;
  readonly reversed: boolean;
}

const three = (shape: readonly number[]): number[] => [0, 1, 2].map((axis) => shape[axis] ?? 1);

type Row = [number, number, number];

/** Voxel index of the truth → voxel index of the prediction: columns and offset of inverse(pred)·truth. */
function relation(pred: Affine, truth: Affine): { matrix: Row[]; offset: Row } | undefined {
  const [a, b, c] = [0, 1, 2].map((r) => pred[r]!.slice(0, 3) as Row) as [Row, Row, Row];
  const cross = (u: Row, v: Row): Row => [
    u[1] * v[2] - u[2] * v[1],
    u[2] * v[0] - u[0] * v[2],
    u[0] * v[1] - u[1] * v[0],
  ];
  const dot = (u: Row, v: Row): number => u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
  const determinant = dot(a, cross(b, c));
  if (!(Math.abs(determinant) > 0)) return undefined;
  // The columns of the inverse.
  const inverse = [cross(b, c), cross(c, a), cross(a, b)];
  const into = (v: Row): Row =>
    [0, 1, 2].map(
      (r) => (inverse[0]![r]! * v[0] + inverse[1]![r]! * v[1] + inverse[2]![r]! * v[2]) / determinant,
    ) as Row;
  const column = (c: number): Row => [0, 1, 2].map((r) => truth[r]![c]!) as Row;
  const columns = [0, 1, 2].map((c) => into(column(c)));
  const shift = [0, 1, 2].map((r) => truth[r]![3]! - pred[r]![3]!) as Row;
  return { matrix: [0, 1, 2].map((r) => columns.map((column) => column[r]!) as Row), offset: into(shift) };
}

/** Which axis of the prediction each of the truth's runs along; undefined where the grids are not the same voxels. */
function sameVoxels(pred: Volume, truth: Volume): Axis[] | undefined {
  const found = relation(pred.affine!, truth.affine!);
  if (found === undefined) return undefined;
  const { matrix, offset } = found;
  const [from, to] = [three(pred.shape), three(truth.shape)];
  const axes: Axis[] = [];
  for (const [axis, row] of matrix.entries()) {
    const along = row.findIndex((entry) => Math.abs(entry) > 0.5);
    if (along < 0 || axes[along] !== undefined || from[axis] !== to[along]) return undefined;
    const reversed = row[along]! < 0;
    // The farthest that any corner of the grid is from where it should be.
    const ends = row.map((entry, t) => (entry - (t === along ? (reversed ? -1 : 1) : 0)) * (to[t]! - 1));
    const start = offset[axis]! - (reversed ? from[axis]! - 1 : 0);
    const low = start + ends.reduce((sum, end) => sum + Math.min(end, 0), 0);
    const high = start + ends.reduce((sum, end) => sum + Math.max(end, 0), 0);
    if (!(Math.max(-low, high) <= SLACK)) return undefined;
    axes[along] = { axis, reversed };
  }
  return axes;
}

/** The prediction's elements in the order of `shape`, whose axes run along these of the prediction. */
function gather(pred: Volume, shape: readonly number[], order: 'C' | 'F', axes: readonly Axis[]): Elements {
  const strides = stridesOf(pred);
  let start = 0;
  const steps = axes.map(({ axis, reversed }, i) => {
    if (reversed) start += strides[axis]! * (shape[i]! - 1);
    return reversed ? -strides[axis]! : strides[axis]!;
  });
  const slowToFast = [...shape.keys()];
  if (order === 'F') slowToFast.reverse();
  const result = new (pred.data.constructor as new (length: number) => Elements)(sizeOf(shape));
  let to = 0;
  const walk = (level: number, from: number): void => {
    const axis = slowToFast[level]!;
    const [count, step] = [shape[axis]!, steps[axis]!];
    if (level === slowToFast.length - 1) {
      for (let i = 0; i < count; i++, from += step) result[to++] = pred.data[from]!;
    } else {
      for (let i = 0; i < count; i++) walk(level + 1, from + i * step);
    }
  };
  if (result.length > 0) walk(0, start);
  return result;
}

function showAffine(affine: Affine): string {
  return affine
    .slice(0, 3)
    .map((row) => `    ${row.map((x) => String(Number(x.toPrecision(6))).padStart(9)).join(' ')}`)
    .join('\n');
}

const equal = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

function refuseShape(pred: Volume, truth: Volume): never {
  const hint = equal([...pred.shape].reverse(), truth.shape)
    ? 'One has its axes in reverse, as SimpleITK and nibabel differ: transpose one of them.'
    : pred.shape.length > truth.shape.length
      ? 'The prediction has an axis more: take its arg-max over the classes first, or use "segloss loss" for logits and probabilities.'
      : 'Resample the prediction to the grid of the truth, with nearest neighbour.';
  throw new CaseError(
    `${pred.path} has ${showShape(pred.shape)} voxels, but ${truth.path} has ${showShape(truth.shape)}; expected one shape. ${hint}`,
  );
}

function refuseAffine(pred: Volume, truth: Volume): never {
  throw new CaseError(
    `${pred.path} and ${truth.path} lie on different grids: their affines (voxel index to millimetres) differ by more than a flip or a swap of axes. Expected one grid, got\n  prediction, ${showShape(pred.shape)}:\n${showAffine(pred.affine!)}\n  truth, ${showShape(truth.shape)}:\n${showAffine(truth.affine!)}\n  Resample the prediction to the grid of the truth, with nearest neighbour.`,
  );
}

/**
 * The prediction with the truth's axes in the truth's order; the same object where it lies so already. Axes beyond the
 * truth's (classes) stay behind them.
 */
export function onGridOf(truth: Volume, pred: Volume, extraAxes = 0): { pred: Volume; reoriented: boolean } {
  const rank = truth.shape.length;
  const spatial = { ...pred, shape: pred.shape.slice(0, pred.shape.length - extraAxes) };
  let axes: Axis[] = truth.shape.map((_, axis) => ({ axis, reversed: false }));
  const located =
    pred.affine !== undefined && truth.affine !== undefined && rank <= 3 && spatial.shape.length === rank;
  if (located) {
    const found = sameVoxels(spatial, truth)?.slice(0, rank);
    if (found === undefined || found.some(({ axis }) => axis >= rank))
      return equal(spatial.shape, truth.shape) ? refuseAffine(spatial, truth) : refuseShape(spatial, truth);
    axes = found;
  } else if (!equal(spatial.shape, truth.shape)) {
    return refuseShape(spatial, truth);
  }
  const extra = pred.shape.slice(pred.shape.length - extraAxes);
  const reoriented = axes.some(({ axis, reversed }, i) => axis !== i || reversed);
  if (!reoriented && pred.order === truth.order) return { pred, reoriented };
  const all = [...axes, ...extra.map((_, i) => ({ axis: rank + i, reversed: false }))];
  const shape = [...truth.shape, ...extra];
  const data = gather(pred, shape, truth.order, all);
  const { affine, spacing } = truth;
  return {
    pred: {
      path: pred.path,
      data,
      shape,
      order: truth.order,
      ...(spacing && { spacing }),
      ...(affine && { affine }),
    },
    reoriented,
  };
}

/** The same array with its last axis contiguous, as NumPy has it by default. */
export function inOrderC(volume: Volume): Volume {
  if (volume.order === 'C') return volume;
  const axes = volume.shape.map((_, axis) => ({ axis, reversed: false }));
  return { ...volume, order: 'C', data: gather(volume, volume.shape, 'C', axes) };
}
