/** Phase 1 as a value: sums that merge from any split, travel as JSON, and give the gradient of each part. */
import {
  diceLoss,
  focalLoss,
  type Loss,
  type LossCall,
  lossFromJSON,
  Sums,
  tverskyLoss,
  weightedSum,
} from 'segloss';
import { describe, expect, test } from 'vitest';
import { CASES, data, type Data, distance, MERGED, type Options, thrown } from './contract-cases.js';

interface Part {
  readonly pred: Float32Array;
  readonly labels: Uint8Array;
  readonly call: LossCall;
  /** Where each entry of the part's prediction lies in the whole. */
  readonly at: number[];
}

const WEIGHTS = [2, 0.5, 1.25];

/** The rows `from`…`to` (in pixels) of each of the samples `first`…`last`. */
function part(all: Data, first: number, last: number, from = 0, to = all.pixels): Part {
  const { pred, labels, channels, pixels } = all;
  const at: number[] = [];
  const places: number[] = [];
  for (let b = first; b < last; b++) {
    for (let i = from; i < to; i++) places.push(b * pixels + i);
    for (let k = 0; k < channels; k++)
      for (let i = from; i < to; i++) at.push((b * channels + k) * pixels + i);
  }
  return {
    pred: Float32Array.from(at, (j) => pred[j] ?? NaN),
    labels: Uint8Array.from(places, (j) => labels[j] ?? 0),
    call: {
      shape: [last - first, channels, to - from],
      sample: first,
      sampleWeights: WEIGHTS.slice(first, last),
      mask: places.map((j) => j % 7),
      pixelWeights: Float64Array.from(places, (j) => 0.5 + (j % 3)),
    },
    at,
  };
}

const splits: Record<string, (all: Data) => Part[]> = {
  'a batch into samples': (all) => [part(all, 0, 1), part(all, 1, 2), part(all, 2, 3)],
  'a batch in two': (all) => [part(all, 0, 2), part(all, 2, 3)],
  'samples in two': (all) => [part(all, 0, 3, 0, 6), part(all, 0, 3, 6)],
  'samples and batch': (all) => [part(all, 0, 1), part(all, 1, 3, 0, 11), part(all, 1, 3, 11)],
  'a part of no pixel': (all) => [part(all, 0, 3, 0, 0), part(all, 0, 3)],
};

const OPTIONS: Options[] = [
  {},
  { aggregate: 'batch' },
  { reduction: 'sum' },
  { emptyClass: 'skip' },
  { normalizer: 'weights' },
];

describe.each(CASES)('$title', (of) => {
  const all = data(of, 3);
  const whole = part(all, 0, 3);
  const { sample: _, ...wholeCall } = whole.call;
  const takes = (options: Options) => {
    try {
      return of.make(options);
    } catch {
      return undefined;
    }
  };

  test.each(Object.entries(splits))('%s', (_title, split) => {
    for (const loss of OPTIONS.map(takes)) {
      if (loss === undefined) continue;
      const wanted = loss.valueAndGrad(whole.pred, whole.labels, wholeCall);
      const parts = split(all);
      const sums = parts.map(({ pred, labels, call }) => loss.accumulate(pred, labels, call));
      for (const order of [sums, [...sums].reverse()]) {
        const merged = order.reduce((a, b) => a.merge(b));
        const title = `${loss.describe()}\n${order === sums ? 'in order' : 'backwards'}`;
        expect(distance([loss.valueFrom(merged)], [wanted.value]), title).toBeLessThan(MERGED);
        const grad = new Float32Array(whole.pred.length).fill(NaN);
        for (const { pred, labels, call, at } of parts) {
          loss.gradFrom(pred, labels, merged, call).forEach((g, j) => (grad[at[j] ?? -1] = g));
        }
        expect(distance(grad, wanted.grad), title).toBeLessThan(1e-6);
      }
    }
  });

  test('merge leaves its operands alone and is a new Sums', () => {
    const loss = of.make();
    const [a, b] = (splits['samples in two'] as (d: Data) => Part[])(all).map(({ pred, labels, call }) =>
      loss.accumulate(pred, labels, call),
    ) as [Sums, Sums];
    const before = [JSON.stringify(a), JSON.stringify(b)];
    const merged = a.merge(b);
    expect([JSON.stringify(a), JSON.stringify(b)]).toEqual(before);
    expect(merged).not.toBe(a);
    expect(merged).toBeInstanceOf(Sums);
    const once = JSON.stringify(merged);
    merged.merge(a);
    expect(JSON.stringify(merged)).toBe(once);
  });

  test('JSON holds them exactly', () => {
    const loss = of.make();
    const sums = loss.accumulate(whole.pred, whole.labels, whole.call);
    const text = JSON.stringify(sums);
    const again = Sums.from(JSON.parse(text));
    expect(again).toBeInstanceOf(Sums);
    expect(JSON.stringify(again)).toBe(text);
    expect(loss.valueFrom(again)).toBe(loss.valueFrom(sums));
    const grads = [sums, again].map((s) => loss.gradFrom(whole.pred, whole.labels, s, whole.call));
    expect(grads[1]).toEqual(grads[0]);
    const revived = lossFromJSON(JSON.parse(JSON.stringify(loss)) as never, {
      losses: { [loss.name]: of.make },
    });
    expect(revived.valueFrom(again)).toBe(loss.valueFrom(sums));
  });

  test('upstream and out of gradFrom', () => {
    const loss = of.make();
    const sums = loss.accumulate(whole.pred, whole.labels, whole.call);
    const plain = loss.gradFrom(whole.pred, whole.labels, sums, whole.call);
    const out = new Float32Array(plain.length).fill(NaN);
    const got = loss.gradFrom(whole.pred, whole.labels, sums, { ...whole.call, upstream: -2, out });
    expect(got).toBe(out);
    expect(
      distance(
        got,
        plain.map((g) => -2 * g),
      ),
    ).toBeLessThan(1e-6);
  });

  test('a loss of NaN stays one through JSON', () => {
    const loss = of.make({ reduction: 'sum' });
    const broken = whole.pred.slice();
    broken[9] = NaN;
    const sums = loss.accumulate(broken, whole.labels, { shape: whole.call.shape });
    const text = JSON.stringify(sums);
    expect(text).not.toContain('null');
    expect(JSON.stringify(Sums.from(JSON.parse(text)))).toBe(text);
  });

  test('sums of another loss are an Error', () => {
    const loss = of.make();
    const other = of.make({ reduction: 'sum' });
    const [mine, theirs] = [loss, other].map((l) => l.accumulate(whole.pred, whole.labels, whole.call)) as [
      Sums,
      Sums,
    ];
    for (const run of [
      () => mine.merge(theirs),
      () => loss.valueFrom(theirs),
      () => loss.gradFrom(whole.pred, whole.labels, theirs, whole.call),
    ]) {
      const error = thrown(run);
      expect(error.constructor).toBe(Error);
      expect(error.message).toMatch(/another loss/);
    }
    expect(loss.valueFrom(mine)).toBe(loss.value(whole.pred, whole.labels, wholeCall));
  });

  test('`sample` is for accumulate and gradFrom', () => {
    const loss = of.make();
    const runs: ((call: LossCall) => unknown)[] = [
      (call) => loss.value(whole.pred, whole.labels, call),
      (call) => loss.valueAndGrad(whole.pred, whole.labels, call),
      (call) => loss.evaluate(whole.pred, whole.labels, call),
      ...(of.family === 'sum' ? [] : [(call: LossCall) => loss.unreduced(whole.pred, whole.labels, call)]),
    ];
    for (const run of runs) {
      const error = thrown(() => run({ ...wholeCall, sample: 0 }));
      expect(error.constructor).toBe(RangeError);
      expect(error.message).toMatch(/"sample".*accumulate/);
    }
    for (const [sample, kind] of [
      [-1, RangeError],
      [0.5, RangeError],
      [NaN, RangeError],
      ['0', TypeError],
      [null, TypeError],
    ] as const) {
      const error = thrown(() =>
        loss.accumulate(whole.pred, whole.labels, { ...wholeCall, sample: sample as number }),
      );
      expect(error.constructor, String(sample)).toBe(kind);
      expect(error.message).toContain('"sample"');
    }
  });
});

describe('rows', () => {
  const all = data({ activation: 'sigmoid', channels: 1 }, 2);
  const at = (b: number, from: number, to: number, weight = 1): Part => {
    const made = part(all, b, b + 1, from, to);
    return { ...made, call: { shape: made.call.shape, sample: b, sampleWeights: [weight] } };
  };
  const sumsOf = (loss: Loss, { pred, labels, call }: Part) => loss.accumulate(pred, labels, call);
  const rows = (sums: Sums) => JSON.stringify(sums).split('"sample":').length - 1;

  test('one a sample under aggregate sample, one in all under batch', () => {
    for (const [aggregate, count] of [
      ['sample', 2],
      ['batch', 1],
    ] as const) {
      const loss = diceLoss({ aggregate });
      const merged = sumsOf(loss, at(0, 0, 15)).merge(sumsOf(loss, at(1, 0, 15)));
      expect(rows(merged), aggregate).toBe(count);
    }
  });

  test('parts of one sample that give different sample weights are an error', () => {
    for (const loss of [diceLoss(), weightedSum([[1, tverskyLoss()]])]) {
      const error = thrown(() => sumsOf(loss, at(1, 0, 7, 2)).merge(sumsOf(loss, at(1, 7, 15, 3))));
      expect(error).toBeInstanceOf(Error);
      expect(error.message).toMatch(/"sampleWeights".*sample 1.*2 and 3/);
    }
  });

  test('a class is empty only after all merging', () => {
    const loss = diceLoss({ emptyClass: 'one' });
    const labels = new Uint8Array(15).fill(1, 0, 3);
    const pred = all.pred.subarray(0, 15);
    const half = (from: number, to: number) =>
      loss.accumulate(pred.subarray(from, to), labels.subarray(from, to), { shape: [1, 1, to - from] });
    expect(loss.valueFrom(half(5, 15))).toBe(1);
    const merged = half(0, 5).merge(half(5, 15));
    expect(
      distance([loss.valueFrom(merged)], [loss.value(pred, labels, { shape: [1, 1, 15] })]),
    ).toBeLessThan(MERGED);
  });

  test('gradFrom needs the sample it is asked for', () => {
    const loss = diceLoss();
    const error = thrown(() => {
      const { pred, labels, call } = at(1, 0, 15);
      loss.gradFrom(pred, labels, sumsOf(loss, at(0, 0, 15)), call);
    });
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(/"sums".*sample 1/);
  });
});

test('sums of other channels, and what is no Sums at all', () => {
  const loss = focalLoss({ activation: 'sigmoid' });
  const sums = [1, 3].map((channels) => {
    const { pred, labels, shape } = data({ activation: 'sigmoid', channels });
    return loss.accumulate(pred, labels, { shape });
  }) as [Sums, Sums];
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels: 3 });
  expect(thrown(() => sums[0].merge(sums[1])).constructor).toBe(Error);
  expect(thrown(() => loss.gradFrom(pred, labels, sums[0], { shape })).constructor).toBe(Error);
  for (const wrong of [null, undefined, {}, 3, JSON.parse(JSON.stringify(sums[0]))]) {
    expect(thrown(() => loss.valueFrom(wrong as never)).constructor).toBe(TypeError);
    expect(thrown(() => sums[0].merge(wrong as never)).constructor).toBe(TypeError);
  }
  const good = JSON.parse(JSON.stringify(sums[0])) as Record<string, unknown>;
  for (const wrong of [
    null,
    3,
    'sums',
    [],
    {},
    { ...good, terms: undefined },
    { ...good, extra: 1 },
    { ...good, terms: [{ sum: 'much', divisor: 1 }] },
    { ...good, terms: [{ rows: [{ sample: 0, weight: 1, sums: [1] }] }] },
  ]) {
    expect(thrown(() => Sums.from(wrong)).constructor, JSON.stringify(wrong)).toBe(TypeError);
  }
});

test('JSON holds every f64: non-finite numbers and −0 as text', () => {
  const loss = diceLoss();
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels: 1 }, 1);
  const json = JSON.parse(JSON.stringify(loss.accumulate(pred, labels, { shape }))) as {
    terms: { rows: { sums: unknown[] }[] }[];
  };
  const odd = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 'NaN', 'Infinity', '-Infinity', '-0', -1 / 3];
  (json.terms[0]?.rows[0] as { sums: unknown[] }).sums = odd;
  const text = JSON.stringify(json);
  expect(JSON.stringify(Sums.from(JSON.parse(text)))).toBe(text);
});

test('the same options in another order are the same loss', () => {
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels: 1 });
  const a = tverskyLoss({ fpWeight: 0.25, fnWeight: 0.75 });
  const b = tverskyLoss({ fnWeight: 0.75, fpWeight: 0.25 });
  expect(b.valueFrom(a.accumulate(pred, labels, { shape }))).toBe(a.value(pred, labels, { shape }));
});
