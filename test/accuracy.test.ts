/** How far values and gradients are from f64; the lines printed are the numbers the README states. */
import { describe, expect, it } from 'vitest';
import { binaryCrossEntropyLoss, crossEntropyLoss, diceLoss } from '../ts/index.js';
import { make } from './twin/compare.js';
import { type Config, twinOf } from './twin/index.js';
import { random } from './twin/random.js';
import { needed } from './twin/cases.js';
import { TABLE } from './twin/table.js';

const scientific = (x: number): string => x.toExponential(1);
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Logits spread over ±`reach`, and labels of which few are foreground. */
function scene(samples: number, channels: number, pixels: number, reach: number, seed: number) {
  const r = random(seed);
  return {
    pred: Float32Array.from({ length: samples * channels * pixels }, () => reach * (2 * r.next() - 1)),
    labels: Uint8Array.from({ length: samples * pixels }, () =>
      r.next() < 0.05 ? 1 + r.below(Math.max(channels - 1, 1)) : 0,
    ),
    call: { shape: [samples, channels, pixels] },
  };
}

describe('value', () => {
  const cases = Object.entries(TABLE).flatMap(([name, { activations }]) =>
    activations
      .filter((activation) => activation !== 'none')
      .map((activation): Config => ({ name, options: { activation, ...needed(name, 4) } })),
  );

  it('relative error ≤ 1e-6 against f64 on random logits', () => {
    const errors = cases.map((config) => {
      const channels = config.options.activation === 'sigmoid' ? 1 : 4;
      // The twin of a distance looks from every pixel at every other.
      const pixels = /boundary|hausdorff/.test(config.name) ? 1000 : 5000;
      const errorsOf = [1, 4, 12].map((reach) => {
        const { pred, labels, call } = scene(2, channels, pixels, reach, reach);
        const expected = twinOf(config, labels, call).value(pred);
        return Math.abs(make(config).value(pred, labels, call) / expected - 1);
      });
      return { loss: `${config.options.activation} ${config.name}`, error: Math.max(...errorsOf) };
    });
    const worst = errors.reduce((a, b) => (b.error > a.error ? b : a));
    console.log(`accuracy: value, worst relative error ${scientific(worst.error)} (${worst.loss})`);
    expect(errors.filter(({ error }) => !(error <= 1e-6))).toEqual([]);
  });
});

describe('summation over 4 million pixels: relative error ≤ 1e-8', () => {
  const pixels = 2 ** 22;

  it('region sums of probabilities as given', () => {
    const r = random(5);
    const pred = Float32Array.from({ length: pixels }, () => r.next());
    const labels = Uint8Array.from({ length: pixels }, () => Number(r.next() < 0.3));
    let [tp, p, g] = [0, 0, 0];
    pred.forEach((x, i) => {
      const label = labels[i] as number;
      tp += x * label;
      p += x;
      g += label;
    });
    const expected = 1 - (2 * tp + 1e-5) / (p + g + 1e-5);
    const value = diceLoss({ activation: 'none' }).value(pred, labels, { shape: [1, 1, pixels] });
    const error = Math.abs(value / expected - 1);
    console.log(`accuracy: Dice of ${pixels} given probabilities, relative error ${scientific(error)}`);
    expect(error).toBeLessThanOrEqual(1e-8);
  });

  it('pixel sums: binary cross-entropy', () => {
    const { pred, labels, call } = scene(1, 1, pixels, 6, 6);
    let expected = 0;
    pred.forEach((z, i) => {
      expected += softplus(labels[i] === 1 ? -z : z);
    });
    const value = binaryCrossEntropyLoss().value(pred, labels, call);
    const error = Math.abs((value * pixels) / expected - 1);
    console.log(`accuracy: BCE of ${pixels} pixels, relative error ${scientific(error)}`);
    expect(error).toBeLessThanOrEqual(1e-8);
  });
});

/** The largest relative error of an entry, against what it should be and the size of its largest summand. */
function worstEntry(grad: Float32Array, of: (i: number) => { expected: number; summand: number }): number {
  let worst = 0;
  grad.forEach((x, i) => {
    const { expected, summand } = of(i);
    const error = Math.abs(x - expected) / summand;
    if (!(error <= worst)) worst = error;
  });
  return worst;
}

describe('gradient per entry: ≤ 1e-5 relative for |z| ≤ 20', () => {
  const pixels = 20_000;

  it('binary cross-entropy of hard targets', () => {
    const { pred, labels, call } = scene(1, 1, pixels, 20, 7);
    const { grad } = binaryCrossEntropyLoss({ reduction: 'sum' }).valueAndGrad(pred, labels, call);
    const worst = worstEntry(grad, (i) => {
      const z = pred[i] as number;
      const expected = labels[i] === 1 ? -sigmoid(-z) : sigmoid(z);
      return { expected, summand: Math.abs(expected) };
    });
    console.log(`accuracy: BCE gradient, worst relative error of an entry ${scientific(worst)}`);
    expect(worst).toBeLessThanOrEqual(1e-5);
  });

  it('softmax cross-entropy of hard targets', () => {
    const channels = 4;
    const { pred, labels, call } = scene(1, channels, pixels, 20, 8);
    const { grad } = crossEntropyLoss({ reduction: 'sum' }).valueAndGrad(pred, labels, call);
    const worst = worstEntry(grad, (at) => {
      const [k, i] = [Math.floor(at / pixels), at % pixels];
      const z = Array.from({ length: channels }, (_, j) => pred[j * pixels + i] as number);
      const e = z.map((x) => Math.exp(x - Math.max(...z)));
      const others = sum(e.filter((_, j) => j !== k));
      const expected = labels[i] === k ? -others / sum(e) : (e[k] as number) / sum(e);
      return { expected, summand: Math.abs(expected) };
    });
    console.log(`accuracy: CE gradient, worst relative error of an entry ${scientific(worst)}`);
    expect(worst).toBeLessThanOrEqual(1e-5);
  });

  it('sigmoid Dice, relative to the largest summand, up to |z| = 40', () => {
    const { pred, labels, call } = scene(1, 1, pixels, 40, 9);
    const { grad } = diceLoss().valueAndGrad(pred, labels, call);
    const p = Array.from(pred, sigmoid);
    const tp = sum(p.filter((_, i) => labels[i] === 1));
    const g = labels.reduce((a, b) => a + b, 0);
    const [top, bottom] = [2 * tp + 1e-5, sum(p) + g + 1e-5];
    const worst = worstEntry(grad, (i) => {
      const z = pred[i] as number;
      const slope = sigmoid(z) * sigmoid(-z);
      const summands = [top / bottom ** 2, (-2 * (labels[i] as number)) / bottom].map((x) => x * slope);
      return { expected: sum(summands), summand: Math.max(...summands.map(Math.abs)) };
    });
    console.log(
      `accuracy: sigmoid Dice gradient, worst error of an entry by its largest summand ${scientific(worst)}`,
    );
    expect(worst).toBeLessThanOrEqual(1e-5);
  });
});
