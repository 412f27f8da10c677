/** What comes out: values, unreduced losses, evaluations, descriptions, and losses as plain data. */
import {
  diceLoss,
  focalLoss,
  generalizedDiceLoss,
  type Loss,
  type LossCall,
  lossFromJSON,
  Sums,
  weightedSum,
} from 'segloss';
import { describe, expect, test } from 'vitest';
import {
  CASES,
  data,
  difference,
  distance,
  type Entry,
  falseDiscoveryLoss,
  LOSSES,
  type Options,
  optionsOf,
} from './contract-cases.js';

const call = (shape: number[]): LossCall => ({
  shape,
  pixelWeights: Float32Array.from({ length: 30 }, (_, i) => 0.5 + (i % 3)),
  sampleWeights: [2, 0.5],
  mask: Uint8Array.from({ length: 30 }, (_, i) => i % 7),
});

describe.each(CASES)('$title', (of) => {
  const { pred, labels, shape, channels, pixels, samples } = data(of);
  const loss = of.make();
  const rest = call(shape);
  const value = loss.value(pred, labels, rest);

  test('value, valueAndGrad and evaluate give the same bits', () => {
    expect(loss.valueAndGrad(pred, labels, rest).value).toBe(value);
    expect(loss.evaluate(pred, labels, rest).value).toBe(value);
    expect(loss.valueFrom(loss.accumulate(pred, labels, rest))).toBe(value);
    expect(loss.value(pred, labels, rest)).toBe(value);
  });

  test('mergeable, and evaluate gives classes and sums', () => {
    expect(loss.mergeable).toBe(true);
    const { classes, sums } = loss.evaluate(pred, labels, rest);
    expect([...classes]).toEqual(Array.from({ length: channels }, (_, k) => k));
    expect(sums).toBeInstanceOf(Sums);
    expect(loss.valueFrom(sums as Sums)).toBe(value);
    const kept = of.make({ classes: channels === 1 ? [0] : [2, 1] });
    expect([...kept.evaluate(pred, labels, rest).classes].sort()).toEqual(channels === 1 ? [0] : [1, 2]);
  });

  if (of.family === 'sum') {
    test('unreduced is an Error that names evaluate().terms', () => {
      expect(() => loss.unreduced(pred, labels, rest)).toThrow(/evaluate\(\)\.terms/);
    });
  } else if (of.family === 'pixel') {
    test('unreduced has the prediction’s shape, under softmax that of the pixels; its sum is the loss', () => {
      for (const dataFormat of ['channelsFirst', 'channelsLast']) {
        const spatial = shape.slice(2);
        const last = dataFormat === 'channelsLast';
        const given = last ? [samples, ...spatial, channels] : shape;
        const made = of.make({ dataFormat });
        const { data: all, shape: found } = made.unreduced(pred, labels, { ...rest, shape: given });
        expect(all).toBeInstanceOf(Float32Array);
        expect(found).toEqual(of.activation === 'softmax' ? [samples, ...spatial] : given);
        expect(all.length).toBe(found.reduce((a, b) => a * b, 1));
        const sum = of.make({ dataFormat, reduction: 'sum' }).value(pred, labels, { ...rest, shape: given });
        const added = Float64Array.from(all).reduce((a, b) => a + b, 0);
        expect(distance([added], [sum])).toBeLessThan(1e-6);
      }
    });

    test('unreduced is 0 where masked and outside `classes`', () => {
      if (channels === 1) return;
      const { data: all } = of.make({ classes: [1] }).unreduced(pred, labels, rest);
      all.forEach((x, at) => {
        const k = Math.floor(at / pixels) % channels;
        const b = Math.floor(at / (of.activation === 'softmax' ? pixels : channels * pixels));
        const i = b * pixels + (at % pixels);
        const counts = i % 7 !== 0 && (of.activation === 'softmax' ? labels[i] === 1 : k === 1);
        if (!counts) expect(Math.abs(x), `${at}`).toBe(0);
      });
      expect(all.some((x) => x !== 0)).toBe(true);
    });
  } else {
    const joint = /^(g|penaltyG)eneralizedDiceLoss/.test(of.title);
    const kept = channels === 1 ? [0] : [1, 2];
    const classWeights = Array.from({ length: channels }, (_, k) => 1 + k);

    test('unreduced: samples and kept classes, without classWeights', () => {
      const shapeOf = (options: Options) => {
        const { data: all, shape: found } = of.make(options).unreduced(pred, labels, rest);
        expect(all).toBeInstanceOf(Float64Array);
        expect(all.length).toBe(found.reduce((a, b) => a * b, 1));
        return found;
      };
      const classes = joint ? [] : [channels];
      expect(shapeOf({})).toEqual([samples, ...classes]);
      expect(shapeOf({ aggregate: 'batch' })).toEqual(classes);
      if (joint) return;
      expect(shapeOf({ classes: kept })).toEqual([samples, kept.length]);
      expect(shapeOf({ average: 'micro' })).toEqual([samples]);
      expect(shapeOf({ average: 'micro', aggregate: 'batch' })).toEqual([]);
      const weighted = of.make({ classWeights }).unreduced(pred, labels, rest).data;
      expect(difference(weighted, loss.unreduced(pred, labels, rest).data)).toBe(-1);
    });

    test('unreduced holds the losses in the order of the kept classes; the mean of them is the value', () => {
      const { data: all } = loss.unreduced(pred, labels, rest);
      const v = [2, 0.5];
      const rows = Array.from(v, (_, b) => {
        const row = Array.from(all).slice((b * all.length) / 2, ((b + 1) * all.length) / 2);
        return row.reduce((a, x) => a + x, 0) / row.length;
      });
      expect(distance([((rows[0] ?? 0) * 2 + (rows[1] ?? 0) * 0.5) / 2.5], [value])).toBeLessThan(1e-12);
      if (joint || channels === 1) return;
      const turned = of.make({ classes: [2, 0] }).unreduced(pred, labels, rest).data;
      expect(Array.from(turned)).toEqual([all[2], all[0], all[5], all[3]]);
    });

    test('evaluate: perSample under aggregate sample, perClass under macro', () => {
      const { perSample, perClass } = loss.evaluate(pred, labels, rest);
      expect(perSample).toBeInstanceOf(Float64Array);
      const v = [2, 0.5];
      const mean = Array.from(perSample ?? []).reduce((a, x, b) => a + x * (v[b] ?? 0), 0) / 2.5;
      expect(distance([mean], [value])).toBeLessThan(1e-12);
      const batch = of.make({ aggregate: 'batch' }).evaluate(pred, labels, rest);
      expect(batch.perSample).toBeUndefined();
      if (joint) return;
      expect(perClass?.length).toBe(channels);
      const all = Array.from(perClass ?? []).reduce((a, x) => a + x, 0) / channels;
      expect(distance([all], [value])).toBeLessThan(1e-12);
      expect(of.make({ average: 'micro' }).evaluate(pred, labels, rest).perClass).toBeUndefined();
    });

    test('a class without foreground: skip gives NaN, zero and one their loss', () => {
      if (joint || channels === 1) return;
      const bare = labels.map((label, i) => (i < pixels && label === 1 ? 0 : label));
      const withEmpty = (emptyClass: string) => of.make({ emptyClass });
      const losses = (emptyClass: string) => withEmpty(emptyClass).unreduced(pred, bare, rest).data;
      expect(losses('skip')[1]).toBeNaN();
      expect(losses('zero')[1]).toBe(0);
      expect(losses('one')[1]).toBe(1);
      for (const i of [0, 2, 3, 4, 5]) expect(losses('skip')[i]).toBe(losses('score')[i]);
      const skipped = withEmpty('skip').evaluate(pred, bare, rest);
      const [a = 0, , b = 0] = losses('skip');
      expect(skipped.perSample?.[0]).toBeCloseTo((a + b) / 2, 12);
      expect(skipped.perClass?.[1]).toBe(losses('skip')[4]);
      for (const emptyClass of ['skip', 'zero', 'one']) {
        const nothing = labels.map((label, i) => (i < pixels ? 255 : label));
        const mean = of.make({ emptyClass, ignoreIndex: 255 });
        expect(Number.isFinite(mean.value(pred, nothing, rest))).toBe(true);
      }
    });
  }
});

/** A value of each option that is not its default. */
const OTHER: Readonly<Record<string, unknown>> = {
  activation: 'none',
  dataFormat: 'channelsLast',
  reduction: 'sum',
  ignoreIndex: 250,
  classes: [2, 1],
  classWeights: [1.25, 2.25, 3.25],
  normalizer: 'weights',
  meanOver: 'pixels',
  labelSmoothing: 0.125,
  smoothedWeights: true,
  positiveWeight: 2.75,
  gamma: 1.75,
  alpha: 0.375,
  aggregate: 'batch',
  average: 'micro',
  smooth: 0.625,
  classWeighting: 'raw',
  emptyClass: 'skip',
  exponent: 2,
  transform: 'logCosh',
  overlap: 'minimum',
  fpWeight: 0.15,
  fnWeight: 0.85,
  power: 1.375,
  sensitivityWeight: 0.0625,
  weighting: 'simple',
  absentClass: { epsilon: 0.1875 },
  floor: 0.01171875,
};

const changeable = (entry: Entry) =>
  optionsOf(entry).filter((name) => name in OTHER && name !== 'classWeights' && name !== 'includeBackground');

describe.each(LOSSES)('$name as plain data', (entry) => {
  const options = Object.fromEntries(changeable(entry).map((name) => [name, OTHER[name]]));
  const { pred, labels } = data({ activation: 'none', channels: 3 });
  const shape = [2, 3, 5, 3];
  const restore = (loss: Loss) =>
    lossFromJSON(JSON.parse(JSON.stringify(loss)) as never, {
      losses: { falseDiscoveryLoss: falseDiscoveryLoss },
    });

  test('toJSON is { name, options }, and lossFromJSON gives the same loss', () => {
    const loss = entry.make(options);
    expect(loss.name).toBe(entry.name);
    expect(JSON.parse(JSON.stringify(loss))).toEqual({ name: entry.name, options });
    const again = restore(loss);
    expect(again.toJSON()).toEqual(loss.toJSON());
    expect(again.describe()).toBe(loss.describe());
    expect(again.value(pred, labels, { shape })).toBe(loss.value(pred, labels, { shape }));
    expect(JSON.parse(JSON.stringify(entry.make()))).toEqual({ name: entry.name, options: {} });
  });

  test('nested in sums', () => {
    const loss = weightedSum(
      [
        [0.5, entry.make(options)],
        [-2, weightedSum([[3, entry.make(options)]], { name: 'inner' })],
      ],
      { name: 'outer' },
    );
    const json = JSON.parse(JSON.stringify(loss)) as unknown;
    expect(json).toEqual({
      name: 'weightedSum',
      options: { name: 'outer' },
      terms: [
        [0.5, { name: entry.name, options }],
        [
          -2,
          { name: 'weightedSum', options: { name: 'inner' }, terms: [[3, { name: entry.name, options }]] },
        ],
      ],
    });
    const again = restore(loss);
    expect(again.name).toBe('outer');
    expect(again.toJSON()).toEqual(json);
    expect(again.value(pred, labels, { shape })).toBe(loss.value(pred, labels, { shape }));
    const sums = loss.accumulate(pred, labels, { shape });
    expect(again.valueFrom(sums)).toBe(loss.value(pred, labels, { shape }));
  });

  test('describe names every option in force, given or by default', () => {
    const text = entry.make().describe();
    const given = entry.make({ ...options }).describe();
    for (const name of optionsOf(entry)) {
      // What includeBackground says is said by classes; the smoothing of a formula of one's own is its own affair.
      if (name === 'includeBackground') continue;
      if (!(name === 'smooth' && entry.name === 'falseDiscoveryLoss')) expect(text).toContain(name);
      const value = options[name];
      if (value === undefined) continue;
      const shown = typeof value === 'string' ? value : JSON.stringify(value);
      const part = name === 'smooth' ? '0.625' : shown;
      expect(given, name).toContain(part);
    }
    expect(entry.make({ classWeights: [1.25, 2, 3] }).describe()).toContain('1.25');
    expect(entry.make({ includeBackground: false }).describe()).not.toBe(text);
    expect(text).toContain(entry.name);
  });

  test('options are copied at construction; undefined means absent', () => {
    const mine: Options = structuredClone({ ...options });
    const loss = entry.make(mine);
    const before = loss.value(pred, labels, { shape });
    const text = JSON.stringify(loss);
    (mine.classes as number[]).push(0);
    for (const value of Object.values(mine)) {
      if (typeof value === 'object' && value !== null && 'epsilon' in value) value.epsilon = 9;
    }
    for (const name of Object.keys(mine)) mine[name] = undefined;
    expect(loss.value(pred, labels, { shape })).toBe(before);
    expect(JSON.stringify(loss)).toBe(text);
    const absent = Object.fromEntries(optionsOf(entry).map((name) => [name, undefined]));
    expect(entry.make(absent).toJSON()).toEqual(entry.make().toJSON());
    expect(entry.make(absent).describe()).toBe(entry.make().describe());
  });

  test('what toJSON gave may be changed without changing the loss', () => {
    const loss = entry.make(options);
    const sums = loss.accumulate(pred, labels, { shape });
    const given = loss.toJSON() as { options: Options };
    try {
      given.options.reduction = 'mean';
      (given.options.classes as number[])[0] = 0;
    } catch {
      // Frozen is as good as copied.
    }
    expect(JSON.parse(JSON.stringify(loss))).toEqual({ name: entry.name, options });
    expect(loss.valueFrom(sums)).toBe(loss.value(pred, labels, { shape }));
  });
});

test('undefined in `call` means absent', () => {
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels: 1 });
  const absent = {
    shape,
    mask: undefined,
    pixelWeights: undefined,
    sampleWeights: undefined,
    upstream: undefined,
    sample: undefined,
    out: undefined,
  };
  expect(diceLoss().valueAndGrad(pred, labels, absent)).toEqual(
    diceLoss().valueAndGrad(pred, labels, { shape }),
  );
});

test('smooth: a number is both', () => {
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels: 1 });
  for (const make of [diceLoss, generalizedDiceLoss]) {
    const value = (smooth: number | { numerator: number; denominator: number }) =>
      make({ smooth }).value(pred, labels, { shape });
    expect(value(3)).toBe(value({ numerator: 3, denominator: 3 }));
    expect(value(3)).not.toBe(value({ numerator: 3, denominator: 2 }));
  }
  expect(diceLoss({ smooth: 1e-5 }).describe()).toBe(diceLoss().describe());
  expect(generalizedDiceLoss({ smooth: 0 }).describe()).toBe(generalizedDiceLoss().describe());
});

test('alpha: a number is the same for all classes', () => {
  for (const activation of ['sigmoid', 'softmax'] as const) {
    const { pred, labels, shape } = data({ activation, channels: 3 });
    const value = (alpha: number | number[]) =>
      focalLoss({ activation, alpha }).value(pred, labels, { shape });
    expect(value(0.25)).toBe(value([0.25, 0.25, 0.25]));
  }
});
