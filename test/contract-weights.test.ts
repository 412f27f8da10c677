/** What counts: mask, ignored labels, weights, classes, and what a mean divides by. */
import type { LossCall } from 'segloss';
import { describe, expect, test } from 'vitest';
import { CASES, data, difference, distance, oneHot, type Options, random, toLast } from './contract-cases.js';

/** Some pixels of either sample. */
const out = (i: number) => i % 4 === 1 || i > 26;

describe.each(CASES)('$title', (of) => {
  const all = data(of);
  const { pred, labels, shape, channels, pixels, samples } = all;
  const mask = Uint8Array.from(labels, (_, i) => (out(i) ? 0 : 1));
  const ignored = labels.map((label, i) => (out(i) ? 255 : label));
  const run = (options: Options, target: typeof labels | Float32Array, call: Partial<LossCall> = {}) =>
    of.make(options).valueAndGrad(pred, target, { shape, ...call });
  const masked = run({}, labels, { mask });
  const isMasked = (got: { value: number; grad: Float32Array }, title: string) => {
    expect(got.value, title).toBe(masked.value);
    expect(difference(got.grad, masked.grad), title).toBe(-1);
  };
  /** Entries of the prediction at a pixel. */
  const entries = (i: number) =>
    Array.from(
      { length: channels },
      (_, k) => (Math.floor(i / pixels) * channels + k) * pixels + (i % pixels),
    );

  test('mask and ignored label are the same thing, whatever array holds them', () => {
    isMasked(run({ ignoreIndex: 255 }, ignored), 'label 255');
    const minus = Int8Array.from(ignored, (label) => (label === 255 ? -1 : label));
    isMasked(run({ ignoreIndex: -1 }, minus as unknown as Uint8Array), 'label -1');
    const far = Uint32Array.from(ignored, (label) => (label === 255 ? 4_294_967_295 : label));
    isMasked(run({ ignoreIndex: 4_294_967_295 }, far as unknown as Uint8Array), 'label 2³² − 1');
    if (channels > 1) isMasked(run({ ignoreIndex: 255 }, Float32Array.from(ignored)), 'float labels');
    for (const [title, like] of Object.entries({
      'plain array': Array.from(mask),
      'any number but 0': Float32Array.from(mask, (m) => -0.25 * m),
      integers: Int32Array.from(mask, (m) => 70_000 * m),
      doubles: Float64Array.from(mask),
      'array-like': Object.assign({ length: mask.length }, Array.from(mask)) as ArrayLike<number>,
    })) {
      isMasked(run({}, labels, { mask: like }), title);
    }
  });

  test('the gradient there is exactly +0, whatever the sign of all else', () => {
    for (const upstream of [1, -1]) {
      for (const { grad } of [
        run({}, labels, { mask, upstream }),
        run({ ignoreIndex: 255 }, ignored, { upstream }),
      ]) {
        labels.forEach((_, i) => {
          if (out(i)) for (const at of entries(i)) expect(Object.is(grad[at], 0), `pixel ${i}`).toBe(true);
        });
        expect(grad.some((g) => g !== 0)).toBe(true);
      }
    }
  });

  test('what lies there is neither checked nor used', () => {
    const wild = pred.slice();
    const values = [NaN, Infinity, -Infinity, 1e30];
    labels.forEach((_, i) => {
      if (out(i)) entries(i).forEach((at, k) => (wild[at] = values[(i + k) % 4] ?? 0));
    });
    const loss = of.make();
    const wildLabels = labels.map((label, i) => (out(i) ? 200 : label));
    isMasked(loss.valueAndGrad(wild, wildLabels, { shape, mask }), 'prediction and label');
    isMasked(
      of.make({ ignoreIndex: 255 }).valueAndGrad(wild, ignored, { shape }),
      'prediction under an ignored label',
    );
    const dense = Float32Array.from(oneHot(all));
    const plain = loss.valueAndGrad(pred, dense, { shape, mask });
    labels.forEach((_, i) => {
      if (out(i)) for (const at of entries(i)) dense[at] = NaN;
    });
    const got = loss.valueAndGrad(wild, dense, { shape, mask });
    expect(got.value).toBe(plain.value);
    expect(difference(got.grad, plain.grad)).toBe(-1);
  });

  test('channels last, the same', () => {
    const last = of.make({ dataFormat: 'channelsLast', ignoreIndex: 255 });
    const lastShape = [samples, 3, 5, channels];
    const got = last.valueAndGrad(toLast(pred, all), ignored, { shape: lastShape });
    expect(got.value).toBe(masked.value);
    expect(difference(got.grad, toLast(masked.grad, all))).toBe(-1);
  });

  test('in a dense target an ignored entry takes out the pixel (softmax) or the element', () => {
    const dense = Float32Array.from(oneHot(all));
    const pixelsOut = new Set<number>();
    const elementsOut = new Uint8Array(dense.length);
    for (const at of [2, 17, dense.length - 1]) {
      dense[at] = -1;
      elementsOut[at] = 1;
      pixelsOut.add(Math.floor(at / (channels * pixels)) * pixels + (at % pixels));
    }
    const got = run({ ignoreIndex: -1 }, dense);
    const clean = Float32Array.from(oneHot(all));
    if (of.activation === 'softmax' || channels === 1) {
      const same = run({}, clean, { mask: Uint8Array.from(labels, (_, i) => (pixelsOut.has(i) ? 0 : 1)) });
      expect(got.value).toBe(same.value);
      expect(difference(got.grad, same.grad)).toBe(-1);
      return;
    }
    // An element out has weight 0, and does not count among the valid ones.
    const pixelWeights = Float32Array.from(elementsOut, (gone) => 1 - gone);
    const options = of.family === 'region' ? {} : { reduction: 'sum' };
    const sums = run({ ignoreIndex: -1, ...options }, dense);
    const same = run(options, clean, { pixelWeights });
    expect(sums.value).toBeCloseTo(same.value, 9);
    expect(distance(sums.grad, same.grad)).toBeLessThan(1e-6);
    elementsOut.forEach((gone, at) => {
      if (gone === 1) expect(Object.is(got.grad[at], 0)).toBe(true);
    });
  });

  test('a label of 0…C−1 may be ignored in a label map', () => {
    if (channels === 1) return;
    const got = run({ ignoreIndex: 1 }, labels);
    const same = run({}, labels, { mask: Uint8Array.from(labels, (label) => (label === 1 ? 0 : 1)) });
    expect(got.value).toBe(same.value);
    expect(difference(got.grad, same.grad)).toBe(-1);
  });

  test('weight 0 equals the mask in region losses, under sum and under weights; under valid it counts', () => {
    const pixelWeights = Float32Array.from(mask);
    const same = (options: Options) => {
      const [a, b] = [run(options, labels, { pixelWeights }), run(options, labels, { mask })];
      // Each logarithm is rounded with weights, and the sum of all at once without.
      expect(distance([a.value], [b.value]), JSON.stringify(options)).toBeLessThan(1e-7);
      expect(distance(a.grad, b.grad)).toBeLessThan(1e-6);
    };
    same({ reduction: 'sum' });
    if (of.family === 'region') same({});
    if (of.family !== 'pixel') return;
    same({ normalizer: 'weights' });
    const kept = mask.reduce((sum, m) => sum + m, 0) / mask.length;
    const valid = run({}, labels, { pixelWeights });
    expect(valid.value).toBeCloseTo(masked.value * kept, 6);
  });

  test('weights 1, mask 1 and sample weights 1 change nothing', () => {
    const plain = run({}, labels);
    for (const call of [
      { pixelWeights: new Float32Array(labels.length).fill(1) },
      { pixelWeights: new Float64Array(pred.length).fill(1) },
      { mask: new Uint8Array(labels.length).fill(1) },
      { sampleWeights: [1, 1] },
      { upstream: 1 },
    ]) {
      const got = run({}, labels, call);
      expect(distance([got.value], [plain.value]), Object.keys(call).join()).toBeLessThan(1e-6);
      expect(distance(got.grad, plain.grad)).toBeLessThan(2e-6);
    }
  });

  test('a weight of 2 is the pixel twice', () => {
    const options = { reduction: 'sum' };
    const [first] = shape;
    const twice = data(of, first, [6, 5]);
    for (let b = 0; b < samples; b++) {
      for (let i = 0; i < 2 * pixels; i++) {
        twice.labels[b * 2 * pixels + i] = labels[b * pixels + (i % pixels)] ?? 0;
        for (let k = 0; k < channels; k++) {
          twice.pred[(b * channels + k) * 2 * pixels + i] =
            pred[(b * channels + k) * pixels + (i % pixels)] ?? 0;
        }
      }
    }
    const loss = of.make(options);
    const wanted = loss.value(twice.pred, twice.labels, { shape: twice.shape });
    const pixelWeights = new Float32Array(labels.length).fill(2);
    expect(distance([run(options, labels, { pixelWeights }).value], [wanted])).toBeLessThan(1e-6);
  });

  test('weights of the prediction’s shape weigh the sums and terms of each class', () => {
    const next = random(9);
    const per = Float32Array.from(labels, () => next() * 2);
    const spread = new Float64Array(pred.length);
    labels.forEach((_, i) => {
      for (const at of entries(i)) spread[at] = per[i] ?? 0;
    });
    const [a, b] = [run({}, labels, { pixelWeights: per }), run({}, labels, { pixelWeights: spread })];
    expect(b.value).toBeCloseTo(a.value, 6);
    expect(distance(b.grad, a.grad)).toBeLessThan(2e-6);
    const last = of.make({ dataFormat: 'channelsLast' });
    const c = last.valueAndGrad(toLast(pred, all), labels, {
      shape: [samples, 3, 5, channels],
      pixelWeights: toLast(Float32Array.from(spread), all),
    });
    expect(c.value).toBeCloseTo(b.value, 6);
    expect(distance(c.grad, toLast(b.grad, all))).toBeLessThan(2e-6);
  });

  test('upstream multiplies the gradient alone', () => {
    const plain = run({}, labels);
    for (const upstream of [2, -0.5, 0]) {
      const got = run({}, labels, { upstream });
      expect(got.value).toBe(plain.value);
      expect(
        distance(
          got.grad,
          plain.grad.map((g) => g * upstream),
        ),
      ).toBeLessThan(1e-6);
    }
  });

  test('everything ignored, masked, or of weight 0: value 0 and gradient 0', () => {
    const none = new Float32Array(labels.length);
    for (const reduction of ['mean', 'sum']) {
      for (const [options, target, call] of [
        [{}, labels, { mask: none }],
        [{ ignoreIndex: 9 }, labels.map(() => 9), {}],
        [{}, labels, { sampleWeights: [0, 0] }],
        [{}, labels, { pixelWeights: none }],
        [{ normalizer: 'weights' }, labels, { pixelWeights: none }],
      ] as const) {
        if ('normalizer' in options && of.family !== 'pixel') continue;
        const { value, grad } = run({ reduction, ...options }, target, call);
        expect(value, `${reduction} ${JSON.stringify(options)} ${Object.keys(call).join()}`).toBe(0);
        expect(grad.every((g) => g === 0)).toBe(true);
      }
    }
  });

  test('classes: outside them the gradient of sigmoid and none is 0; includeBackground is short for all but 0', () => {
    if (channels === 1) return;
    const some = run({ classes: [1, 2] }, labels);
    const short = run({ includeBackground: false }, labels);
    expect(short.value).toBe(some.value);
    expect(difference(short.grad, some.grad)).toBe(-1);
    if (of.activation !== 'softmax') {
      labels.forEach((_, i) => {
        expect(Math.abs(some.grad[entries(i)[0] ?? 0] ?? NaN)).toBe(0);
      });
    }
    const whole = run({ includeBackground: true }, labels);
    expect(whole.value).toBe(run({ classes: [0, 1, 2] }, labels).value);
    expect(whole.value).toBe(run({}, labels).value);
  });
});
