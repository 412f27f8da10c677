/** `segloss/compat/article` beyond its fixtures: the batch-wide rule of `iou`, merged sums, options and JSON. */
import { describe, expect, test } from 'vitest';
import * as article from '../ts/compat/article.js';
import { lossFromJSON, Sums, weightedSum } from '../ts/index.js';
import type { Loss } from '../ts/index.js';

const PIXELS = 12;
const call = { shape: [3, 3, 4, 1] };
const pred = Float32Array.from({ length: 3 * PIXELS }, (_, i) => 0.5 + 0.4 * Math.sin(3 * i));
const nothing = new Uint8Array(pred.length);
/** Foreground in the last sample only. */
const lesion = nothing.map((_, i) => (i >= 2 * PIXELS && i % 5 === 0 ? 1 : 0));

/** The snippet, in f64. */
function iouOf(p: ArrayLike<number>, g: ArrayLike<number>, eps: number): number {
  const empty = Math.max(...Array.from(g)) === 0;
  const of = (values: ArrayLike<number>, i: number): number =>
    empty ? 1 - (values[i] ?? 0) : (values[i] ?? 0);
  let sum = 0;
  for (let b = 0; b < p.length / PIXELS; b++) {
    let [both, all] = [0, 0];
    for (let i = b * PIXELS; i < (b + 1) * PIXELS; i++) {
      both += of(p, i) * of(g, i);
      all += of(p, i) + of(g, i);
    }
    sum += (both + eps) / (all - both + eps);
  }
  return (-sum * PIXELS) / p.length;
}

function differences(f: (p: Float64Array) => number, at: ArrayLike<number>): number[] {
  const h = 1e-4;
  const p = Float64Array.from(at);
  return Array.from(p, (x, i) => {
    p[i] = x + h;
    const above = f(p);
    p[i] = x - h;
    const below = f(p);
    p[i] = x;
    return (above - below) / (2 * h);
  });
}

function expectClose(found: Float32Array, expected: readonly number[], bound: number): void {
  const largest = Math.max(...expected.map(Math.abs));
  const errors = expected.map((x, i) => Math.abs((found[i] ?? NaN) - x));
  expect(Math.max(...errors)).toBeLessThanOrEqual(bound * largest);
}

describe('iou is of the background when the whole batch is empty', () => {
  const loss = article.iou({ eps: 0.01 });
  test.each([
    ['no foreground', nothing],
    ['foreground in one sample', lesion],
  ])('%s: within 1e-6 of the snippet, gradient of its differences', (_, target) => {
    const { value, grad } = loss.valueAndGrad(pred, target, call);
    expect(Math.abs(value - iouOf(pred, target, 0.01))).toBeLessThanOrEqual(1e-6);
    expectClose(
      grad,
      differences((p) => iouOf(p, target, 0.01), pred),
      1e-6,
    );
    expect(loss.value(pred, target, call)).toBe(value);
  });

  test('masked foreground and a weightless sample do not decide', () => {
    const two = { shape: [2, 3, 4, 1] };
    const empty = loss.value(pred.subarray(0, 2 * PIXELS), nothing.subarray(0, 2 * PIXELS), two);
    expect(loss.value(pred, lesion, { ...call, sampleWeights: [1, 1, 0] })).toBe(empty);
    const mask = lesion.map((g) => 1 - g);
    const kept = pred.filter((_, i) => i >= 2 * PIXELS && mask[i]);
    const third = (kept.reduce((sum, p) => sum + 1 - p, 0) + 0.01) / (kept.length + 0.01);
    expect(loss.value(pred, lesion, { ...call, mask })).toBeCloseTo((2 * empty - third) / 3, 6);
  });

  test('one term of a weighted sum keeps the rule', () => {
    const sum = weightedSum([
      [2, loss],
      [0.5, article.logLoss()],
    ]);
    const expected = 2 * loss.value(pred, nothing, call) + 0.5 * article.logLoss().value(pred, nothing, call);
    expect(sum.value(pred, nothing, call)).toBeCloseTo(expected, 12);
  });
});

const LOSSES: readonly Loss[] = [
  article.focalLoss(),
  article.diceCoefLoss(),
  article.iou(),
  article.tverskyLoss(),
  article.focalTversky(),
  article.sensitivitySpecificity(),
  article.generalizedDiceLoss(),
  article.generalizedDiceLossAsPrinted(),
  article.logLoss(),
  article.weightedCrossEntropy({ weight: 3 }),
];

describe.each(LOSSES.map((loss) => [`${loss.name} ${JSON.stringify(loss.toJSON())}`, loss] as const))(
  '%s',
  (_, loss) => {
    test.each([
      ['foreground in the last part only', lesion],
      ['no foreground', nothing],
    ])('merged from parts, value within 1e-9, gradient within 1e-6: %s', (__, target) => {
      const parts = [0, 1, 2].map((sample) => ({
        pred: pred.subarray(sample * PIXELS, (sample + 1) * PIXELS),
        target: target.subarray(sample * PIXELS, (sample + 1) * PIXELS),
        call: { shape: [1, 3, 4, 1], sample },
      }));
      const sums = parts
        .map((part) => loss.accumulate(part.pred, part.target, part.call))
        .reduce((a, b) => a.merge(b));
      const merged = Sums.from(JSON.parse(JSON.stringify(sums)));
      const whole = loss.valueAndGrad(pred, target, call);
      expect(Math.abs(loss.valueFrom(merged) - whole.value)).toBeLessThanOrEqual(
        1e-9 * Math.abs(whole.value),
      );
      const grad = parts.flatMap((part) => [...loss.gradFrom(part.pred, part.target, merged, part.call)]);
      expectClose(Float32Array.from(grad), [...whole.grad], 1e-6);
    });

    test('comes back from JSON', () => {
      const json = JSON.parse(JSON.stringify(loss)) as ReturnType<Loss['toJSON']>;
      const back = lossFromJSON(json, { losses: { iou: article.iou } });
      expect(back.toJSON()).toEqual(loss.toJSON());
      expect(back.value(pred, lesion, call)).toBe(loss.value(pred, lesion, call));
      expect(back.describe()).toBe(loss.describe());
    });
  },
);

test('iou is the only one lossFromJSON has to be told of', () => {
  const unknown = LOSSES.filter((loss) => {
    try {
      lossFromJSON(loss.toJSON());
      return false;
    } catch {
      return true;
    }
  });
  expect(unknown.map(({ name }) => name)).toEqual(['iou']);
});

describe('options', () => {
  const out = (make: () => Loss, error: typeof Error, text: RegExp): void => {
    expect(make).toThrow(error);
    expect(make).toThrow(text);
  };

  test('out of range: RangeError with the name the article uses', () => {
    out(() => article.focalLoss({ alpha: 1.5 }), RangeError, /"alpha".*1\.5/);
    out(() => article.focalLoss({ gamma: -1 }), RangeError, /"gamma".*-1/);
    out(() => article.tverskyLoss({ alpha: 2 }), RangeError, /"alpha".*2/);
    out(() => article.sensitivitySpecificity({ r: -0.1 }), RangeError, /"r".*-0\.1/);
    out(() => article.iou({ eps: NaN }), RangeError, /"eps".*NaN/);
    out(() => article.weightedCrossEntropy({ weight: -1 }), RangeError, /"weight".*-1/);
  });

  test('of another kind, unknown or missing: TypeError', () => {
    out(() => article.diceCoefLoss({ smooth: '1' } as never), TypeError, /"smooth"/);
    out(() => article.focalTversky({ gama: 1 } as never), TypeError, /gamma/);
    out(() => article.generalizedDiceLoss({ smooth: 1 }), TypeError, /smooth/);
    out(() => article.weightedCrossEntropy({} as never), TypeError, /"weight".*undefined/);
  });
});
