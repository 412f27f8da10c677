/** Weighted sums: the value and gradient of the parts, whatever the parts are. */
import {
  binaryCrossEntropyLoss,
  crossEntropyLoss,
  diceLoss,
  focalLoss,
  generalizedDiceLoss,
  type Loss,
  type LossCall,
  tverskyLoss,
  weightedSum,
} from 'segloss';
import { describe, expect, test } from 'vitest';
import { data, difference, distance } from './contract-cases.js';

type Terms = [number, Loss][];

const SUMS: Record<string, { channels: number; terms: Terms }> = {
  'region losses': {
    channels: 3,
    terms: [
      [1, diceLoss()],
      [0.5, tverskyLoss({ fnWeight: 0.9 })],
    ],
  },
  'pixel losses': {
    channels: 3,
    terms: [
      [1, crossEntropyLoss()],
      [2, focalLoss({ gamma: 1.5 })],
    ],
  },
  'both, with a weight below 0 and one of 0': {
    channels: 3,
    terms: [
      [1, diceLoss()],
      [-0.25, crossEntropyLoss({ labelSmoothing: 0.1 })],
      [0, focalLoss()],
    ],
  },
  'two activations': {
    channels: 3,
    terms: [
      [1, diceLoss({ activation: 'softmax' })],
      [0.5, binaryCrossEntropyLoss()],
    ],
  },
  'two ignored labels': {
    channels: 3,
    terms: [
      [1, diceLoss({ ignoreIndex: 2 })],
      [0.5, crossEntropyLoss({ ignoreIndex: 0 })],
    ],
  },
  'differing options': {
    channels: 3,
    terms: [
      [1, diceLoss({ aggregate: 'batch', classes: [1] })],
      [1, diceLoss({ includeBackground: false, reduction: 'sum', exponent: 2 })],
      [0.5, generalizedDiceLoss({ classWeights: [1, 2, 3] })],
      [0.5, crossEntropyLoss({ normalizer: 'weights', classWeights: [3, 2, 1] })],
    ],
  },
  'one channel': {
    channels: 1,
    terms: [
      [1, diceLoss()],
      [1, binaryCrossEntropyLoss({ positiveWeight: 3 })],
    ],
  },
  'a loss twice': {
    channels: 1,
    terms: [
      [1, diceLoss()],
      [1, diceLoss()],
    ],
  },
  'one term': { channels: 1, terms: [[3, focalLoss()]] },
};

describe.each(Object.entries(SUMS))('%s', (_, { channels, terms }) => {
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels });
  const call: LossCall = {
    shape,
    upstream: 1.5,
    mask: Uint8Array.from(labels, (_l, i) => i % 7),
    pixelWeights: Float32Array.from(labels, (_l, i) => 0.5 + (i % 3)),
    sampleWeights: [2, 0.5],
  };
  const sum = weightedSum(terms);
  const { value, grad } = sum.valueAndGrad(pred, labels, call);
  const parts = terms.map(([weight, loss]) => ({ weight, ...loss.valueAndGrad(pred, labels, call) }));

  test('value and gradient are the sums of the parts’', () => {
    const whole = parts.reduce((all, part) => all + part.weight * part.value, 0);
    expect(distance([value], [whole])).toBeLessThan(1e-6);
    const wanted = Float64Array.from(grad, (_g, i) =>
      parts.reduce((all, part) => all + part.weight * (part.grad[i] ?? 0), 0),
    );
    expect(distance(grad, wanted)).toBeLessThan(1e-6);
  });

  test('evaluate gives the terms, each by its own name, unweighted', () => {
    const { terms: found, value: same } = sum.evaluate(pred, labels, call);
    expect(same).toBe(value);
    expect(found?.map(({ name, weight }) => [name, weight])).toEqual(
      terms.map(([weight, { name }]) => [name, weight]),
    );
    // A loss that runs alone may take a quicker way than one beside others: equal up to rounding.
    found?.forEach((term, i) => {
      expect(distance([term.value], [parts[i]?.value ?? NaN])).toBeLessThan(1e-6);
    });
    expect(found?.reduce((all, term) => all + term.weight * term.value, 0)).toBeCloseTo(value, 12);
  });

  test('in place, and from sums', () => {
    const own = pred.slice();
    expect(difference(sum.valueAndGrad(own, labels, { ...call, out: own }).grad, grad)).toBe(-1);
    const sums = sum.accumulate(pred, labels, call);
    expect(sum.valueFrom(sums)).toBe(value);
    expect(distance(sum.gradFrom(pred, labels, sums, call), grad)).toBeLessThan(1e-6);
  });
});

describe('names and nesting', () => {
  const { pred, labels, shape } = data({ activation: 'softmax', channels: 3 });

  test('nested sums are flattened, weights multiplied', () => {
    const inner = weightedSum(
      [
        [2, diceLoss()],
        [3, crossEntropyLoss()],
      ],
      { name: 'inner' },
    );
    const outer = weightedSum([
      [0.5, inner],
      [1, focalLoss()],
    ]);
    const flat = weightedSum([
      [1, diceLoss()],
      [1.5, crossEntropyLoss()],
      [1, focalLoss()],
    ]);
    const [a, b] = [outer, flat].map((loss) => loss.valueAndGrad(pred, labels, { shape }));
    expect(a).toEqual(b);
    const { terms } = outer.evaluate(pred, labels, { shape });
    expect(terms?.map(({ name, weight }) => [name, weight])).toEqual([
      ['diceLoss', 1],
      ['crossEntropyLoss', 1.5],
      ['focalLoss', 1],
    ]);
  });

  test('the name is weightedSum or the one given, and describe tells all terms', () => {
    const terms: Terms = [
      [0.625, diceLoss({ smooth: 0.375 })],
      [-2, focalLoss({ gamma: 3.5 })],
    ];
    expect(weightedSum(terms).name).toBe('weightedSum');
    expect(weightedSum(terms, {}).name).toBe('weightedSum');
    expect(weightedSum(terms, { name: undefined }).name).toBe('weightedSum');
    const named = weightedSum(terms, { name: 'mine' });
    expect(named.name).toBe('mine');
    expect(named.toJSON().name).toBe('weightedSum');
    for (const part of ['mine', 'diceLoss', 'focalLoss', '0.625', '0.375', '-2', '3.5']) {
      expect(named.describe()).toContain(part);
    }
  });

  test.each([
    ['sigmoid', 1, binaryCrossEntropyLoss()],
    ['softmax', 3, crossEntropyLoss()],
  ] as const)(
    'the same bits by whatever method, with few pixels and many: %s',
    (activation, channels, entropy) => {
      const sum = weightedSum([
        [1, diceLoss({ activation })],
        [1, entropy],
      ]);
      for (const pixels of [7, 64, 500, 1024, 5000]) {
        const logits = Float32Array.from({ length: channels * pixels }, (_, i) => 9 * Math.sin(i * i));
        const target = Uint8Array.from({ length: pixels }, (_, i) => i % Math.max(channels, 2));
        const mask = target.map((_, i) => Number(i % 5 > 0));
        for (const call of [{ shape: [1, channels, pixels] }, { shape: [1, channels, pixels], mask }]) {
          const { value } = sum.valueAndGrad(logits, target, call);
          expect(sum.value(logits, target, call)).toBe(value);
          expect(sum.evaluate(logits, target, call).value).toBe(value);
          expect(sum.valueFrom(sum.accumulate(logits, target, call))).toBe(value);
        }
      }
    },
  );

  test('the list is copied', () => {
    const terms: Terms = [[1, diceLoss()]];
    const loss = weightedSum(terms);
    const before = loss.value(pred, labels, { shape });
    (terms[0] as [number, Loss])[0] = 5;
    terms.push([1, focalLoss()]);
    expect(loss.value(pred, labels, { shape })).toBe(before);
    expect(loss.toJSON().terms?.length).toBe(1);
  });

  test('evaluate: classes of any term', () => {
    const loss = weightedSum([
      [1, diceLoss({ classes: [2] })],
      [1, crossEntropyLoss({ classes: [0] })],
    ]);
    expect(loss.evaluate(pred, labels, { shape }).classes).toEqual([0, 2]);
  });
});
