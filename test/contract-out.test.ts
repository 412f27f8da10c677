/** Where the gradient goes: `out`, fresh arrays, and that nothing else is ever written to. */
import type { Loss, LossCall } from 'segloss';
import { describe, expect, test } from 'vitest';
import { CASES, changed, data, difference, oneHot, random, thrown, toLast } from './contract-cases.js';

/** More than one tile, two samples. */
const SPATIAL = [70, 61];

describe.each(CASES)('$title', (of) => {
  const all = data(of, 2, SPATIAL);
  const { pred, labels, shape, channels, pixels } = all;
  const loss = of.make({ ignoreIndex: 77 });
  const next = random(5);
  const mask = Uint8Array.from(labels, () => (next() < 0.2 ? 0 : 1));
  const call: LossCall = {
    shape,
    mask,
    pixelWeights: Float32Array.from(labels, () => 0.5 + next()),
    sampleWeights: Float32Array.of(2, 0.5),
    upstream: -1.5,
  };
  const wanted = loss.valueAndGrad(pred, labels, call);
  const isSame = (got: { value: number; grad: Float32Array }, title: string) => {
    expect(got.value, title).toBe(wanted.value);
    expect(difference(got.grad, wanted.grad), title).toBe(-1);
  };

  test('without it each call returns a fresh array', () => {
    const again = loss.valueAndGrad(pred, labels, call);
    // Not by `not.toBe`, which goes on to compare what they hold.
    expect(again.grad === wanted.grad || again.grad.buffer === pred.buffer).toBe(false);
    isSame(again, 'a second call');
  });

  test('it is filled whatever it held, and returned', () => {
    const out = new Float32Array(pred.length).fill(NaN);
    const got = loss.valueAndGrad(pred, labels, { ...call, out });
    expect(got.grad).toBe(out);
    isSame(got, 'out of NaN');
    const part = new Float32Array(pred.length + 10).fill(7);
    isSame(
      loss.valueAndGrad(pred, labels, { ...call, out: part.subarray(4, pred.length + 4) }),
      'a part of a buffer',
    );
    expect([...part.subarray(0, 4), ...part.subarray(pred.length + 4)]).toEqual(Array(10).fill(7));
  });

  test('it may be the prediction itself, as the same view or another on the same place', () => {
    const own = pred.slice();
    isSame(loss.valueAndGrad(own, labels, { ...call, out: own }), 'the same view');
    const second = pred.slice();
    isSame(
      loss.valueAndGrad(second, labels, { ...call, out: new Float32Array(second.buffer) }),
      'another view',
    );
    const sums = loss.accumulate(pred, labels, call);
    const third = pred.slice();
    const fresh = loss.gradFrom(pred, labels, sums, call);
    expect(difference(loss.gradFrom(third, labels, sums, { ...call, out: third }), fresh)).toBe(-1);
  });

  test('channels last, in place', () => {
    const last = of.make({ ignoreIndex: 77, dataFormat: 'channelsLast' });
    const own = toLast(pred, all);
    const { value, grad } = last.valueAndGrad(own, labels, {
      ...call,
      shape: [2, ...SPATIAL, channels],
      out: own,
    });
    expect(value).toBe(wanted.value);
    expect(difference(grad, toLast(wanted.grad, all))).toBe(-1);
  });

  test('any other overlap with an input is a RangeError, and nothing is written', () => {
    const buffer = new ArrayBuffer(8 * pred.byteLength);
    const at = (offset: number) => new Float32Array(buffer, 4 * offset, pred.length);
    const inputs = {
      pred: (o: number): [Float32Array, LossCall] => {
        const view = at(o + 1);
        view.set(pred);
        return [view, call];
      },
      mask: (o: number): [Float32Array, LossCall] => [
        pred,
        { ...call, mask: new Uint8Array(buffer, 4 * o, mask.length).fill(1) },
      ],
      pixelWeights: (o: number): [Float32Array, LossCall] => [
        pred,
        { ...call, pixelWeights: new Float32Array(buffer, 4 * o, labels.length).fill(1) },
      ],
      sampleWeights: (o: number): [Float32Array, LossCall] => [
        pred,
        { ...call, sampleWeights: new Float32Array(buffer, 4 * o, 2).fill(1) },
      ],
    };
    for (const [name, make] of Object.entries(inputs)) {
      const [given, rest] = make(64);
      const before = new Uint8Array(buffer).slice();
      for (const run of [
        () => loss.valueAndGrad(given, labels, { ...rest, out: at(64) }),
        () => loss.gradFrom(given, labels, loss.accumulate(pred, labels, call), { ...rest, out: at(64) }),
      ]) {
        const error = thrown(run);
        expect(error.constructor, name).toBe(RangeError);
        expect(error.message).toMatch(new RegExp(`"out".*"${name}"`));
      }
      expect(difference(new Uint8Array(buffer), before), name).toBe(-1);
    }
    const target = new Uint8Array(buffer, 256, labels.length);
    target.set(labels);
    const error = thrown(() => loss.valueAndGrad(pred, target, { ...call, out: at(0) }));
    expect(error.constructor).toBe(RangeError);
    expect(error.message).toMatch(/"out".*"target"/);
    expect(difference(target, labels)).toBe(-1);
  });

  test('a Float64Array on the same memory is an overlap, not the prediction itself', () => {
    const doubles = Float64Array.from(pred);
    const out = new Float32Array(doubles.buffer, 0, pred.length);
    const error = thrown(() => loss.valueAndGrad(doubles, labels, { ...call, out }));
    expect(error.constructor).toBe(RangeError);
    expect(difference(doubles, pred)).toBe(-1);
  });

  test('views that only touch are no overlap', () => {
    const buffer = new Float32Array(2 * pred.length);
    buffer.set(pred);
    const [own, out] = [buffer.subarray(0, pred.length), buffer.subarray(pred.length)];
    isSame(loss.valueAndGrad(own, labels, { ...call, out }), 'side by side');
  });

  describe('in place, target, mask and weights are validated before anything is written', () => {
    const last = labels.length - 1;
    const dense = Float32Array.from(oneHot(all));
    const broken: Record<string, () => readonly [Uint8Array | Float32Array, LossCall]> = {
      'a label': () => [changed(labels, last, 99), call],
      'a dense target': () => [changed(dense, dense.length - 1, 2), call],
      'the mask': () => [labels, { ...call, mask: changed(Float32Array.from(mask), last, NaN) }],
      'a pixel weight': () => [
        labels,
        { ...call, pixelWeights: changed(new Float32Array(labels.length).fill(1), last, -1) },
      ],
      'a sample weight': () => [labels, { ...call, sampleWeights: [1, -1] }],
    };
    test.each(Object.entries(broken))('%s wrong in the last sample', (_, make) => {
      const [target, rest] = make();
      const keep = { ...rest, mask: rest.mask === mask ? new Uint8Array(labels.length).fill(1) : rest.mask };
      for (const run of [
        (own: Float32Array, l: Loss) => l.valueAndGrad(own, target, { ...keep, out: own }),
        (own: Float32Array, l: Loss) =>
          l.gradFrom(own, target, l.accumulate(pred, labels, call), { ...keep, out: own }),
      ]) {
        const own = pred.slice();
        expect(() => run(own, loss)).toThrow(RangeError);
        expect(difference(own, pred)).toBe(-1);
      }
      isSame(loss.valueAndGrad(pred, labels, call), 'the next call');
    });

    test('sums that hold not every sample', () => {
      const own = pred.slice();
      const half = labels.length / 2;
      const whole = loss.accumulate(pred.subarray(0, channels * pixels), labels.subarray(0, half), {
        shape: [1, channels, ...SPATIAL],
      });
      try {
        loss.gradFrom(own, labels, whole, { ...call, out: own });
      } catch (error) {
        // Only losses with a row a sample can know.
        expect(error).toBeInstanceOf(Error);
        expect((error as Error).message).toMatch(/"sums".*sample 1/);
        expect(difference(own, pred)).toBe(-1);
      }
    });
  });
});

test('`out` names an argument of the calls that write a gradient; elsewhere it is left alone', () => {
  for (const { make, ...of } of CASES) {
    const { pred, labels, shape } = data(of);
    const out = new Float32Array(pred.length).fill(5);
    make().value(pred, labels, { shape, out });
    make().evaluate(pred, labels, { shape, out });
    make().accumulate(pred, labels, { shape, out });
    expect(new Set(out), of.title).toEqual(new Set([5]));
  }
});
