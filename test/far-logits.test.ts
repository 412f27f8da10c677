/** Softmax of logits far from 0 among near ones: many pixels, of which some go another way through the core. */
import { describe, expect, it } from 'vitest';
import { crossEntropyLoss, diceLoss, focalLoss } from '../ts/index.js';
import { compareData } from './twin/compare.js';
import type { Config } from './twin/index.js';
import { random } from './twin/random.js';

describe('far logits among near ones', () => {
  it.each([2, 4, 5])('several +Infinity channels of a pixel among many pixels: %i classes', (channels) => {
    const [pixels, at] = [5000, 3210];
    const r = random(channels);
    const pred = Float32Array.from({ length: channels * pixels }, () => r.normal());
    for (let k = 0; k < channels; k++) pred[k * pixels + at] = Infinity;
    const equal = pred.map((z) => (z === Infinity ? 0 : z));
    const labels = Uint8Array.from({ length: pixels }, () => r.below(channels));
    const call = { shape: [1, channels, pixels] };
    for (const loss of [
      crossEntropyLoss({ reduction: 'sum' }),
      diceLoss({ activation: 'softmax' }),
      focalLoss({ activation: 'softmax' }),
    ]) {
      const [found, right] = [pred, equal].map((z) => loss.valueAndGrad(z, labels, call));
      expect(found!.value).toBeCloseTo(right!.value, 3);
      const largest = right!.grad.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
      found!.grad.forEach((g, i) =>
        expect(Math.abs(g - right!.grad[i]!)).toBeLessThanOrEqual(2e-6 * largest),
      );
    }
  });

  it.each([2, 3, 4, 5])(
    'sums of parts are those of the whole, far logits among near: %i classes',
    (channels) => {
      const r = random(channels + 40);
      for (const pixels of [64, 700, 3000]) {
        const far = (i: number): number => (i % pixels === 5 || i % pixels === pixels - 9 ? 70 : 3);
        const pred = Float32Array.from({ length: channels * pixels }, (_, i) => (2 * r.next() - 1) * far(i));
        const labels = Uint8Array.from({ length: pixels }, () => r.below(channels));
        for (const loss of [
          diceLoss({ activation: 'softmax' }),
          crossEntropyLoss({ reduction: 'sum' }),
          focalLoss({ activation: 'softmax', reduction: 'sum' }),
        ]) {
          const part = (from: number, to: number) => {
            const shape = [1, channels, to - from];
            const cut = Array.from({ length: channels }, (_, k) => [
              ...pred.subarray(k * pixels + from, k * pixels + to),
            ]);
            return loss.accumulate(Float32Array.from(cut.flat()), labels.subarray(from, to), { shape });
          };
          const whole = loss.value(pred, labels, { shape: [1, channels, pixels] });
          for (const at of [13, 31, pixels - 17]) {
            const value = loss.valueFrom(part(0, at).merge(part(at, pixels)));
            expect(Math.abs(value / whole - 1), `${loss.name} ${pixels} ${at}`).toBeLessThanOrEqual(1e-9);
          }
        }
      }
    },
  );

  it.each([3, 4, 5])('two of %i classes in doubt, the first far below: every pixel to 1e-6', (channels) => {
    const pixels = 3000;
    const r = random(channels);
    const labels = Uint8Array.from({ length: pixels }, () => 1 + r.below(2));
    const call = { shape: [1, channels, pixels] };
    for (const low of [0, -8, -20, -40, -80]) {
      const pred = Float32Array.from(
        { length: channels * pixels },
        (_, i) => r.normal() + (i < pixels ? low : 0),
      );
      const loss = crossEntropyLoss({ reduction: 'sum' });
      const each = loss.unreduced(pred, labels, call).data;
      const { value, grad } = loss.valueAndGrad(pred, labels, call);
      let sum = 0;
      let worst = 0;
      for (let i = 0; i < pixels; i++) {
        const z = Array.from({ length: channels }, (_, k) => pred[k * pixels + i]!);
        const own = labels[i]!;
        const others = z.reduce((all, x, k) => all + (k === own ? 0 : Math.exp(x - z[own]!)), 0);
        const right = Math.log1p(others);
        sum += right;
        const ofOwn = -others / (1 + others);
        worst = Math.max(
          worst,
          Math.abs(each[i]! / right - 1),
          Math.abs(grad[own * pixels + i]! / ofOwn - 1),
        );
      }
      expect(worst, `${low}`).toBeLessThanOrEqual(1e-6);
      expect(Math.abs(value / sum - 1), `${low}`).toBeLessThanOrEqual(1e-7);
    }
  });

  /** Exponentials are of logits as they are, or of how far they lie below the largest. */
  it.each([2, 3, 4, 5])('logits near and far in turn: %i classes agree with the twin', (channels) => {
    const pixels = 2100;
    const r = random(channels);
    const call = { shape: [1, channels, pixels] };
    const mask = Uint8Array.from({ length: pixels }, () => Number(r.next() < 0.8));
    const labels = Uint8Array.from({ length: pixels }, () => r.below(channels));
    for (const reach of [21, 43, 44, 90, 1e4]) {
      const size = (i: number): number => ((i % pixels) % 900 < 500 ? 4 : reach);
      const pred = Float32Array.from({ length: channels * pixels }, (_, i) => (2 * r.next() - 1) * size(i));
      for (const name of ['crossEntropyLoss', 'diceLoss', 'focalLoss', 'polyCrossEntropyLoss']) {
        const config: Config = {
          name,
          options: name === 'crossEntropyLoss' ? {} : { activation: 'softmax' },
        };
        for (const given of [call, { ...call, mask }])
          expect(compareData(config, { pred, target: labels, call: given }), `${name} ${reach}`).toEqual([]);
      }
    }
  });

  /** Ties for the largest, the own class among them or not, a near pixel beside: every method does the same operations. */
  it.each([2, 3, 4])('%i classes: a pixel alone has the bits of the same among others', (channels) => {
    const sizes = [100, 99, 0, -100];
    const pixels = sizes.length ** channels * channels;
    const logit = (i: number, k: number): number => sizes[Math.floor(i / channels / 4 ** k) % 4]!;
    const pred = Float32Array.from({ length: channels * pixels }, (_, at) =>
      logit(at % pixels, Math.floor(at / pixels)),
    );
    const labels = Uint8Array.from({ length: pixels }, (_, i) => i % channels);
    for (const loss of [
      focalLoss({ activation: 'softmax', gamma: 1, reduction: 'sum' }),
      focalLoss({ activation: 'softmax', gamma: 3, reduction: 'sum' }),
    ]) {
      const each = loss.unreduced(pred, labels, { shape: [1, channels, pixels] }).data;
      const wrong: string[] = [];
      for (let i = 0; i < pixels; i++) {
        const one = Float32Array.from({ length: channels }, (_, k) => logit(i, k));
        const value = loss.value(one, labels.subarray(i, i + 1), { shape: [1, channels] });
        if (!Object.is(Math.fround(value), each[i])) wrong.push(`${one.join()}: ${value}, ${each[i]}`);
      }
      expect(wrong.slice(0, 4), `${wrong.length} of ${pixels}`).toEqual([]);
    }
  });

  it.each([2, 3, 4])('%i classes: a NaN beside far logits reaches its pixel alone', (channels) => {
    const pixels = 1000;
    const r = random(channels);
    const labels = Uint8Array.from({ length: pixels }, () => r.below(channels));
    const call = { shape: [1, channels, pixels] };
    for (const k of Array.from({ length: channels }, (_, k) => k)) {
      const pred = Float32Array.from({ length: channels * pixels }, () => r.normal());
      // A NaN in a pixel that is far itself, in one beside it, and in one of a vector without any.
      for (const i of [401, 402, 403]) pred[((k + 1) % channels) * pixels + i] = 90;
      for (const i of [401, 400, 700]) pred[k * pixels + i] = NaN;
      for (const loss of [crossEntropyLoss(), focalLoss({ activation: 'softmax' })]) {
        const { value, grad } = loss.valueAndGrad(pred, labels, call);
        expect(value).toBeNaN();
        const wrong = grad.findIndex((g, at) => Number.isNaN(g) !== [400, 401, 700].includes(at % pixels));
        expect(wrong, `${loss.name}, NaN of class ${k}`).toBe(-1);
      }
      expect(diceLoss({ activation: 'softmax' }).value(pred, labels, call)).toBeNaN();
    }
  });

  it('channels last, more than the core holds: far and near agree with channels first', () => {
    const [pixels, channels] = [2 ** 19 + 1234, 3];
    const r = random(7);
    const last = Float32Array.from(
      { length: channels * pixels },
      (_, i) => r.normal() * (i % 999 === 0 ? 90 : 2),
    );
    const first = new Float32Array(channels * pixels);
    last.forEach((z, i) => {
      first[(i % channels) * pixels + Math.floor(i / channels)] = z;
    });
    const labels = Uint8Array.from({ length: pixels }, () => r.below(channels));
    const options = { activation: 'softmax' } as const;
    const a = diceLoss(options).valueAndGrad(first, labels, { shape: [1, channels, pixels] });
    const b = diceLoss({ ...options, dataFormat: 'channelsLast' }).valueAndGrad(last, labels, {
      shape: [1, pixels, channels],
    });
    expect(b.value).toBe(a.value);
    const wrong = b.grad.findIndex(
      (g, i) => !Object.is(g, a.grad[(i % channels) * pixels + Math.floor(i / channels)]),
    );
    expect(wrong).toBe(-1);
  });

  /** As models rule a class out; labels may hold it all the same. */
  it.each([
    [2, -1e4],
    [3, -Infinity],
    [4, -1e4],
    [4, 60],
  ])('of %i classes the last is %d everywhere: agrees with the twin', (channels, logit) => {
    const pixels = 1100;
    const r = random(channels);
    const pred = Float32Array.from({ length: channels * pixels }, () => r.normal()).fill(
      logit,
      (channels - 1) * pixels,
    );
    const call = { shape: [1, channels, pixels] };
    for (const classes of [channels - 1, channels]) {
      const target = Uint8Array.from({ length: pixels }, () => r.below(classes));
      for (const name of ['crossEntropyLoss', 'diceLoss', 'focalLoss', 'generalizedCrossEntropyLoss']) {
        const options = name === 'crossEntropyLoss' ? {} : { activation: 'softmax' as const };
        expect(compareData({ name, options }, { pred, target, call }), `${name} ${classes}`).toEqual([]);
      }
    }
  });
});
