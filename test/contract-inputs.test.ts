/** What may come in: array kinds, layouts, ranks, and probabilities at and beyond the ends. */
import { binaryCrossEntropyLoss, crossEntropyLoss, diceLoss, focalLoss, type Loss } from 'segloss';
import { describe, expect, test } from 'vitest';
import { CASES, data, distance, oneHot, toLast } from './contract-cases.js';

type Arrays = Float32Array | Float64Array | Uint8Array;
type Kind = new (from: ArrayLike<number>) => Arrays;

const INTEGERS = [
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
] as unknown as Kind[];
const FLOATS = [Float32Array, Float64Array] as unknown as Kind[];
const HALF = (globalThis as { Float16Array?: Kind }).Float16Array;

const both = (loss: Loss, pred: unknown, target: unknown, shape: number[], call: object = {}) => {
  const { value, grad } = loss.valueAndGrad(pred as Float32Array, target as Uint8Array, { shape, ...call });
  return { value, grad: Array.from(grad) };
};

/** The same entries at an odd place of a longer buffer. */
function inside<T extends Arrays>(from: T, buffer = new ArrayBuffer(from.byteLength + 64)): T {
  const Same = from.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => T;
  const view = new Same(buffer, 3 * from.BYTES_PER_ELEMENT, from.length);
  view.set(from);
  return view;
}

describe.each(CASES)('$title', (of) => {
  const loss = of.make();
  const { pred, labels, shape, channels } = data(of);
  const dense = oneHot(data(of));
  const wanted = both(loss, pred, labels, shape);

  test('every integer array is a label map, with the same bits', () => {
    for (const Target of INTEGERS)
      expect(both(loss, pred, new Target(labels), shape), Target.name).toEqual(wanted);
  });

  test('a float array of integers is a label map too', () => {
    for (const Target of FLOATS)
      expect(both(loss, pred, new Target(labels), shape), Target.name).toEqual(wanted);
  });

  test('every array of the prediction’s length is dense', () => {
    const first = both(loss, pred, dense, shape);
    expect(first.value).toBeCloseTo(wanted.value, 6);
    for (const Target of [...INTEGERS, ...FLOATS]) {
      expect(both(loss, pred, new Target(dense), shape), Target.name).toEqual(first);
    }
  });

  test('a Float64Array prediction is computed in f32', () => {
    expect(both(loss, Float64Array.from(pred), labels, shape)).toEqual(wanted);
  });

  test('a Float16Array prediction', ({ skip }) => {
    if (HALF === undefined) return skip('this engine has no Float16Array; Chromium has');
    const half = new HALF(pred);
    expect(both(loss, half, labels, shape)).toEqual(both(loss, Float32Array.from(half), labels, shape));
  });

  test('subarrays at any offset', () => {
    const call = {
      mask: inside(new Uint8Array(labels.length).fill(1)),
      pixelWeights: inside(new Float32Array(labels.length).fill(1)),
      sampleWeights: inside(new Float64Array([1, 1])),
      out: inside(new Float32Array(pred.length)),
    };
    const { value, grad } = both(loss, inside(pred), inside(labels), shape, call);
    // Weights of 1 may take another way than none: equal up to rounding.
    expect(distance([value], [wanted.value])).toBeLessThan(1e-6);
    expect(distance(grad, wanted.grad)).toBeLessThan(2e-6);
  });

  test('shared memory', ({ skip }) => {
    skip(
      typeof SharedArrayBuffer === 'undefined',
      'no SharedArrayBuffer: the page is not cross-origin isolated',
    );
    const shared = <T extends Arrays>(from: T) =>
      inside(from, new SharedArrayBuffer(from.byteLength + 64) as unknown as ArrayBuffer);
    const out = shared(new Float32Array(pred.length));
    expect(both(loss, shared(pred), shared(labels), shape, { out })).toEqual(wanted);
  });

  test('no spatial dimension, one, and three are the same pixels', () => {
    const { pred: flat, labels: flatLabels } = data(of, 12, [1]);
    const first = both(loss, flat, flatLabels, [12, channels]);
    for (const rest of [[1], [1, 1, 1]])
      expect(both(loss, flat, flatLabels, [12, channels, ...rest])).toEqual(first);
    const { pred: cube, labels: cubeLabels } = data(of, 1, [24]);
    const line = both(loss, cube, cubeLabels, [1, channels, 24]);
    expect(both(loss, cube, cubeLabels, [1, channels, 2, 3, 4])).toEqual(line);
  });

  test('channels last', () => {
    const all = data(of);
    const last = of.make({ dataFormat: 'channelsLast' });
    const lastShape = [shape[0] ?? 0, ...shape.slice(2), channels];
    for (const [target, first] of [
      [labels, labels],
      [toLast(dense, all), dense],
    ]) {
      const { value, grad } = both(last, toLast(pred, all), target, lastShape);
      const planar = both(loss, pred, first, shape);
      expect(value).toBe(planar.value);
      expect(grad).toEqual(Array.from(toLast(Float32Array.from(planar.grad), all)));
    }
  });

  test('an empty batch or image has value 0 and an empty gradient', () => {
    for (const empty of [
      [0, channels, 3, 5],
      [2, channels, 0, 5],
      [0, channels],
    ]) {
      for (const ignoreIndex of [undefined, 255, ...(channels > 1 ? [0, 1] : [])]) {
        const some = of.make({ ignoreIndex });
        const none = both(some, new Float32Array(0), new Uint8Array(0), empty);
        expect(none, `${empty} ignoring ${ignoreIndex}`).toEqual({ value: 0, grad: [] });
        expect(some.evaluate(new Float32Array(0), new Uint8Array(0), { shape: empty }).value).toBe(0);
      }
    }
  });

  if (of.activation === 'none') {
    test('within 1e-6 of [0, 1] a probability is read as 0 or 1; beyond, it is a RangeError', () => {
      const edge = (low: number, high: number) =>
        both(
          loss,
          Float64Array.from(pred, (p, i) => (i % 5 === 0 ? low : i % 5 === 1 ? high : p)),
          labels,
          shape,
        );
      expect(edge(-5e-7, 1 + 5e-7)).toEqual(edge(0, 1));
      expect(() => edge(-2e-6, 1)).toThrow(RangeError);
      expect(() => edge(0, 1 + 2e-6)).toThrow(RangeError);
    });

    test('a NaN probability makes the value NaN', () => {
      const broken = pred.slice();
      broken[7] = NaN;
      expect(loss.value(broken, labels, { shape })).toBeNaN();
    });
  }
});

test('a label map with sigmoid channels is one-hot per channel', () => {
  const all = data({ activation: 'sigmoid', channels: 3 });
  for (const make of [diceLoss, binaryCrossEntropyLoss, focalLoss]) {
    const loss = make({ activation: 'sigmoid' });
    expect(both(loss, all.pred, all.labels, all.shape)).toEqual(both(loss, all.pred, oneHot(all), all.shape));
  }
});

test('the default activation is sigmoid for one channel, else softmax', () => {
  for (const channels of [1, 3]) {
    const activation = channels === 1 ? 'sigmoid' : 'softmax';
    const { pred, labels, shape } = data({ activation, channels });
    for (const make of [diceLoss, focalLoss]) {
      expect(both(make(), pred, labels, shape)).toEqual(both(make({ activation }), pred, labels, shape));
    }
  }
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels: 3 });
  const sigmoid = binaryCrossEntropyLoss({ activation: 'sigmoid' });
  expect(both(binaryCrossEntropyLoss(), pred, labels, shape)).toEqual(both(sigmoid, pred, labels, shape));
});

test('65,536 channels are not too many', () => {
  const loss = crossEntropyLoss();
  const value = loss.value(new Float32Array(65_536), new Uint16Array([65_535]), { shape: [1, 65_536] });
  expect(value).toBeCloseTo(Math.log(65_536), 5);
});

describe('logarithms of probabilities are clamped at −100, reciprocals at 1e12', () => {
  const [sum, activation] = ['sum', 'none'] as const;
  const at = (loss: Loss, p: number, g: number) => {
    const { value, grad } = loss.valueAndGrad(new Float32Array([p]), new Uint8Array([g]), {
      shape: [1, 1, 1],
    });
    return [value, grad[0]];
  };
  const close = ([value, slope]: (number | undefined)[], wantedValue: number, wantedSlope: number) => {
    expect(value).toBeCloseTo(wantedValue, 4);
    expect((slope ?? NaN) / (wantedSlope || 1)).toBeCloseTo(wantedSlope === 0 ? 0 : 1, 6);
  };

  test('binaryCrossEntropyLoss: (p − g)/max(p(1 − p), 1e-12)', () => {
    const loss = binaryCrossEntropyLoss({ activation, reduction: sum });
    close(at(loss, 0, 1), 100, -1e12);
    close(at(loss, 1, 0), 100, 1e12);
    close(at(loss, 0, 0), 0, 0);
    close(at(loss, 1, 1), 0, 0);
    close(at(loss, 1e-14, 1), -Math.log(1e-14), -1e12);
    close(at(loss, 1e-20, 1), -Math.log(1e-20), -1e12);
    close(at(loss, 0.25, 1), Math.log(4), -4);
    close(at(loss, 0.25, 0), -Math.log(0.75), 4 / 3);
  });

  test('crossEntropyLoss: −g/max(p, 1e-12)', () => {
    const loss = crossEntropyLoss({ activation, reduction: sum });
    const one = (p: number, label: number) =>
      loss.valueAndGrad(new Float32Array([p, 1 - p]), new Uint8Array([label]), { shape: [1, 2, 1] });
    expect(one(0, 0).value).toBeCloseTo(100, 4);
    expect((one(0, 0).grad[0] ?? 0) / -1e12).toBeCloseTo(1, 6);
    expect(one(0.25, 0).value).toBeCloseTo(Math.log(4), 6);
    expect(one(0.25, 0).grad[0]).toBeCloseTo(-4, 5);
    expect(Math.abs(one(0.25, 0).grad[1] ?? NaN)).toBe(0);
    expect(one(1, 0).value).toBe(0);
    expect(one(1, 0).grad[0]).toBeCloseTo(-1, 6);
  });

  test('focalLoss: γ(1−p)^(γ−1) ln p − (1−p)^γ/max(p, 1e-12)', () => {
    const loss = focalLoss({ activation, reduction: sum, gamma: 2 });
    close(at(loss, 0, 1), 100, -1e12);
    close(at(loss, 1, 0), 100, 1e12);
    close(at(loss, 1, 1), 0, 0);
    close(at(loss, 0, 0), 0, 0);
    close(at(loss, 0.25, 1), 0.5625 * Math.log(4), 2 * 0.75 * Math.log(0.25) - 0.5625 * 4);
  });

  test('0·∞ is 0: soft targets at the ends', () => {
    const soft = binaryCrossEntropyLoss({ activation, reduction: sum });
    const run = (p: number, g: number) =>
      soft.valueAndGrad(new Float32Array([p]), new Float32Array([g]), { shape: [1, 1, 1] });
    for (const p of [0, 1]) {
      const { value, grad } = run(p, 0.25);
      expect(value).toBeCloseTo(p === 0 ? 25 : 75, 4);
      expect(Number.isFinite(grad[0])).toBe(true);
    }
  });
});
