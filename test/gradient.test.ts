/** The gradient where formulas have corners: clamped logarithms, scores of exactly 1, denominators of exactly 0. */
import { describe, expect, it } from 'vitest';
import {
  binaryCrossEntropyLoss,
  crossEntropyLoss,
  diceLoss,
  focalLoss,
  focalTverskyLoss,
  jaccardLoss,
  type Loss,
  type Transform,
} from '../ts/index.js';
import { make } from './twin/compare.js';
import { REGION_LOSSES } from './twin/index.js';

const zero = (length: number): Float32Array => new Float32Array(length);
const near = (got: Float32Array, expected: readonly number[]): void => {
  expect(got).toHaveLength(expected.length);
  expected.forEach((x, i) => {
    expect(Math.abs((got[i] ?? NaN) - x), `entry ${i}: ${got[i]}, expected ${x}`).toBeLessThanOrEqual(
      1e-6 * Math.abs(x),
    );
  });
};
/** −0 counts as 0. */
const expectZero = (grad: Float32Array): void => {
  expect(grad.map((x) => x + 0)).toEqual(zero(grad.length));
};

describe('focal at p = 1', () => {
  it.each([0, 0.5, 1, 2, 3.7])('γ = %d: gradient 0, never NaN', (gamma) => {
    const labels = new Uint8Array([1, 0]);
    const binary = focalLoss({ gamma }).valueAndGrad(new Float32Array([1e4, -1e4]), labels, {
      shape: [1, 1, 2],
    });
    expect(binary.value).toBe(0);
    expectZero(binary.grad);
    const many = focalLoss({ gamma }).valueAndGrad(new Float32Array([0, 1e4, 1e4, 0]), labels, {
      shape: [1, 2, 2],
    });
    expect(many.value).toBe(0);
    expectZero(many.grad);
  });

  it.each([0.5, 1, 2])(
    'γ = %d, probabilities as given: gradient 0 where right, finite where wrong',
    (gamma) => {
      const loss = focalLoss({ gamma, activation: 'none', reduction: 'sum' });
      const { value, grad } = loss.valueAndGrad(
        new Float32Array([1, 0, 0, 1]),
        new Uint8Array([1, 0, 1, 0]),
        {
          shape: [1, 1, 4],
        },
      );
      expect(value).toBe(200);
      expectZero(grad.subarray(0, 2));
      expect([...grad.subarray(2)].every(Number.isFinite)).toBe(true);
      expect(grad[2]).toBeLessThan(0);
      expect(grad[3]).toBeGreaterThan(0);
    },
  );
});

describe('a score of exactly 1', () => {
  const [pred, labels, call] = [
    new Float32Array([1, 0, 0, 1]),
    new Uint8Array([1, 0, 0, 1]),
    { shape: [1, 1, 4] },
  ];
  const losses: [string, Loss][] = [
    ['focalTverskyLoss', focalTverskyLoss({ activation: 'none' })],
    ['diceLoss, power 0.75', diceLoss({ activation: 'none', transform: { power: 0.75 } })],
    ['jaccardLoss, power 0.5', jaccardLoss({ activation: 'none', transform: { power: 0.5 } })],
  ];
  it.each(losses)('%s: loss 0 and gradient 0', (_, loss) => {
    const { value, grad } = loss.valueAndGrad(pred, labels, call);
    expect(value).toBe(0);
    expectZero(grad);
  });
});

describe('a score below 1e-7', () => {
  it('log: −ln 1e-7 and gradient 0', () => {
    const loss = diceLoss({ activation: 'none', transform: 'log', smooth: 0 });
    const { value, grad } = loss.valueAndGrad(zero(4), new Uint8Array([1, 0, 0, 1]), { shape: [1, 1, 4] });
    expect(value).toBeCloseTo(-Math.log(1e-7), 12);
    expectZero(grad);
  });
});

const WITHOUT_TRANSFORM = [
  'clDiceLoss',
  'focalTverskyLoss',
  'matthewsLoss',
  'penaltyGeneralizedDiceLoss',
  'sensitivitySpecificityLoss',
];

describe('a denominator of exactly 0', () => {
  const transforms: (Transform | undefined)[] = [undefined, 'log', 'logCosh', 'negative', { power: 0.5 }];
  const configs = REGION_LOSSES.flatMap((name) =>
    (WITHOUT_TRANSFORM.includes(name) ? [undefined] : transforms).map((transform) => ({
      name,
      options: { activation: 'none' as const, smooth: 0, ...(transform !== undefined && { transform }) },
    })),
  );
  it.each(configs)('$name $options: loss 0 and gradient 0', (config) => {
    const { value, grad } = make(config).valueAndGrad(zero(4), new Uint8Array(4), { shape: [1, 1, 4] });
    expect(value).toBe(0);
    expectZero(grad);
  });
});

describe('probabilities of 0 and 1', () => {
  it('binary cross-entropy: logarithms end at −100, gradient (p−g)/max(p(1−p), 1e-12)', () => {
    const pred = new Float32Array([0, 1, 0, 1, 0.5, 0.25]);
    const labels = new Uint8Array([1, 0, 0, 1, 1, 0]);
    const loss = binaryCrossEntropyLoss({ activation: 'none', reduction: 'sum' });
    const { value, grad } = loss.valueAndGrad(pred, labels, { shape: [1, 1, 6] });
    expect(value).toBeCloseTo(200 - Math.log(0.5) - Math.log(0.75), 4);
    near(grad, [-1e12, 1e12, 0, 0, -2, 0.25 / (0.25 * 0.75)]);
  });

  it('cross-entropy: logarithms end at −100, gradient −g/max(p, 1e-12)', () => {
    const pred = new Float32Array([0, 1, 0.5, 1, 0, 0.5]);
    const loss = crossEntropyLoss({ activation: 'none', reduction: 'sum' });
    const { value, grad } = loss.valueAndGrad(pred, new Uint8Array([0, 0, 1]), { shape: [1, 2, 3] });
    expect(value).toBeCloseTo(100 - Math.log(0.5), 4);
    near(grad, [-1e12, -1, 0, 0, 0, -2]);
  });

  it('up to 1e-6 beyond [0, 1] is clamped', () => {
    const labels = new Uint8Array([1, 0]);
    for (const name of [...REGION_LOSSES, 'binaryCrossEntropyLoss', 'focalLoss']) {
      const loss = make({ name, options: { activation: 'none' } });
      const call = { shape: [1, 1, 2] };
      const inside = loss.valueAndGrad(new Float32Array([1, 0]), labels, call);
      expect(loss.valueAndGrad(new Float64Array([1 + 9e-7, -9e-7]), labels, call), name).toEqual(inside);
    }
  });
});
