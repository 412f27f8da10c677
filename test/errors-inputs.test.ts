/** Every mistake a call can hold, on every loss: what is thrown, what it says, and that nothing else changes. */
import { ShapeError } from 'segloss';
import { describe, expect, test } from 'vitest';
import { type Case, CASES, METHODS, thrown } from './contract-cases.js';
import { good, MISTAKES } from './mistakes.js';

/** The bytes of everything a call holds. */
function bytes(...all: readonly unknown[]): string {
  return JSON.stringify(all, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? Array.from(new Uint8Array(value.buffer)).join() : value,
  );
}

const contains = (text: string, part: RegExp | string): boolean =>
  typeof part === 'string' ? text.includes(part) : part.test(text);

const LOSSES = CASES.map((of) => {
  const loss = of.make();
  const { pred, target, call } = good(of) as { pred: never; target: never; call: never };
  return { of, loss, value: loss.value(pred, target, call), sums: loss.accumulate(pred, target, call) };
});

// One `expect` a mistake: one a question would be a quarter of a million.
test.each(MISTAKES)('$title', ({ make, kind, says, when = () => true }) => {
  const wrong: string[] = [];
  let asked = 0;
  for (const { of, loss, value, sums } of LOSSES) {
    if (!when(of)) continue;
    const gradFrom: (typeof METHODS)[string] = (_, pred, target, call) =>
      loss.gradFrom(pred, target, sums, call);
    const made = make(good(of), of);
    const before = bytes(made.pred, made.target, made.call);
    for (const [method, run] of Object.entries({ ...METHODS, gradFrom })) {
      if (method === 'unreduced' && of.family === 'sum') continue;
      const { pred, target, call } = make(good(of), of);
      const error = thrown(() => run(loss, pred as never, target as never, call as never));
      const right = good(of) as { pred: never; target: never; call: never };
      const holds: [string, boolean][] = [
        [`is a ${kind.name}`, error.constructor === kind],
        ...says.map((part): [string, boolean] => [`says ${String(part)}`, contains(error.message, part)]),
        ['leaves everything as it was', bytes(pred, target, call) === before],
        ['the next call is right', Object.is(loss.value(right.pred, right.target, right.call), value)],
      ];
      const not = holds.filter(([, held]) => !held);
      wrong.push(...not.map(([what]) => `${of.title}, ${method}: not "${what}": ${error.message}`));
      asked++;
    }
  }
  expect(asked).toBeGreaterThan(0);
  expect(wrong).toEqual([]);
});

test('ShapeError is a RangeError that carries argument, expected and received', () => {
  const of = CASES[0] as Case;
  const { pred, target } = good(of);
  const error = thrown(() => of.make().value(pred as never, target as never, { shape: [2, 1, 3, 4] }));
  expect(error).toBeInstanceOf(RangeError);
  expect(error).toBeInstanceOf(ShapeError);
  expect(error.name).toBe('ShapeError');
  const { argument, expected, received } = error as ShapeError;
  expect(argument).toBe('pred');
  expect(expected).toContain('24 (2·3·4)');
  expect(received).toBe('30');
  expect(error.message).toContain(`"${argument}" expected ${expected}, got ${received}`);
});

test('the text names the argument, what was expected and what came', () => {
  const of = CASES.find(({ activation, channels }) => activation === 'softmax' && channels === 3) as Case;
  const call = { shape: [1, 4, 1024, 1024] };
  const error = thrown(() =>
    of.make().value(new Float32Array(4 * 1024 * 1024), new Uint8Array(1_048_575), call),
  );
  expect(error.message).toBe(
    '"target" expected length 1048576 (1·1024·1024) or 4194304 (1·4·1024·1024), got 1048575',
  );
});

describe('the index in the text is that of the caller’s array', () => {
  const softmax = CASES.filter(({ activation, channels }) => activation === 'softmax' && channels === 3);
  const none = CASES.filter(({ activation }) => activation === 'none');
  const [samples, pixels] = [2, 40_000];

  test.each(softmax)('label beyond the first tile: $title', ({ make }) => {
    const labels = new Uint8Array(samples * pixels);
    labels[pixels + 33_333] = 77;
    const pred = new Float32Array(3 * samples * pixels);
    const error = thrown(() => make().value(pred, labels, { shape: [samples, 3, pixels] }));
    expect(error.message).toMatch(/got 77 at index 73333/);
  });

  test.each(none)('probability and dense target, both data formats: $title', ({ make, channels: c }) => {
    const at = (samples * pixels - 7) * c + 1;
    for (const dataFormat of ['channelsFirst', 'channelsLast']) {
      const shape = dataFormat === 'channelsFirst' ? [samples, c, pixels] : [samples, pixels, c];
      const dense = new Float32Array(samples * pixels * c);
      const pred = new Float32Array(dense.length).fill(0.5);
      pred[at] = 5;
      expect(thrown(() => make({ dataFormat }).value(pred, dense, { shape })).message).toMatch(
        `got 5 at index ${at}`,
      );
      pred[at] = 0.5;
      dense[at] = 2;
      expect(thrown(() => make({ dataFormat }).value(pred, dense, { shape })).message).toMatch(
        `got 2 at index ${at}`,
      );
      dense[at] = 0;
      const pixelWeights = new Float64Array(dense.length).fill(1);
      pixelWeights[at] = -3;
      expect(thrown(() => make({ dataFormat }).value(pred, dense, { shape, pixelWeights })).message).toMatch(
        `got -3 at index ${at}`,
      );
    }
  });
});
