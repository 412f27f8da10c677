/** What must hold for any data: tried on random shapes, masks, weights and splits, from a fixed seed. */
import fc from 'fast-check';
import { type Loss, type LossCall, weightedSum } from 'segloss';
import { describe, expect, test } from 'vitest';
import {
  CASES,
  changed,
  data,
  type Data,
  difference,
  distance,
  MERGED,
  oneHot,
  type Options,
  random,
  toLast,
} from './contract-cases.js';
import { draws } from './draws.js';

const RUNS = { numRuns: draws(50), seed: 20_240_229 };
/** Two ways of adding f32 terms: the package's own bound on a gradient. */
const ROUNDING = 2e-6;

/** Shapes beyond a vector and a block, but small. */
const anySize = fc.record({
  samples: fc.integer({ min: 1, max: 3 }),
  pixels: fc.integer({ min: 2, max: 300 }),
  seed: fc.integer({ min: 0, max: 1e9 }),
  masked: fc.boolean(),
  weighted: fc.boolean(),
});
type Size = typeof anySize extends fc.Arbitrary<infer T> ? T : never;

interface Made extends Data {
  readonly call: LossCall;
  readonly next: () => number;
}

function make(of: (typeof CASES)[number], { samples, pixels, seed, masked, weighted }: Size): Made {
  const all = data(of, samples, [pixels], seed);
  const next = random(seed + 1);
  const mask = Uint8Array.from(all.labels, () => (next() < 0.2 ? 0 : 1));
  const pixelWeights = Float32Array.from(all.labels, () => 0.25 + 2 * next());
  const sampleWeights = Array.from({ length: samples }, () => 0.25 + 2 * next());
  const call = {
    shape: all.shape,
    ...(masked && { mask }),
    ...(weighted && { pixelWeights, sampleWeights }),
  };
  return { ...all, call, next };
}

/** The array at other places: one number a pixel, or one run of pixels a channel. */
function moved<T extends Float32Array | Uint8Array>(from: T, order: readonly number[], planes: number): T {
  const to = from.slice() as T;
  for (let plane = 0; plane < planes; plane++) {
    order.forEach((i, j) => (to[plane * order.length + j] = from[plane * order.length + i] ?? NaN));
  }
  return to;
}

const close = (a: number, b: number, within = ROUNDING) => {
  // A sum whose terms have both signs can be near 0: then its parts set the scale.
  expect(Math.abs(a - b), `${a} and ${b}`).toBeLessThan(within * Math.max(1, Math.abs(b)));
};

describe.each(CASES)('$title', (of) => {
  const { channels } = of;
  const both = (loss: Loss, { pred, labels, call }: Pick<Made, 'pred' | 'labels' | 'call'>) =>
    loss.valueAndGrad(pred, labels, call);

  test('permuting pixels changes nothing', () => {
    fc.assert(
      fc.property(anySize, (size) => {
        const all = make(of, size);
        const { pixels, samples, pred, labels, call, next } = all;
        const order = Array.from({ length: pixels }, (_, i) => [next(), i] as const)
          .sort(([a], [b]) => a - b)
          .map(([, i]) => i);
        const again = {
          pred: moved(pred, order, samples * channels),
          labels: moved(labels, order, samples),
          call: {
            ...call,
            ...(call.mask && { mask: moved(call.mask as Uint8Array, order, samples) }),
            ...(call.pixelWeights && {
              pixelWeights: moved(call.pixelWeights as Float32Array, order, samples),
            }),
          },
        };
        const [a, b] = [both(of.make(), all), both(of.make(), again)];
        close(b.value, a.value);
        expect(distance(b.grad, moved(a.grad, order, samples * channels))).toBeLessThan(ROUNDING);
      }),
      RUNS,
    );
  });

  test('splitting a batch or a sample and merging sums gives the same value and gradient', () => {
    fc.assert(
      fc.property(
        anySize,
        fc.constantFrom('sample', 'batch'),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (size, aggregate, share) => {
          const all = make(of, size);
          const options: Options = of.family === 'region' ? { aggregate } : {};
          const loss = of.make(options);
          const wanted = both(loss, all);
          const { samples, pixels } = all;
          const cut = Math.floor(share * pixels);
          const parts = Array.from({ length: samples }, (_, b) => b).flatMap((b) =>
            (
              [
                [0, cut],
                [cut, pixels],
              ] as const
            ).map(([from, to]) => {
              const planes = Array.from({ length: channels }, (_, k) => (b * channels + k) * pixels);
              const at = planes.flatMap((p) => Array.from({ length: to - from }, (_, i) => p + from + i));
              const { mask, pixelWeights, sampleWeights } = all.call;
              const range = [b * pixels + from, b * pixels + to] as const;
              return {
                at,
                pred: Float32Array.from(at, (j) => all.pred[j] ?? NaN),
                labels: all.labels.subarray(...range),
                call: {
                  shape: [1, channels, to - from],
                  sample: b,
                  mask: (mask as Uint8Array | undefined)?.subarray(...range),
                  pixelWeights: pixelWeights?.subarray(...range),
                  sampleWeights: sampleWeights && [sampleWeights[b] ?? 1],
                },
              };
            }),
          );
          const sums = parts
            .map(({ pred, labels, call }) => loss.accumulate(pred, labels, call))
            .reduce((a, b) => b.merge(a));
          close(loss.valueFrom(sums), wanted.value, MERGED);
          const grad = new Float32Array(wanted.grad.length).fill(NaN);
          for (const { pred, labels, call, at } of parts) {
            loss.gradFrom(pred, labels, sums, call).forEach((g, j) => (grad[at[j] ?? -1] = g));
          }
          expect(distance(grad, wanted.grad)).toBeLessThan(ROUNDING);
        },
      ),
      RUNS,
    );
  });

  test('channels first equals channels last', () => {
    fc.assert(
      fc.property(anySize, (size) => {
        const all = make(of, size);
        const last = {
          pred: toLast(all.pred, all),
          labels: all.labels,
          call: { ...all.call, shape: [all.samples, all.pixels, channels] },
        };
        const [a, b] = [both(of.make(), all), both(of.make({ dataFormat: 'channelsLast' }), last)];
        close(b.value, a.value);
        expect(distance(b.grad, toLast(a.grad, all))).toBeLessThan(ROUNDING);
      }),
      RUNS,
    );
  });

  test('a label map equals its one-hot, and that as floats', () => {
    fc.assert(
      fc.property(anySize, (size) => {
        const all = make(of, size);
        const [a, b, c] = [all.labels, oneHot(all), Float64Array.from(oneHot(all))].map((target) =>
          of.make().valueAndGrad(all.pred, target, all.call),
        ) as [ReturnType<typeof both>, ReturnType<typeof both>, ReturnType<typeof both>];
        close(b.value, a.value);
        expect(distance(b.grad, a.grad)).toBeLessThan(ROUNDING);
        expect(c.value).toBe(b.value);
        expect(difference(c.grad, b.grad)).toBe(-1);
      }),
      RUNS,
    );
  });

  test('mask equals ignore', () => {
    fc.assert(
      fc.property(anySize, (size) => {
        const all = make(of, { ...size, masked: true });
        const { mask, ...call } = all.call;
        const labels = all.labels.map((label, i) => (mask?.[i] === 0 ? 200 : label));
        const [a, b] = [both(of.make(), all), both(of.make({ ignoreIndex: 200 }), { ...all, labels, call })];
        expect(b.value).toBe(a.value);
        expect(difference(b.grad, a.grad)).toBe(-1);
      }),
      RUNS,
    );
  });

  test('out aliasing the prediction equals a fresh array', () => {
    fc.assert(
      fc.property(anySize, fc.constantFrom('channelsFirst', 'channelsLast'), (size, dataFormat) => {
        const all = make(of, size);
        const shape =
          dataFormat === 'channelsFirst' ? all.shape : [all.samples, ...all.shape.slice(2), channels];
        const loss = of.make({ dataFormat });
        const own = all.pred.slice();
        const a = both(loss, { ...all, call: { ...all.call, shape } });
        const b = both(loss, { ...all, pred: own, call: { ...all.call, shape, out: own } });
        expect(b.grad).toBe(own);
        expect(b.value).toBe(a.value);
        expect(difference(b.grad, a.grad)).toBe(-1);
      }),
      RUNS,
    );
  });

  test('a weighted sum equals the sum of its parts', () => {
    const others = CASES.filter(
      (other) => other.channels === channels && (other.activation === 'none') === (of.activation === 'none'),
    );
    const weight = fc.integer({ min: -300, max: 300 }).map((n) => n / 100);
    fc.assert(
      fc.property(anySize, fc.constantFrom(...others), weight, weight, (size, other, v, w) => {
        const all = make(of, size);
        const [a, b] = [both(of.make(), all), both(other.make(), all)];
        const sum = both(
          weightedSum([
            [v, of.make()],
            [w, other.make()],
          ]),
          all,
        );
        close(sum.value, v * a.value + w * b.value);
        const grad = Float64Array.from(a.grad, (g, i) => v * g + w * (b.grad[i] ?? 0));
        // The parts may cancel; their sizes, not the sum's, bound the rounding.
        const scale = Math.max(...a.grad.map((g, i) => Math.abs(v * g) + Math.abs(w * (b.grad[i] ?? 0))));
        const off = sum.grad.findIndex((g, i) => !(Math.abs(g - (grad[i] ?? NaN)) <= ROUNDING * scale));
        expect(off, `gradient[${off}] ${sum.grad[off]}, its parts' ${grad[off]}`).toBe(-1);
      }),
      RUNS,
    );
  });

  test('the value does not depend on what is masked out', () => {
    fc.assert(
      fc.property(anySize, fc.constantFrom(NaN, Infinity, -1e30, 7), (size, wild) => {
        const all = make(of, { ...size, masked: true });
        const mask = all.call.mask as Uint8Array;
        const at = mask.indexOf(0);
        if (at < 0) return;
        const { pixels } = all;
        const pred = changed(all.pred, Math.floor(at / pixels) * channels * pixels + (at % pixels), wild);
        const [a, b] = [both(of.make(), all), both(of.make(), { ...all, pred })];
        expect(b.value).toBe(a.value);
        expect(difference(b.grad, a.grad)).toBe(-1);
      }),
      RUNS,
    );
  });
});
