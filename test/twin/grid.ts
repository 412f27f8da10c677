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
  const points = at.map((place) => Float64Array.from(place, (x, axis) => x * (spacing[axis] as number)));
  const nearest = (i: number, others: readonly number[]): number => {
    const from = points[i] as Float64Array;
    let least = Infinity;
    for (const j of others) {
      const to = points[j] as Float64Array;
      let square = 0;
      for (let axis = 0; axis < from.length; axis++) square += (from[axis]! - to[axis]!) ** 2;
      least = Math.min(least, square);
    }
    return Math.sqrt(least);
  };
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
  const offsets = places(spatial.map(() => 3)).map((place) => place.map((x) => x - 1));
  const near = (limit: number): number[][] =>
    places(spatial).map((place) =>
      offsets
        .filter((offset) => sum(offset.map(Math.abs)) <= limit)
        .map((offset) => place.map((x, axis) => x + (offset[axis] as number)))
        .filter((other) => other.every((x, axis) => x >= 0 && x < (spatial[axis] as number)))
        .map((other) => other.reduce((index, x, axis) => index * (spatial[axis] as number) + x, 0)),
    );
  return { cross: near(1), box: near(spatial.length) };
}

function pooled(
  image: Image,
  near: readonly (readonly number[])[],
  best: (a: number, b: number) => number,
): Image {
  return image.map((x, i) => {
    if (x === undefined) return undefined;
    let found = x;
    for (const j of near[i] as number[]) found = best(found, image[j] ?? found);
    return found;
  });
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
