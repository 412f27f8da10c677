/** What every reader gives: an array with its grid. */

export type Elements =
  Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** Four rows of four: voxel index (x, y, z) to millimetres. */
export type Affine = readonly (readonly number[])[];

export interface Volume {
  readonly path: string;
  readonly data: Elements;
  /** As nibabel and numpy say it: NIfTI (x, y, z, …), .npy as stored, pictures (height, width). */
  readonly shape: readonly number[];
  /** Whether the last axis of `shape` is contiguous ('C') or the first ('F', NIfTI). */
  readonly order: 'C' | 'F';
  /** Along each axis of `shape`; undefined where the file does not say. */
  readonly spacing?: readonly number[];
  readonly affine?: Affine;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

export const showShape = (shape: readonly number[]): string => shape.join(' × ') || 'no axes';

/** Where the element at this offset is, as an index into an array of that shape. */
export function indexOf({ shape, order }: Pick<Volume, 'shape' | 'order'>, offset: number): number[] {
  const index = shape.map(() => 0);
  const axes = [...shape.keys()];
  if (order === 'C') axes.reverse();
  for (const axis of axes) {
    index[axis] = offset % shape[axis]!;
    offset = Math.floor(offset / shape[axis]!);
  }
  return index;
}

/** How far apart neighbours along each axis lie in memory. */
export function stridesOf({ shape, order }: Pick<Volume, 'shape' | 'order'>): number[] {
  const strides = shape.map(() => 1);
  const axes = [...shape.keys()];
  if (order === 'C') axes.reverse();
  let stride = 1;
  for (const axis of axes) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}
