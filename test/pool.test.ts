/** Losses on several threads give the bits that they give on one. */
import fc from 'fast-check';
import {
  type Activation,
  binaryCrossEntropyLoss,
  crossEntropyLoss,
  deepSupervision,
  diceLoss,
  type Loss,
  type LossCall,
  regions,
  weightedSum,
} from 'segloss';
import { createPool, type Pool } from 'segloss/pool';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CASES, data, difference, oneHot, random, toLast } from './contract-cases.js';
import { shared, worker } from './pool-of.js';
import { make } from './twin/compare.js';
import { TABLE } from './twin/table.js';

const THREADS = [1, 2, 3];
let pools: Pool[] = [];

beforeAll(async () => {
  pools = await Promise.all(THREADS.map((threads) => createPool({ threads, worker })));
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
});

type Pred = Float32Array | Float64Array;
type Target = Uint8Array | Float32Array;

const onShared = (call: LossCall): LossCall => ({
  ...call,
  ...(call.mask && { mask: shared(call.mask as Uint8Array) }),
  ...(call.pixelWeights && { pixelWeights: shared(call.pixelWeights) }),
});

/** Value, gradient and sums of every pool, from both kinds of memory, against the loss itself. */
async function check(loss: Loss, pred: Pred, target: Target, call: LossCall): Promise<void> {
  const alone = loss.valueAndGrad(pred, target, call);
  const sums = JSON.stringify(loss.accumulate(pred, target, call));
  const inputs = [
    [pred, target, call],
    [shared(pred), shared(target), onShared(call)],
  ] as const;
  const checkPool = async (pool: Pool): Promise<void> => {
    for (const [p, t, c] of inputs) {
      const together = await pool.valueAndGrad(loss, p, t, c);
      expect(together.value).toBe(alone.value);
      expect(difference(together.grad, alone.grad)).toBe(-1);
      expect(Object.prototype.toString.call(together.grad.buffer)).toBe(
        Object.prototype.toString.call(p.buffer),
      );
      expect(await pool.value(loss, p, t, c)).toBe(alone.value);
      expect(JSON.stringify(await pool.accumulate(loss, p, t, c))).toBe(sums);
    }
  };
  await Promise.all(pools.map(checkPool));
}

/** Two samples of chunks and a bit, with everything a call can have; large enough to be divided. */
function problem(of: { readonly activation: Activation; readonly channels: number }) {
  const pixels = of.channels === 1 ? 33_500 : 16_500;
  const all = data(of, 2, [pixels], 1);
  const next = random(2);
  const mask = Uint8Array.from(all.labels, () => (next() < 0.1 ? 0 : 1));
  const pixelWeights = Float32Array.from(all.labels, () => 0.25 + next());
  const elementWeights = Float64Array.from(all.pred, () => 0.25 + next());
  return { ...all, mask, pixelWeights, elementWeights };
}

describe.each(CASES)('$title', (of) => {
  const all = problem(of);
  const { pred, labels, shape, mask, pixelWeights, elementWeights } = all;

  test('as it is', () => check(of.make(), pred, labels, { shape }));

  test('masked, weighted, ignored, over the batch, channels last', async () => {
    const rest = { mask, pixelWeights, sampleWeights: [0.5, 2], upstream: 3 };
    const options = { ignoreIndex: 2, ...(of.family === 'region' && { aggregate: 'batch' }) };
    await check(of.make(options), pred, labels, { shape, ...rest });
    const last = of.make({ dataFormat: 'channelsLast' });
    const call = { shape: [2, all.pixels, of.channels], mask, pixelWeights };
    await check(last, toLast(pred, all), labels, call);
  });

  test('dense targets, weights by element, f64 logits', () =>
    check(of.make(), Float64Array.from(pred), oneHot(all), { shape, pixelWeights: elementWeights }));

  test('`out`, also the prediction itself', async () => {
    const loss = of.make();
    const { value, grad } = loss.valueAndGrad(pred, labels, { shape });
    for (const pool of pools) {
      for (const memory of [(array: Float32Array) => array.slice(), shared<Float32Array>]) {
        const own = memory(pred);
        const inPlace = await pool.valueAndGrad(loss, own, labels, { shape, out: own });
        expect(inPlace.grad).toBe(own);
        expect(difference(own, grad)).toBe(-1);
        expect(inPlace.value).toBe(value);
        const out = new Float32Array(pred.length);
        const given = await pool.valueAndGrad(loss, memory(pred), labels, { shape, out });
        expect(given.grad).toBe(out);
        expect(difference(out, grad)).toBe(-1);
      }
    }
  });
});

const others = Object.entries(TABLE).flatMap(([name, { activations, needs = {} }]) =>
  CASES.some(({ title }) => title.startsWith(`${name},`))
    ? []
    : activations.map((activation) => {
        const options = Object.entries(needs).map(([option, values]): [string, unknown] => [
          option,
          values(3)[0],
        ]);
        return { name, activation, options: { activation, ...Object.fromEntries<unknown>(options) } };
      }),
);
test.each(others)('$name, $activation: the same bits, or why not', async ({ name, activation, options }) => {
  const loss = make({ name, options });
  const { pred, labels, shape, mask, pixelWeights } = problem({ activation, channels: 3 });
  if (loss.mergeable) {
    await check(loss, pred, labels, { shape });
    await check(loss, pred, labels, { shape, mask, pixelWeights, sampleWeights: [0.5, 2], upstream: 3 });
    return;
  }
  for (const own of [
    loss,
    weightedSum([
      [1, diceLoss({ activation })],
      [1, loss],
    ]),
  ]) {
    await expect(pools[1]!.valueAndGrad(own, pred, labels, { shape })).rejects.toThrow(
      `${own.name} is not mergeable`,
    );
    await expect(pools[1]!.accumulate(own, pred, labels, { shape })).rejects.toThrow('call its own methods');
  }
});

test('regions of a label map; not several scales', async () => {
  const { pred, labels, shape, mask, pixelWeights } = problem({ activation: 'sigmoid', channels: 3 });
  const sum = weightedSum([
    [1, diceLoss({ ignoreIndex: 0, activation: 'sigmoid' })],
    [2, binaryCrossEntropyLoss({ ignoreIndex: 0 })],
  ]);
  const loss = regions(sum, [[1, 2], [2], [1]]);
  await check(loss, pred, labels, { shape });
  await check(loss, pred, labels, { shape, mask, pixelWeights });
  const scales = deepSupervision(diceLoss()) as unknown as Loss;
  await expect(pools[1]!.value(scales, pred, labels, { shape })).rejects.toThrow('call its own methods');
});

test('any shape, any number of classes', async () => {
  const size = fc.record({
    samples: fc.integer({ min: 1, max: 5 }),
    channels: fc.integer({ min: 2, max: 90 }),
    entries: fc.integer({ min: 60_000, max: 300_000 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
  });
  await fc.assert(
    fc.asyncProperty(size, async ({ samples, channels, entries, seed }) => {
      const pixels = Math.ceil(entries / samples / channels);
      const next = random(seed);
      const pred = Float32Array.from({ length: samples * channels * pixels }, () => 8 * next() - 4);
      const labels = Uint8Array.from({ length: samples * pixels }, () => channels * next());
      const loss = weightedSum([
        [1, diceLoss()],
        [1, crossEntropyLoss({ ignoreIndex: 1 })],
      ]);
      await check(loss, pred, labels, { shape: [samples, channels, pixels] });
    }),
    { numRuns: 15, seed: 20_240_229 },
  );
});

test.each(CASES)('$title: samples that fit a tile, one and many', async (of) => {
  for (const [samples, pixels] of [
    [1, 64],
    [1100, 64],
  ] as const) {
    const { pred, labels, shape } = data(of, samples, [pixels]);
    const spread = of.activation === 'none' ? pred : pred.map((x) => 6 * x);
    await check(of.make(), spread, labels, { shape });
  }
});

test('65,536 samples of one pixel', async () => {
  const next = random(3);
  const pred = Float32Array.from({ length: 4 * 65_536 }, () => 8 * next() - 4);
  const labels = Uint8Array.from({ length: 65_536 }, () => 4 * next());
  await check(crossEntropyLoss(), pred, labels, { shape: [65_536, 4] });
  // Weighed one by one, each is a chunk of its own.
  const sampleWeights = Float64Array.from({ length: 16_384 }, next);
  await check(crossEntropyLoss(), pred.subarray(0, 65_536), labels.subarray(0, 16_384), {
    shape: [16_384, 4],
    sampleWeights,
  });
});

test('several calls at once', async () => {
  const [pool] = pools.slice(1);
  const of = CASES.find(({ channels }) => channels === 3)!;
  const { pred, labels, shape } = problem(of);
  const losses = CASES.filter(({ activation, channels }) => activation === of.activation && channels === 3);
  const alone = losses.map(({ make }) => make().valueAndGrad(pred, labels, { shape }));
  const values = losses.map(({ make }) => pool!.value(make(), pred, labels, { shape }));
  expect(await Promise.all(values)).toEqual(alone.map(({ value }) => value));
  // Twice, so that memory of calls that are over is taken by others under way.
  const all = [...losses, ...losses].map(({ make }) => pool!.valueAndGrad(make(), pred, labels, { shape }));
  for (const [index, { value, grad }] of (await Promise.all(all)).entries()) {
    const right = alone[index % alone.length]!;
    expect(value).toBe(right.value);
    expect(difference(grad, right.grad)).toBe(-1);
  }
});

test('nothing, and a call too small to be divided', async () => {
  await check(diceLoss(), new Float32Array(0), new Uint8Array(0), { shape: [0, 2, 8] });
  await check(diceLoss(), new Float32Array(8), new Uint8Array(8), { shape: [1, 1, 8] });
});
