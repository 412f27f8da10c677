/** What holds of the metrics whatever the data, from a fixed seed: slow, obvious twins, splits, swaps, scales. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ConfusionMatrix,
  confusionMatrix,
  type LabelArray,
  lesions,
  surfaceDistances,
} from '../ts/metrics/index.js';
import { LABEL_ARRAYS } from './twin/table.js';

const RUNS = { numRuns: 150, seed: 20_240_229 };

const ARRAYS = Object.values(LABEL_ARRAYS);
const arrays = fc.constantFrom(...ARRAYS);
const from = (Kind: (typeof ARRAYS)[number], labels: ArrayLike<number>): LabelArray =>
  Kind.from(Array.from(labels));

/** Labels in runs, as they lie in label maps. */
const labelMap = (labels: number[], length: number): fc.Arbitrary<number[]> =>
  fc
    .array(fc.tuple(fc.constantFrom(...labels), fc.integer({ min: 1, max: 30 })), { minLength: length })
    .map((runs) => runs.flatMap(([label, times]) => new Array<number>(times).fill(label)).slice(0, length));

/** Two label maps, their mask and an ignored label. */
const overlapInput = fc.integer({ min: 0, max: 300 }).chain((length) =>
  fc.record({
    pred: labelMap([0, 1, 2, 5, 127], length),
    target: labelMap([0, 1, 3, 5, 100], length),
    mask: fc.option(fc.array(fc.constantFrom(0, 1, 2), { minLength: length, maxLength: length }), {
      nil: undefined,
    }),
    ignoreIndex: fc.option(fc.constantFrom(0, 5, 77, -1), { nil: undefined }),
  }),
);
type OverlapInput = typeof overlapInput extends fc.Arbitrary<infer T> ? T : never;

function slowCells({ pred, target, mask, ignoreIndex }: OverlapInput): Record<string, number> {
  const cells: Record<string, number> = {};
  target.forEach((t, i) => {
    if (mask?.[i] === 0 || t === ignoreIndex) return;
    const key = `${t} ${pred[i]}`;
    cells[key] = (cells[key] ?? 0) + 1;
  });
  return cells;
}

function cellsOf(matrix: ConfusionMatrix): Record<string, number> {
  return Object.fromEntries(matrix.toJSON().pixels.map(([t, p, pixels]) => [`${t} ${p}`, pixels as number]));
}

describe('confusionMatrix', () => {
  test('counts as one counts by hand, whatever the types', () => {
    fc.assert(
      fc.property(overlapInput, arrays, arrays, arrays, (input, Pred, Target, Mask) => {
        const { pred, target, mask, ignoreIndex } = input;
        const given = { ignoreIndex, mask: mask && from(Mask, mask) };
        const matrix = confusionMatrix(from(Pred, pred), from(Target, target), given);
        const cells = slowCells(input);
        expect(cellsOf(matrix)).toEqual(cells);
        const labels = new Set(Object.keys(cells).flatMap((key) => key.split(' ').map(Number)));
        expect(matrix.labels).toEqual([...labels].sort((a, b) => a - b));
        for (const label of labels) {
          const entries = Object.entries(cells).map(
            ([key, n]) => [...key.split(' ').map(Number), n] as const,
          );
          const sum = (keep: (t: number, p: number) => boolean): number =>
            entries.reduce((all, [t, p, n]) => all + (keep(t, p as number) ? (n as number) : 0), 0);
          expect(matrix.counts(label)).toEqual({
            tp: sum((t, p) => t === label && p === label),
            fp: sum((t, p) => t !== label && p === label),
            fn: sum((t, p) => t === label && p !== label),
            tn: sum((t, p) => t !== label && p !== label),
          });
        }
      }),
      RUNS,
    );
  });

  test('any split, merged in any order, is the whole', () => {
    fc.assert(
      fc.property(
        overlapInput,
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 }),
        fc.boolean(),
        (input, at, back) => {
          const { pred, target, mask, ignoreIndex } = input;
          const [p, t] = [Uint8Array.from(pred), Int16Array.from(target)];
          const whole = confusionMatrix(p, t, { mask, ignoreIndex });
          const cuts = [0, ...at.map((cut) => Math.min(cut, t.length)).sort((a, b) => a - b), t.length];
          const parts = cuts.slice(1).map((end, i) => {
            const start = cuts[i] as number;
            const part = { mask: mask?.slice(start, end), ignoreIndex };
            return confusionMatrix(p.subarray(start, end), t.subarray(start, end), part);
          });
          if (back) parts.reverse();
          const merged = parts.reduce((a, b) => a.merge(b));
          expect(merged.toJSON()).toEqual(whole.toJSON());
          const written = JSON.stringify(merged);
          expect(JSON.stringify(ConfusionMatrix.from(JSON.parse(written)))).toBe(written);
        },
      ),
      RUNS,
    );
  });

  test('longer than a tile, at every start offset', () => {
    const length = 40_000;
    const target = Uint8Array.from({ length: length + 20 }, (_, i) => (i >> 5) % 7);
    const pred = Uint8Array.from({ length: length + 20 }, (_, i) => (i >> 4) % 3);
    for (let start = 0; start < 20; start++) {
      const [p, t] = [pred.subarray(start, start + length), target.subarray(start, start + length)];
      const cells = slowCells({ pred: [...p], target: [...t], mask: undefined, ignoreIndex: undefined });
      expect(cellsOf(confusionMatrix(p, t))).toEqual(cells);
    }
  });

  test('labels of any size, negative ones and gaps', () => {
    const [a, b] = [
      Float64Array.of(-(2 ** 53), 614454277, 614454277),
      Uint32Array.of(4294967295, 614454277, 0),
    ];
    const matrix = confusionMatrix(a, b);
    expect(matrix.labels).toEqual([-(2 ** 53), 0, 614454277, 4294967295]);
    expect(matrix.pixels(614454277, 614454277)).toBe(1);
    expect(matrix.pixels(0, 614454277)).toBe(1);
    expect(confusionMatrix(a, b, { classes: [...matrix.labels].reverse() }).labels).toEqual(matrix.labels);
  });

  test('counts beyond 2³² add exactly, and merge leaves its operands alone', () => {
    const pixels = 2 ** 52 - 1;
    const huge = ConfusionMatrix.from({
      labels: [0, 1],
      pixels: [
        [0, 0, pixels],
        [1, 0, 3],
      ],
    });
    const before = JSON.stringify(huge);
    const twice = huge.merge(huge);
    expect(twice.counts(0)).toEqual({ tp: 2 * pixels, fp: 6, fn: 0, tn: 0 });
    expect(JSON.stringify(huge)).toBe(before);
  });

  test('products of large counts that nearly cancel are exact', () => {
    // tp·tn − fp·fn = n² − (n − 1)(n + 1) = 1, where n² is beyond 2⁵³.
    const n = 2 ** 30;
    const pixels = [
      [0, 0, n],
      [0, 1, n - 1],
      [1, 0, n + 1],
      [1, 1, n],
    ];
    const matrix = ConfusionMatrix.from({ labels: [0, 1], pixels });
    expect(matrix.matthews() * Math.sqrt((2 * n + 1) ** 2 * (2 * n - 1) ** 2)).toBeCloseTo(1, 12);
  });

  test('given classes are the labels, present or not', () => {
    const matrix = confusionMatrix(Uint8Array.of(1, 1), Uint8Array.of(1, 1), { classes: 4 });
    expect(matrix.labels).toEqual([0, 1, 2, 3]);
    expect([...matrix.dice({ average: 'none' })]).toEqual([NaN, 1, NaN, NaN]);
    expect(matrix.dice()).toBe(1);
    expect(matrix.dice({ emptyClass: 'zero' })).toBe(0.25);
  });

  test('nothing to count: no labels, every score NaN', () => {
    const matrix = confusionMatrix(new Uint8Array(0), new Uint8Array(0));
    expect(matrix.labels).toEqual([]);
    expect(matrix.dice()).toBeNaN();
    expect(matrix.dice({ average: 'none' }).length).toBe(0);
    const masked = confusionMatrix(Float32Array.of(NaN), Float32Array.of(NaN), { mask: [0], classes: 2 });
    expect(masked.counts(1)).toEqual({ tp: 0, fp: 0, fn: 0, tn: 0 });
    expect(masked.accuracy()).toBeNaN();
  });

  test('NaN where the target is ignored is harmless in the prediction', () => {
    const matrix = confusionMatrix(Float32Array.of(NaN, 1), Float32Array.of(255, 1), {
      ignoreIndex: 255,
      classes: 2,
    });
    expect(matrix.counts(1)).toEqual({ tp: 1, fp: 0, fn: 0, tn: 0 });
  });
});

/** Two masks over a grid of two or three axes. */
const grids = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 3 }).chain((shape) => {
  const length = shape.reduce((a, b) => a * b, 1);
  const mask = fc.array(fc.constantFrom(0, 1, 7), { minLength: length, maxLength: length });
  const spacing = fc.constantFrom(1, 0.5, 0.7, 3);
  return fc.record({
    shape: fc.constant(shape),
    spacing: fc.array(spacing, { minLength: shape.length, maxLength: shape.length }),
    pred: mask,
    target: mask,
    surface: fc.constantFrom('voxels' as const, 'surfels' as const),
  });
});

const placeOf = (index: number, shape: number[]): number[] => {
  let rest = index;
  return shape.map((size, axis) => {
    const step = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const place = Math.floor(rest / step) % size;
    rest %= step;
    return place;
  });
};

function slowSurface(mask: number[], shape: number[]): number[][] {
  const places = mask.map((_, i) => placeOf(i, shape));
  const marked = (place: number[]): boolean =>
    places.some((other, i) => mask[i] === 1 && other.every((c, k) => c === place[k]));
  return places.filter((place, i) => {
    const around = shape.flatMap((_, k) =>
      [-1, 1].map((step) => place.map((c, j) => (j === k ? c + step : c))),
    );
    return mask[i] === 1 && around.some((other) => !marked(other));
  });
}

function slowDirected(a: number[][], b: number[][], spacing: number[]): number[] {
  const between = (x: number[], y: number[]): number =>
    Math.hypot(...x.map((c, k) => (c - (y[k] as number)) * (spacing[k] as number)));
  return a.map((x) => Math.min(...b.map((y) => between(x, y)))).sort((x, y) => x - y);
}

const mean = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
const close = (found: number, right: number): void => {
  if (Number.isFinite(right)) expect(Math.abs(found - right)).toBeLessThanOrEqual(1e-12 * Math.max(1, right));
  else expect(found).toBe(right);
};

describe('surfaceDistances', () => {
  test('are those between all pairs of boundary voxels', () => {
    fc.assert(
      fc.property(grids, arrays, ({ shape, spacing, pred, target }, Kind) => {
        const [a, b] = [slowSurface(pred, shape), slowSurface(target, shape)];
        const measured = surfaceDistances(from(Kind, pred), Uint16Array.from(target), { shape, spacing });
        if (a.length === 0 || b.length === 0) {
          const expected = a.length === b.length ? NaN : Infinity;
          expect([measured.hausdorff(50), measured.averageDistance()]).toEqual([expected, expected]);
          expect(measured.surfaceDice(1e9)).toBe(a.length === b.length ? NaN : 0);
          return;
        }
        const [there, back] = [slowDirected(a, b, spacing), slowDirected(b, a, spacing)];
        close(measured.hausdorff(), Math.max(...there, ...back));
        close(measured.averageDistance(), mean(there));
        close(measured.symmetricAverageDistance(), mean([...there, ...back]));
        const near = [...there, ...back].filter((d) => d <= 0.61).length;
        close(measured.surfaceDice(0.61), near / (there.length + back.length));
      }),
      RUNS,
    );
  });

  test('swap sides with the masks, scale with the spacing', () => {
    fc.assert(
      fc.property(grids, ({ shape, spacing, pred, target, surface }) => {
        const [p, t] = [Uint8Array.from(pred), Int32Array.from(target)];
        const one = surfaceDistances(p, t, { shape, spacing, surface });
        const swapped = surfaceDistances(t, p, { shape, spacing, surface });
        const scaled = surfaceDistances(p, t, {
          shape,
          spacing: Float64Array.from(spacing, (s) => 4 * s),
          surface,
        });
        for (const percentile of [0, 37, 95, 100]) {
          expect(swapped.hausdorff(percentile)).toBe(one.hausdorff(percentile));
          expect(scaled.hausdorff(percentile)).toBe(4 * one.hausdorff(percentile));
        }
        close(swapped.symmetricAverageDistance(), one.symmetricAverageDistance());
        close(scaled.averageDistance(), 4 * one.averageDistance());
        close(scaled.surfaceDice(2.8), one.surfaceDice(0.7));
      }),
      RUNS,
    );
  });

  test('a mask against itself lies at 0', () => {
    const ball = Uint8Array.from({ length: 1000 }, (_, i) =>
      placeOf(i, [10, 10, 10]).reduce((sum, c) => sum + (c - 4.5) ** 2, 0) < 16 ? 3 : 0,
    );
    for (const surface of ['voxels', 'surfels'] as const) {
      const measured = surfaceDistances(ball, ball, { shape: [10, 10, 10], label: 3, surface });
      expect([measured.hausdorff(), measured.averageDistance(), measured.surfaceDice(0)]).toEqual([0, 0, 1]);
    }
  });
});

describe('lesions', () => {
  test('are the same for any type, and swap misses with false alarms', () => {
    fc.assert(
      fc.property(
        grids,
        arrays,
        fc.constantFrom(0, 0.25, 0.5, 1),
        ({ shape, pred, target }, Kind, minOverlap) => {
          const [p, t] = [from(Kind, pred), Uint8Array.from(target)];
          const one = lesions(p, t, { shape, minOverlap });
          expect(lesions(Uint8Array.from(pred), t, { shape, minOverlap })).toEqual(one);
          const swapped = lesions(t, p, { shape, minOverlap });
          expect([swapped.misses, swapped.falseAlarms]).toEqual([one.falseAlarms, one.misses]);
          const recoded = (labels: number[]): Uint8Array =>
            Uint8Array.from(labels, (v) => (v === 1 ? 200 : v));
          expect(lesions(recoded(pred), recoded(target), { shape, minOverlap, label: 200 })).toEqual(one);
        },
      ),
      RUNS,
    );
  });

  test('a fraction is of the lesion, and needs a voxel at least', () => {
    const target = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
    const pred = Uint8Array.of(1, 1, 1, 0, 0, 0, 0, 0, 0, 0);
    const hits = (minOverlap: number): number => lesions(pred, target, { shape: [1, 10], minOverlap }).hits;
    expect([hits(0), hits(0.3), hits(0.31)]).toEqual([1, 1, 0]);
    expect(lesions(new Uint8Array(10), target, { shape: [1, 10] })).toEqual({
      hits: 0,
      misses: 1,
      falseAlarms: 0,
      sensitivity: 0,
      precision: NaN,
      f1: 0,
    });
  });
});
