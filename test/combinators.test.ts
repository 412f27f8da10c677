/** Losses of losses: label sets as regions, and several scales. */
import {
  binaryCrossEntropyLoss,
  checkGradient,
  crossEntropyLoss,
  deepSupervision,
  diceLoss,
  focalLoss,
  type Loss,
  lossFromJSON,
  lovaszSoftmaxLoss,
  regions,
  ShapeError,
  topKCrossEntropyLoss,
  weightedSum,
} from 'segloss';
import { describe, expect, test } from 'vitest';
import { random } from './twin/random.js';

const SETS = [[1, 2, 3], [1, 3], [3]];
const r = random(5);
const numbers = (length: number): Float32Array => Float32Array.from({ length }, () => 2 * r.normal());

describe('regions', () => {
  const [samples, pixels] = [2, 30];
  const labels = Uint8Array.from({ length: samples * pixels }, (_, i) => (i % 7 === 3 ? 255 : r.below(5)));
  const counts = labels.map((label) => Number(label !== 255));
  const pred = numbers(labels.length * SETS.length);
  const dense = (last: boolean): Uint8Array => {
    const out = new Uint8Array(pred.length);
    labels.forEach((label, at) => {
      const [b, i] = [Math.floor(at / pixels), at % pixels];
      SETS.forEach((set, k) => {
        out[last ? at * 3 + k : (b * 3 + k) * pixels + i] = Number(set.includes(label));
      });
    });
    return out;
  };
  const losses: [
    string,
    (options: { ignoreIndex?: number; dataFormat: 'channelsFirst' | 'channelsLast' }) => Loss,
  ][] = [
    ['dice', (options) => diceLoss({ activation: 'sigmoid', includeBackground: false, ...options })],
    ['binary cross-entropy', (options) => binaryCrossEntropyLoss(options)],
    ['hardest', (options) => topKCrossEntropyLoss({ activation: 'sigmoid', percent: 30, ...options })],
    ['Lovász', (options) => lovaszSoftmaxLoss({ activation: 'sigmoid', ...options })],
    [
      'a sum',
      (options) =>
        weightedSum([
          [1, diceLoss({ activation: 'sigmoid', ...options })],
          [2, focalLoss({ activation: 'sigmoid', ...options })],
        ]),
    ],
  ];
  describe.each(losses)('%s', (_, make) => {
    test.each(['channelsFirst', 'channelsLast'] as const)(
      '%s: the loss on the dense target',
      (dataFormat) => {
        const last = dataFormat === 'channelsLast';
        const shape = last ? [samples, 5, 6, 3] : [samples, 3, 5, 6];
        const loss = regions(make({ ignoreIndex: 255, dataFormat }), SETS);
        const plain = make({ dataFormat });
        const call = { shape, pixelWeights: counts.map((x, i) => x + (i % 3)) as unknown as Float32Array };
        const weights = Float32Array.from(labels, (_l, i) => 0.5 + (i % 3));
        for (const more of [{}, { pixelWeights: weights, sampleWeights: [2, 0.5], upstream: -1.5 }]) {
          const found = loss.valueAndGrad(pred, labels, { shape: call.shape, ...more });
          expect(found).toEqual(plain.valueAndGrad(pred, dense(last), { shape, mask: counts, ...more }));
          expect(loss.value(pred, labels, { shape, ...more })).toBe(found.value);
        }
        const mask = counts.map((_c, i) => Number(i % 4 > 0));
        const both = counts.map((c, i) => c * (mask[i] ?? 0));
        expect(loss.value(pred, labels, { shape, mask })).toBe(
          plain.value(pred, dense(last), { shape, mask: both }),
        );
      },
    );
  });

  test('sums, evaluation, losses of classes', () => {
    const loss = regions(diceLoss({ ignoreIndex: 255 }), SETS);
    const call = { shape: [samples, 3, pixels] };
    const sums = loss.accumulate(pred, labels, call);
    const { value, grad } = loss.valueAndGrad(pred, labels, call);
    expect(loss.valueFrom(sums)).toBe(value);
    const from = loss.gradFrom(pred, labels, sums, call);
    grad.forEach((x, i) => {
      expect(from[i]).toBeCloseTo(x, 7);
    });
    expect(loss.evaluate(pred, labels, call).perClass?.length).toBe(3);
    expect(loss.unreduced(pred, labels, call).shape).toEqual([samples, 3]);
    const others = regions(diceLoss({ ignoreIndex: 255 }), [[1], [2], [3]]);
    expect(() => others.valueFrom(sums)).toThrow(/another loss/);
    expect(checkGradient(loss, pred, labels, call).passed).toBe(true);
  });

  test('a label of the map may be the ignored one', () => {
    const [a, b] = [
      regions(topKCrossEntropyLoss({ ignoreIndex: 1, activation: 'sigmoid', percent: 100 }), [[2]]),
      topKCrossEntropyLoss({ percent: 100 }),
    ];
    const map = new Uint8Array([0, 1, 2, 2]);
    const z = numbers(4);
    const value = b.value(z, new Uint8Array([0, 0, 1, 1]), { shape: [1, 1, 4], mask: [1, 0, 1, 1] });
    expect(a.value(z, map, { shape: [1, 1, 4] })).toBe(value);
  });

  test('JSON and back', () => {
    const loss = regions(
      weightedSum([
        [1, diceLoss({ smooth: 1 })],
        [0.5, focalLoss()],
      ]),
      SETS,
    );
    const back = lossFromJSON(JSON.parse(JSON.stringify(loss)) as ReturnType<Loss['toJSON']>);
    expect(back.toJSON()).toEqual(loss.toJSON());
    expect(back.value(pred, counts, { shape: [samples, 3, pixels] })).toBe(
      loss.value(pred, counts, { shape: [samples, 3, pixels] }),
    );
    expect(loss.describe()).toContain('[3]');
  });

  test('errors', () => {
    const loss = diceLoss();
    expect(() => regions({} as Loss, SETS)).toThrow(TypeError);
    expect(() => regions(loss, [])).toThrow(RangeError);
    expect(() => regions(loss, [[]])).toThrow(RangeError);
    expect(() => regions(loss, [[-1]])).toThrow(RangeError);
    expect(() => regions(loss, [1] as unknown as number[][])).toThrow(TypeError);
    expect(() => regions(crossEntropyLoss(), SETS)).toThrow(/regions overlap/);
    expect(() => regions(regions(loss, SETS), SETS)).toThrow(RangeError);
    expect(() => weightedSum([[1, regions(loss, SETS)]])).toThrow(/regions\(weightedSum/);
    const own = regions(loss, SETS);
    expect(() => own.value(pred, labels, { shape: [samples, 2, pixels] })).toThrow(ShapeError);
    expect(() => own.value(pred, dense(false), { shape: [samples, 3, pixels] })).toThrow(/a label map/);
    const negative = Int8Array.from(labels, (_l, i) => (i === 5 ? -1 : 0));
    expect(() => own.value(pred, negative, { shape: [samples, 3, pixels] })).toThrow(/got -1 at index 5/);
  });
});

describe('deepSupervision', () => {
  const shapes = [
    [2, 3, 6, 5],
    [2, 3, 3, 3],
    [2, 3, 1, 2],
  ];
  const predictions = shapes.map((shape) => numbers(shape.reduce((a, b) => a * b, 1)));
  const target = Uint8Array.from({ length: 60 }, () => r.below(3));
  /** The entry of a fine grid whose middle is nearest. */
  const coarse = (height: number, width: number): number[] =>
    Array.from({ length: 2 * height * width }, (_, at) => {
      const [b, y, x] = [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
      const nearest = (i: number, size: number, from: number): number =>
        Math.floor(((i + 0.5) * from) / size);
      return b * 30 + nearest(y, height, 6) * 5 + nearest(x, width, 5);
    });
  const indices = [target.map((_, i) => i), coarse(3, 3), coarse(1, 2)];

  test('value and gradients are those of the scales', () => {
    const loss = weightedSum([
      [1, diceLoss()],
      [1, crossEntropyLoss()],
    ]);
    const weights = [1, 0.5, 0.25];
    const mask = target.map((_, i) => Number(i % 5 > 0));
    const more = { upstream: 2, sampleWeights: [1, 3] };
    const pixelWeights = Float32Array.from(target, (_, i) => 1 + (i % 4));
    const supervised = deepSupervision(loss, { weights });
    const found = supervised.valueAndGrad(predictions, target, { shapes, mask, pixelWeights, ...more });
    const expected = predictions.map((prediction, s) => {
      const index = indices[s] as ArrayLike<number>;
      const pick = (from: ArrayLike<number>): number[] => Array.from(index, (i) => from[i] as number);
      return loss.valueAndGrad(prediction, Uint8Array.from(pick(target)), {
        shape: shapes[s] as number[],
        mask: pick(mask),
        pixelWeights: Float32Array.from(pick(pixelWeights)),
        ...more,
      });
    });
    expect(found.values).toEqual(expected.map(({ value }) => value));
    expect(found.value).toBeCloseTo(
      expected.reduce((sum, { value }, s) => sum + (weights[s] ?? 0) * value, 0),
      12,
    );
    found.grads.forEach((grad, s) => {
      grad.forEach((x, i) => {
        expect(x).toBeCloseTo((weights[s] ?? 0) * (expected[s]?.grad[i] ?? NaN), 6);
      });
    });
    expect(supervised.value(predictions, target, { shapes, mask, pixelWeights, ...more })).toBe(found.value);
  });

  test('channels last and dense targets are the same numbers', () => {
    const turn = (data: Float32Array, [n = 0, c = 0, h = 0, w = 0]: readonly number[]): Float32Array =>
      Float32Array.from({ length: data.length }, (_, at) => {
        const [i, k] = [Math.floor(at / c), at % c];
        return data[(Math.floor(i / (h * w)) * c + k) * h * w + (i % (h * w))] ?? NaN;
      }).subarray(0, n * c * h * w);
    const oneHot = Float32Array.from({ length: 180 }, (_, at) =>
      Number(target[Math.floor(at / 90) * 30 + (at % 30)] === Math.floor(at / 30) % 3),
    );
    const first = deepSupervision(diceLoss()).value(predictions, target, { shapes });
    const last = deepSupervision(diceLoss({ dataFormat: 'channelsLast' }));
    const turned = predictions.map((data, s) => turn(data, shapes[s] as number[]));
    const call = { shapes: shapes.map(([n = 0, c = 0, h = 0, w = 0]) => [n, h, w, c]) };
    expect(last.value(turned, target, call)).toBe(first);
    expect(last.value(turned, turn(oneHot, [2, 3, 6, 5]), call)).toBeCloseTo(first, 12);
    expect(deepSupervision(diceLoss()).value(predictions, oneHot, { shapes })).toBeCloseTo(first, 12);
  });

  test('default weights halve and add up to 1', () => {
    const loss = crossEntropyLoss();
    const { value, values } = deepSupervision(loss).valueAndGrad(predictions, target, { shapes });
    const [a = NaN, b = NaN, c = NaN] = values;
    expect(value).toBeCloseTo((4 * a + 2 * b + c) / 7, 12);
  });

  test('gradients go where they are told', () => {
    const outs = predictions.map((prediction) => new Float32Array(prediction.length));
    const { grads } = deepSupervision(diceLoss()).valueAndGrad(predictions, target, { shapes, outs });
    grads.forEach((grad, s) => {
      expect(grad).toBe(outs[s]);
    });
  });

  test('a list of targets is one a scale', () => {
    const targets = indices.map((index) => Uint8Array.from(index, (i) => 1 - (target[i] ? 1 : 0)));
    const supervised = deepSupervision(diceLoss(), { weights: [1, 0.5, 2] });
    const { value, values, grads } = supervised.valueAndGrad(predictions, targets, { shapes });
    targets.forEach((labels, s) => {
      const alone = diceLoss().valueAndGrad(predictions[s] as Float32Array, labels, {
        shape: shapes[s] as number[],
        upstream: [1, 0.5, 2][s],
      });
      expect(values[s]).toBe(alone.value);
      expect(grads[s]).toEqual(alone.grad);
    });
    expect(supervised.value(predictions, targets, { shapes })).toBe(value);
    expect(() => supervised.value(predictions, targets.slice(1), { shapes })).toThrow(
      /one entry a prediction/,
    );
  });

  test('errors', () => {
    expect(() => deepSupervision({} as Loss)).toThrow(TypeError);
    expect(() => deepSupervision(diceLoss(), { weights: [NaN] })).toThrow(RangeError);
    expect(() => deepSupervision(diceLoss(), { weight: [1] } as object)).toThrow(/weights/);
    const supervised = deepSupervision(diceLoss(), { weights: [1, 1] });
    expect(() => supervised.value(predictions, target, { shapes })).toThrow(/one a prediction, 3, got 2/);
    expect(() => supervised.value(predictions.slice(0, 2), target, { shapes })).toThrow(RangeError);
    const wrong = [shapes[0] as number[], [2, 4, 3, 3]];
    expect(() => supervised.value(predictions.slice(0, 2), target, { shapes: wrong })).toThrow(ShapeError);
  });
});
