/** What only losses of distances and skeletons have: maps found once, grids of few dimensions, no sums. */
import {
  type Activation,
  checkGradient,
  deepSupervision,
  diceLoss,
  lossFromJSON,
  regions,
  weightedSum,
} from 'segloss';
import { boundaryLoss, clDiceLoss, distanceMaps, hausdorffLoss } from 'segloss/geometric';
import { describe, expect, test } from 'vitest';
import { data, difference, distance, oneHot, thrown, toLast } from './contract-cases.js';

const MEASURED = { boundaryLoss, hausdorffLoss };
const LOSSES = { ...MEASURED, clDiceLoss };
const CASES = Object.entries(LOSSES).flatMap(([name, make]) =>
  (['sigmoid', 'softmax', 'none'] as const).map((activation) => ({ name, activation, make })),
);
const channelsOf = (activation: Activation): number => (activation === 'sigmoid' ? 1 : 3);
const scene = (activation: Activation, spatial: readonly number[] = [7, 6]) =>
  data({ activation, channels: channelsOf(activation) }, 2, spatial);

describe.each(CASES)('$name, $activation', ({ name, activation, make }) => {
  const { pred, labels, shape, pixels } = scene(activation);
  const mask = Uint8Array.from(labels, (_, i) => i % 7);
  const pixelWeights = Float32Array.from(labels, (_, i) => 0.5 + (i % 3));
  const call = { shape, mask, pixelWeights, sampleWeights: [2, 1] };
  const loss = make({ activation });

  test('out may be the prediction; value alone has the same bits', () => {
    const expected = loss.valueAndGrad(pred, labels, call);
    const own = pred.slice();
    const found = loss.valueAndGrad(own, labels, { ...call, out: own });
    expect(found.grad).toBe(own);
    expect(difference(own, expected.grad)).toBe(-1);
    expect([found.value, loss.value(pred, labels, call)]).toEqual([expected.value, expected.value]);
  });

  test('samples are losses of their own, and layouts and kinds of target the same', () => {
    const { value, grad } = loss.valueAndGrad(pred, labels, { shape });
    const half = pred.length / 2;
    const [first, second] = [0, 1].map((b) =>
      loss.value(pred.subarray(b * half, (b + 1) * half), labels.subarray(b * pixels, (b + 1) * pixels), {
        shape: [1, ...shape.slice(1)],
      }),
    ) as [number, number];
    expect(value).toBeCloseTo((first + second) / 2, 12);
    const of = scene(activation);
    const dense = loss.valueAndGrad(pred, oneHot(of), { shape });
    expect(dense.value).toBe(value);
    expect(difference(dense.grad, grad)).toBe(-1);
    const last = make({ activation, dataFormat: 'channelsLast' });
    const [n, c, ...spatial] = shape as [number, number];
    const flipped = last.valueAndGrad(toLast(pred, of), labels, { shape: [n, ...spatial, c] });
    expect(flipped.value).toBe(value);
    expect(distance(flipped.grad, toLast(grad, of))).toBeLessThan(1e-6);
  });

  test('in a weighted sum it is what it is alone', () => {
    const other = diceLoss({ activation });
    const sum = weightedSum([
      [2, other],
      [-0.5, loss],
    ]);
    const [a, b] = [other, loss].map((one) => one.valueAndGrad(pred, labels, call));
    const found = sum.valueAndGrad(pred, labels, call);
    expect(found.value).toBeCloseTo(2 * a!.value - 0.5 * b!.value, 12);
    const expected = a!.grad.map((g, i) => 2 * g - 0.5 * b!.grad[i]!);
    expect(distance(found.grad, expected)).toBeLessThan(1e-6);
    const losses = { [name]: make };
    expect(lossFromJSON(sum.toJSON(), { losses }).value(pred, labels, call)).toBe(found.value);
    expect(() => lossFromJSON(sum.toJSON())).toThrow(/expected a known loss/);
  });

  test('has no sums, and says so', () => {
    expect(loss.mergeable).toBe(false);
    const error = thrown(() => loss.accumulate(pred, labels, { shape }));
    expect(error.constructor).toBe(Error);
    expect(error.message).toContain(`${name} needs all pixels together`);
  });

  test('more than three spatial dimensions are refused, and what is wrong in the data', () => {
    const c = channelsOf(activation);
    const deep = thrown(() => loss.value(pred, labels, { shape: [2, c, 1, 1, 7, 6] }));
    expect([deep.name, deep.message]).toEqual(['ShapeError', expect.stringMatching(/at most 3 spatial/)]);
    expect(() => loss.value(pred, labels.slice().fill(9, 3, 4), { shape })).toThrow(/"target" expected/);
    expect(() =>
      loss.value(pred, labels, { shape, pixelWeights: pixelWeights.slice().fill(-1, 5, 6) }),
    ).toThrow(/"pixelWeights" expected finite numbers ≥ 0, got -1 at index 5/);
    // And the next call works.
    expect(loss.value(pred, labels, { shape })).not.toBeNaN();
  });
});

describe.each(Object.entries(LOSSES))('checkGradient of %s', (_, make) => {
  test.each([[[12]], [[7, 6]], [[3, 4, 5]]])('%j', (spatial) => {
    const { labels, shape, pixels } = scene('sigmoid', spatial);
    // Its steps of 1/16 are to cross no corner: no two logits, and none and 0, lie as close.
    const logits = Float32Array.from(
      labels,
      (_label, i) => (((i * 29) % (2 * pixels)) - pixels) * 0.15 + 0.075,
    );
    const found = checkGradient(make(), logits, labels, { shape });
    expect(found.passed, JSON.stringify(found)).toBe(true);
  });
});

describe.each(Object.entries(MEASURED))('%s with maps', (_, make) => {
  const { pred, labels, shape } = scene('softmax');
  const ignoreIndex = 255;
  const ignored = labels.map((label, i) => (i % 9 === 4 ? ignoreIndex : label));
  const mask = Uint8Array.from(labels, (_label, i) => i % 7);
  const options = { spacing: [2, 0.5], ignoreIndex };

  test('is bit for bit what it is without', () => {
    const distances = distanceMaps(ignored, { shape, mask }, options);
    const [found, expected] = [{ distances }, {}].map((more) =>
      make({ ...options, ...more }).valueAndGrad(pred, ignored, { shape, mask }),
    );
    expect(found!.value).toBe(expected!.value);
    expect(difference(found!.grad, expected!.grad)).toBe(-1);
  });

  test('of other values is another loss, and JSON has none of them', () => {
    const distances = distanceMaps(ignored, { shape }, options).map((d) => 2 * d);
    const loss = make({ ...options, distances });
    expect(loss.value(pred, ignored, { shape })).not.toBe(make(options).value(pred, ignored, { shape }));
    expect(loss.toJSON().options).toEqual(options);
    expect(loss.describe()).toContain('distances: given');
  });

  test.each([
    [{ spacing: 1 }, TypeError, /"spacing" expected an array of numbers/],
    [{ spacing: [1, 0] }, RangeError, /"spacing" expected finite numbers > 0, got 0/],
    [{ spacing: [1, 1, 1] }, RangeError, /"spacing" expected 2 numbers, in the order of "shape", got 3/],
    [{ distances: [1] }, TypeError, /"distances" expected the Float32Array that distanceMaps gives/],
    [
      { distances: new Float32Array(5) },
      RangeError,
      /"distances" expected length 252, the prediction's, got 5/,
    ],
  ])('%j is refused', (wrong, kind, text) => {
    const error = thrown(() => make(wrong as object).value(pred, labels, { shape }));
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(text);
  });
});

describe('distanceMaps', () => {
  const { labels, shape, pixels, channels } = scene('softmax');

  test('maps of a batch are those of its samples', () => {
    const both = distanceMaps(labels, { shape });
    const parts = [0, 1].flatMap((b) => [
      ...distanceMaps(labels.subarray(b * pixels, (b + 1) * pixels), { shape: [1, ...shape.slice(1)] }),
    ]);
    expect([...both]).toEqual(parts);
    expect(both.length).toBe(2 * channels * pixels);
  });

  test('distances go through what does not count, and are 0 there', () => {
    const row = new Uint8Array([1, 255, 255, 0, 0]);
    const maps = distanceMaps(row, { shape: [1, 1, 5] }, { ignoreIndex: 255 });
    expect([...maps]).toEqual([-3, 0, 0, 3, 4]);
    expect([...distanceMaps(new Uint8Array(3), { shape: [1, 1, 3] })]).toEqual([0, 0, 0]);
  });

  test.each<[object, object, RegExp]>([
    [{ shape: [2, 3] }, {}, /"target" expected length/],
    [{ shape: 'x' }, {}, /"shape" expected an array/],
    [{ shape, pixelWeights: [] }, {}, /has no "/],
    [{ shape }, { classes: [1] }, /has no "/],
  ])('%j, %j is refused', (call, options, text) => {
    expect(() => distanceMaps(labels, call as never, options)).toThrow(text);
  });
});

test('regions and scales take them', () => {
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels: 3 }, 1, [8, 8]);
  for (const make of Object.values(LOSSES)) {
    const sets = [[1, 2], [1], [2]];
    const dense = sets.flatMap((set) => Array.from(labels, (label) => Number(set.includes(label))));
    const expected = make({ activation: 'sigmoid' }).value(pred, Uint8Array.from(dense), { shape });
    expect(regions(make(), sets).value(pred, labels, { shape })).toBe(expected);
    const scales = deepSupervision(make({ activation: 'softmax' }));
    const predictions = [pred, pred.slice(0, 48)];
    const { values, grads } = scales.valueAndGrad(predictions, labels, { shapes: [shape, [1, 3, 4, 4]] });
    expect(values[0]).toBe(make({ activation: 'softmax' }).value(pred, labels, { shape }));
    expect(grads.map(({ length }) => length)).toEqual([192, 48]);
  }
});
