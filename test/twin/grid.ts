/** Pixels as points of a grid: distances and skeletons, as they are defined. */
import { sum } from './problem.js';

/** A number a pixel; undefined where it does not count. */
export type Image = readonly (number | undefined)[];

function places(spatial: readonly number[]): number[][] {
  let all: number[][] = [[]];
  for (const size of spatial) {
    all = all.flatMap((place) => Array.from({ length: size }, (_, at) => [...place, at]));
  }
  return all;
}

/** Signed distances to the border of what is above 0.5: of a pixel of one kind to the nearest of the other. */
export function distances(
  image: Image,
  spatial: readonly number[],
  spacing: readonly number[] = spatial.map(() => 1),
): number[] {
  const at = places(spatial);
  const inside = image.flatMap((x, i) => (x !== undefined && x > 0.5 ? [i] : []));
  const outside = image.flatMap((x, i) => (x !== undefined && !(x > 0.5) ? [i] : []));
  const found = new Array<number>(image.length).fill(0);
  if (inside.length === 0 || outside.length === 0) return found;
  const far = (i: number, j: number): number =>
    Math.sqrt(
      sum(spacing.map((step, a) => (step * ((at[i]?.[a] as number) - (at[j]?.[a] as number))) ** 2)),
    );
  const nearest = (i: number, others: readonly number[]): number =>
    others.reduce((least, j) => Math.min(least, far(i, j)), Infinity);
  for (const i of inside) found[i] = -nearest(i, outside);
  for (const i of outside) found[i] = nearest(i, inside);
  return found;
}

interface Grid {
  /** Of each pixel: itself and its neighbours along the axes, and those of the box around it. */
  readonly cross: readonly (readonly number[])[];
  readonly box: readonly (readonly number[])[];
}

const grids = new Map<string, Grid>();

function gridOf(spatial: readonly number[]): Grid {
  const grid = grids.get(spatial.join()) ?? makeGrid(spatial);
  grids.set(spatial.join(), grid);
  return grid;
}

function makeGrid(spatial: readonly number[]): Grid {
  const all = places(spatial);
  const near = (limit: number): number[][] =>
    all.map((a) =>
      all.flatMap((b, j) => {
        const apart = a.map((x, axis) => Math.abs(x - (b[axis] as number)));
        return Math.max(0, ...apart) <= 1 && sum(apart) <= limit ? [j] : [];
      }),
    );
  return { cross: near(1), box: near(spatial.length) };
}

function pooled(image: Image, near: readonly (readonly number[])[], best: (...of: number[]) => number): Image {
  return image.map((x, i) =>
    x === undefined
      ? undefined
      : best(...(near[i] as number[]).flatMap((j) => (image[j] === undefined ? [] : [image[j]]))),
  );
}

/** The soft skeleton; 0 where a pixel does not count. */
export function skeleton(image: Image, spatial: readonly number[], iterations: number): number[] {
  const { cross, box } = gridOf(spatial);
  const relu = (x: number): number => Math.max(x, 0);
  const erode = (of: Image): Image => pooled(of, cross, Math.min);
  const skel = image.map(() => 0);
  let layer = image;
  for (let n = 0; n <= iterations; n++) {
    const opened = pooled(erode(layer), box, Math.max);
    layer.forEach((x, i) => {
      if (x === undefined) return;
      const delta = relu(x - (opened[i] as number));
      const before = skel[i] as number;
      skel[i] = before + relu(delta - before * delta);
    });
    layer = erode(layer);
  }
  return skel;
}
