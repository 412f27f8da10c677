/** checkGradient: passes right gradients, finds wrong ones, leaves everything as it was. */
import { checkGradient, diceLoss, type Loss, regionLoss } from 'segloss';
import { describe, expect, test } from 'vitest';
import { CASES, data, thrown } from './contract-cases.js';

const wrong = regionLoss('wrong', ({ tp, p, g }) => ({
  value: 1 - (2 * tp) / (p + g),
  partials: { tp: -2 / (p + g), p: -(2 * tp) / (p + g) ** 2 },
}));

test.each(CASES)('right: $title', ({ make, ...of }) => {
  const { pred, labels, shape } = data(of);
  const before = pred.slice();
  const call = { shape, mask: Uint8Array.from(labels, (_, i) => i % 7), sampleWeights: [2, 1] };
  const found = checkGradient(make(), pred, labels, call);
  expect(found.passed, JSON.stringify(found)).toBe(true);
  expect(found.checked).toBe(Math.min(64, pred.length));
  expect(found.worst.error).toBeLessThan(found.tolerance);
  expect(pred).toEqual(before);
});

describe('what it takes and gives', () => {
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels: 1 });

  test('a wrong partial derivative is found, and where', () => {
    const { passed, worst } = checkGradient(wrong(), pred, labels, { shape });
    expect(passed).toBe(false);
    expect(worst.error).toBeGreaterThan(0.05);
    expect(worst.index).toBeGreaterThanOrEqual(0);
    expect(worst.analytic).not.toBeCloseTo(worst.numeric, 4);
  });

  test('a gradient of NaN or of nothing does not pass', () => {
    const loss = diceLoss();
    const broken = (change: (g: number) => number): Pick<Loss, 'value' | 'valueAndGrad'> => ({
      value: (...args) => loss.value(...args),
      valueAndGrad: (...args) => {
        const { value, grad } = loss.valueAndGrad(...args);
        return { value, grad: grad.map(change) };
      },
    });
    for (const change of [() => NaN, () => 0, (g: number) => -g, (g: number) => 1.01 * g]) {
      expect(checkGradient(broken(change), pred, labels, { shape }).passed).toBe(false);
    }
    expect(
      checkGradient(
        broken((g) => g),
        pred,
        labels,
        { shape },
      ).passed,
    ).toBe(true);
  });

  test('upstream counts, out is left alone', () => {
    const out = new Float32Array(pred.length).fill(5);
    const found = checkGradient(diceLoss(), pred, labels, { shape, upstream: -3, out });
    expect(found.passed).toBe(true);
    expect(new Set(out)).toEqual(new Set([5]));
  });

  test('samples and tolerance', () => {
    const found = checkGradient(diceLoss(), pred, labels, { shape }, { samples: 5, tolerance: 0.5 });
    expect([found.checked, found.tolerance]).toEqual([5, 0.5]);
    expect(checkGradient(wrong(), pred, labels, { shape }, { tolerance: 100 }).passed).toBe(true);
  });

  test('an empty prediction passes', () => {
    const found = checkGradient(diceLoss(), new Float32Array(0), new Uint8Array(0), { shape: [0, 1, 3] });
    expect([found.passed, found.checked]).toEqual([true, 0]);
  });

  test('mistakes', () => {
    const run = (...args: unknown[]) =>
      thrown(() => (checkGradient as unknown as (...all: unknown[]) => unknown)(...args));
    expect(run(null, pred, labels, { shape }).constructor).toBe(TypeError);
    expect(run({}, pred, labels, { shape }).message).toContain('"loss"');
    expect(run(diceLoss(), pred, labels, { shape }, { sample: 3 }).message).toMatch(/"sample".*"samples"/);
    expect(run(diceLoss(), pred, labels, { shape }, { samples: 0 }).constructor).toBe(RangeError);
    expect(run(diceLoss(), pred, labels, { shape }, { tolerance: '1' }).constructor).toBe(TypeError);
    expect(run(diceLoss(), [1, 2], labels, { shape }).constructor).toBe(TypeError);
    expect(run(diceLoss(), pred, labels, undefined).constructor).toBe(TypeError);
    expect(run(diceLoss(), pred, labels, { shape: [2, 2, 5] }).constructor.name).toBe('ShapeError');
  });
});
