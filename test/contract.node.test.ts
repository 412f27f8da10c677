/** Arrays only Node has: Buffers, and those of another realm. */
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { CASES, data, thrown } from './contract-cases.js';

const foreign = (kind: string, from: ArrayLike<number>): unknown =>
  runInNewContext(`${kind}.from(from)`, { from: Array.from(from) });

test.each(CASES)('$title: a Buffer is a target and a mask', ({ make, ...of }) => {
  const { pred, labels, shape } = data(of);
  const [loss, mask] = [make(), labels.map((_, i) => i % 3)];
  const wanted = loss.valueAndGrad(pred, labels, { shape, mask });
  const got = loss.valueAndGrad(pred, Buffer.from(labels), { shape, mask: Buffer.from(mask) });
  expect(got).toEqual(wanted);
});

test.each(CASES)('$title: arrays of another realm', ({ make, ...of }) => {
  const { pred, labels, shape } = data(of);
  const [loss, mask] = [make(), labels.map((_, i) => i % 3)];
  const [pixelWeights, sampleWeights] = [Float32Array.from(labels, (_, i) => 0.5 + (i % 2)), [2, 3]];
  const wanted = loss.valueAndGrad(pred, labels, { shape, mask, pixelWeights, sampleWeights });
  const out = foreign('Float32Array', new Float32Array(pred.length)) as Float32Array;
  expect(out instanceof Float32Array).toBe(false);
  const got = loss.valueAndGrad(
    foreign('Float32Array', pred) as Float32Array,
    foreign('Uint8Array', labels) as Uint8Array,
    {
      shape: foreign('Array', shape) as number[],
      mask: foreign('Uint8Array', mask) as Uint8Array,
      pixelWeights: foreign('Float32Array', pixelWeights) as Float32Array,
      sampleWeights: foreign('Array', sampleWeights) as number[],
      out,
    },
  );
  expect(got.value).toBe(wanted.value);
  expect(got.grad).toBe(out);
  expect(Array.from(got.grad)).toEqual(Array.from(wanted.grad));
});

test('options of another realm', () => {
  for (const { make, ...of } of CASES) {
    const { pred, labels, shape } = data(of);
    const options = runInNewContext(
      `({ classes: [0], classWeights: Array(${of.channels}).fill(2) })`,
    ) as object;
    const here = { classes: [0], classWeights: Array<number>(of.channels).fill(2) };
    const value = make(options as Record<string, unknown>).value(pred, labels, { shape });
    expect(value, of.title).toBe(make(here).value(pred, labels, { shape }));
  }
});

test('a kind that is none is named whatever its realm', () => {
  const { make, ...of } = CASES[0] as (typeof CASES)[0];
  const { pred, shape } = data(of);
  const target = foreign('BigInt64Array', []) as Uint8Array;
  expect(thrown(() => make().value(pred, target, { shape })).message).toContain('got BigInt64Array');
});
