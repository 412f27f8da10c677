/** What every loss promises holds of the peers' too: on the first case of each function of `test/oracle-compat`. */
import { describe, expect, test } from 'vitest';
import { clDiceLoss, hausdorffLoss } from '../ts/geometric/index.js';
import { lossFromJSON, Sums, weightedSum } from '../ts/index.js';
import type { Loss, Target } from '../ts/index.js';
import type { TermLoss } from '../ts/loss.js';
import { dataOf, factoryOf, type Input, ORACLES } from './peers.js';

/** The first case of each function that gives one number. */
const FIRST = ORACLES.flatMap(({ peer, inputs, cases }) => {
  const usual = cases.filter(({ deviation, unreduced }) => !deviation && !unreduced);
  return [...new Map([...usual].reverse().map((one) => [one.function, one])).values()].map((one) => {
    const [pred, target, call] = dataOf(inputs[one.input] as Input);
    return {
      title: `${peer}: ${one.function}`,
      name: one.function,
      make: factoryOf(peer, one.function),
      options: one.options,
      pred,
      target,
      call,
    };
  });
});

const named = FIRST.map((one) => [one.title, one] as const);

/** The largest difference over the largest entry. */
function off(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  const largest = Math.max(...Array.from(expected, Math.abs)) || 1;
  return Math.max(...Array.from(found, (x, i) => Math.abs(x - (expected[i] ?? NaN)))) / largest;
}

describe.each(named)('%s', (_, { name, make, options, pred, target, call }) => {
  const loss = make(options);
  const { value, grad } = loss.valueAndGrad(pred, target, call);

  test('value, valueAndGrad and evaluate agree, and nothing passed in is written to', () => {
    const [before, labels] = [pred.slice(), target.slice()];
    expect(loss.value(pred, target, call)).toBe(value);
    expect(loss.evaluate(pred, target, call).value).toBe(value);
    expect(pred).toEqual(before);
    expect(target).toEqual(labels);
  });

  test('f64 predictions give the same, upstream multiplies the gradient, out may be the prediction', () => {
    expect(loss.valueAndGrad(Float64Array.from(pred), target, call).grad).toEqual(grad);
    const scaled = loss.valueAndGrad(pred, target, { ...call, upstream: -2.5 }).grad;
    expect(
      off(
        scaled,
        grad.map((x) => -2.5 * x),
      ),
    ).toBeLessThanOrEqual(1e-6);
    const own = pred.slice();
    const found = loss.valueAndGrad(own, target, { ...call, out: own });
    expect(found.grad).toBe(own);
    expect(off(own, grad)).toBeLessThanOrEqual(1e-6);
  });

  test('what is masked may hold anything and has gradient 0', () => {
    // The first pixel of the last sample, whichever axis has the channels.
    const { shape } = call;
    const samples = shape[0] ?? 1;
    for (const last of [false, true]) {
      const channels = (last ? shape.at(-1) : shape[1]) ?? 1;
      const pixels = pred.length / samples / channels;
      const at = (samples - 1) * pixels;
      const mask = new Uint8Array(samples * pixels).fill(1);
      mask[at] = 0;
      let found;
      try {
        found = loss.valueAndGrad(pred, target, { ...call, mask });
      } catch {
        continue; // The mask of the other layout has another length.
      }
      const spoilt = pred.slice();
      const entries = Array.from({ length: channels }, (__, k) =>
        last ? at * channels + k : ((samples - 1) * channels + k) * pixels,
      );
      for (const entry of entries) spoilt[entry] = NaN;
      const again = loss.valueAndGrad(spoilt, target, { ...call, mask });
      expect(again.value).toBe(found.value);
      for (const entry of entries) expect(Object.is(again.grad[entry], 0)).toBe(true);
      return;
    }
    expect.unreachable('neither layout has such a mask');
  });

  test('it is a term of a weighted sum, or says why not', () => {
    try {
      const sum = weightedSum([[2, loss]]).valueAndGrad(pred, target, call);
      expect(off([sum.value], [2 * value])).toBeLessThanOrEqual(1e-12);
      expect(
        off(
          sum.grad,
          grad.map((x) => 2 * x),
        ),
      ).toBeLessThanOrEqual(1e-6);
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).toMatch(/makes its target itself/);
    }
  });

  test('it merges, or says that it does not', () => {
    if (!loss.mergeable) {
      expect(() => loss.accumulate(pred, target, call)).toThrow(/mergeable is false/);
      return;
    }
    const sums = Sums.from(JSON.parse(JSON.stringify(loss.accumulate(pred, target, call))));
    expect(off([loss.valueFrom(sums)], [value])).toBeLessThanOrEqual(1e-9);
    expect(off(loss.gradFrom(pred, target, sums, call), grad)).toBeLessThanOrEqual(1e-6);
  });

  test('it comes back from JSON and gives the same', () => {
    const json = JSON.parse(JSON.stringify(loss)) as ReturnType<Loss['toJSON']>;
    const losses = { clDiceLoss, hausdorffLoss, ...(json.name === name && { [name]: make }) };
    expect(lossFromJSON(json, { losses }).value(pred, target, call)).toBe(value);
  });

  test('an adapter may lay the channels last, or is told why not', () => {
    const { shape } = call;
    const first = (loss as TermLoss).terms[0]?.term.dataFormat === 'channelsFirst';
    if (!first) return;
    const [samples = 0, channels = 0, ...spatial] = shape;
    const turned = <T extends Float32Array | Target>(data: T): T => {
      if (data.length !== pred.length) return data;
      const pixels = pred.length / samples / channels;
      return data.map((__, to) => {
        const [at, k] = [Math.floor(to / channels), to % channels];
        const [b, i] = [Math.floor(at / pixels), at % pixels];
        return data[(b * channels + k) * pixels + i] as number;
      }) as T;
    };
    let found;
    try {
      const last = { ...call, shape: [samples, ...spatial, channels] };
      found = (loss as TermLoss).channelsLast().valueAndGrad(turned(pred), turned(target), last);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      expect(String(error)).toMatch(/channels first/);
      return;
    }
    expect(off([found.value], [value])).toBeLessThanOrEqual(1e-6);
    expect(off(found.grad, turned(grad))).toBeLessThanOrEqual(1e-5);
  });

  test('mistakes are named, and the next call works', () => {
    expect(() => make({ ...options, reductoin: 'mean' })).toThrow(TypeError);
    expect(() => make({ ...options, reductoin: 'mean' })).toThrow(/reductoin/);
    expect(() => loss.value(pred.subarray(1), target, call)).toThrow(RangeError);
    expect(() => loss.value(pred, target.slice(1), call)).toThrow(RangeError);
    expect(() =>
      loss.value(
        pred,
        target.map(() => 77),
        call,
      ),
    ).toThrow(RangeError);
    expect(loss.value(pred, target, call)).toBe(value);
  });

  test('an empty batch is 0', () => {
    const none = loss.valueAndGrad(new Float32Array(0), target.slice(0, 0), {
      shape: [0, ...call.shape.slice(1)],
    });
    expect([none.value, none.grad.length]).toEqual([0, 0]);
  });
});
