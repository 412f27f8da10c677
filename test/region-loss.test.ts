/** Region losses of one's own: what the formula is given, how often it is called, and what becomes of its answer. */
import { diceLoss, jaccardLoss, type LossCall, regionLoss, type RegionSums, weightedSum } from 'segloss';
import { describe, expect, test } from 'vitest';
import { data, distance, thrown } from './contract-cases.js';

const NAMES = ['tp', 'p', 'g', 'p2', 'g2', 'fgError', 'bgError', 'n'] as const;

const call = (shape: number[]): LossCall => ({
  shape,
  pixelWeights: Float32Array.from({ length: 30 }, (_, i) => 0.5 + (i % 3)),
  sampleWeights: [2, 0.5],
  mask: Uint8Array.from({ length: 30 }, (_, i) => i % 7),
});

/** diceLoss, written by a user. */
const mine = regionLoss(
  'mine',
  ({ tp, p, g }, { smooth }) => {
    const [top, bottom] = [2 * tp + smooth, p + g + smooth];
    return {
      value: 1 - top / bottom,
      partials: { tp: -2 / bottom, p: top / bottom ** 2, g: top / bottom ** 2 },
    };
  },
  { smooth: 1e-5 },
);

describe('a Dice of one’s own equals diceLoss', () => {
  const options = {
    defaults: {},
    batch: { aggregate: 'batch' },
    micro: { average: 'micro' },
    'micro over the batch': { average: 'micro', aggregate: 'batch' },
    sum: { reduction: 'sum' },
    smooth: { smooth: 0.75 },
    classes: { classes: [2, 0], classWeights: [1, 2, 3] },
    raw: { classWeights: [1, 2, 3], classWeighting: 'raw' },
    skip: { emptyClass: 'skip', includeBackground: false },
  } as const;
  test.each(Object.entries(options))('%s', (_, given) => {
    for (const activation of ['sigmoid', 'softmax', 'none'] as const) {
      const { pred, labels, shape } = data({ activation, channels: 3 });
      const [a, b] = [mine, diceLoss].map((make) => {
        const loss = make({ activation, ...given });
        return {
          ...loss.valueAndGrad(pred, labels, call(shape)),
          unreduced: loss.unreduced(pred, labels, call(shape)),
        };
      });
      expect(distance([a?.value ?? NaN], [b?.value ?? NaN])).toBeLessThan(1e-12);
      expect(distance(a?.grad ?? [], b?.grad ?? [])).toBeLessThan(1e-6);
      expect(a?.unreduced.shape).toEqual(b?.unreduced.shape);
      expect(distance(a?.unreduced.data ?? [], b?.unreduced.data ?? [])).toBeLessThan(1e-12);
    }
  });

  test('in a weighted sum', () => {
    const { pred, labels, shape } = data({ activation: 'softmax', channels: 3 });
    const [a, b] = [mine, diceLoss].map((make) =>
      weightedSum([
        [1, make()],
        [0.5, jaccardLoss()],
      ]).valueAndGrad(pred, labels, { shape }),
    );
    expect(distance([a?.value ?? NaN], [b?.value ?? NaN])).toBeLessThan(1e-12);
    expect(distance(a?.grad ?? [], b?.grad ?? [])).toBeLessThan(1e-6);
  });
});

test('a formula may call a loss', () => {
  const score = (sums: RegionSums) => ({ value: 1 - sums.tp / (sums.p + 1), partials: { tp: -1, p: 0.5 } });
  const calls = regionLoss('calls', (sums) => {
    diceLoss().valueAndGrad(new Float32Array(5), new Uint8Array(5), { shape: [1, 1, 5] });
    return score(sums);
  });
  const { pred, labels, shape } = data({ activation: 'softmax', channels: 3 });
  const [got, want] = [calls(), regionLoss('still', score)()].map((loss) =>
    loss.valueAndGrad(pred, labels, { shape }),
  );
  expect(got?.value).toBe(want?.value);
  expect(got?.grad).toEqual(want?.grad);
});

describe('the formula', () => {
  const seen: RegionSums[] = [];
  const told: unknown[] = [];
  const watch = regionLoss(
    'watch',
    (sums, options) => {
      seen.push({ ...sums });
      told.push(options);
      return { value: 1, partials: {} };
    },
    { strength: 3, list: [1, 2] },
  );
  const { pred, labels, shape } = data({ activation: 'none', channels: 3 });
  const sumsOf = (options: object): RegionSums[] => {
    seen.length = 0;
    watch({ activation: 'none', ...options }).value(pred, labels, call(shape));
    return [...seen];
  };

  /** The sums as their definitions say. */
  const wanted = (b: number, k: number): RegionSums => {
    const sums: RegionSums = { tp: 0, p: 0, g: 0, p2: 0, g2: 0, fgError: 0, bgError: 0, n: 0 };
    for (let i = 0; i < 15; i++) {
      const at = b * 15 + i;
      if (at % 7 === 0) continue;
      const w = 0.5 + (at % 3);
      const [p, g] = [pred[(b * 3 + k) * 15 + i] ?? NaN, labels[at] === k ? 1 : 0];
      sums.tp += w * p * g;
      sums.p += w * p;
      sums.g += w * g;
      sums.p2 += w * p * p;
      sums.g2 += w * g * g;
      sums.fgError += w * (g - p) ** 2 * g;
      sums.bgError += w * (g - p) ** 2 * (1 - g);
      sums.n += w;
    }
    return sums;
  };
  const same = (got: RegionSums | undefined, want: RegionSums) => {
    for (const name of NAMES) expect(distance([got?.[name] ?? NaN], [want[name]]), name).toBeLessThan(1e-6);
  };
  const added = (all: [RegionSums, number][]): RegionSums =>
    Object.fromEntries(
      NAMES.map((name) => [name, all.reduce((sum, [one, v]) => sum + v * one[name], 0)]),
    ) as unknown as RegionSums;

  test('is called once per sample and class, with the weighted sums', () => {
    const got = sumsOf({});
    expect(got.length).toBe(6);
    got.forEach((sums, i) => {
      same(sums, wanted(i % 2, Math.floor(i / 2)));
    });
  });

  test('over the batch once per class, samples weighted', () => {
    const got = sumsOf({ aggregate: 'batch' });
    expect(got.length).toBe(3);
    got.forEach((sums, k) => {
      same(
        sums,
        added([
          [wanted(0, k), 2],
          [wanted(1, k), 0.5],
        ]),
      );
    });
  });

  test('pooled over the kept classes once per sample, or once', () => {
    const pooled = sumsOf({ average: 'micro', classes: [0, 2] });
    expect(pooled.length).toBe(2);
    same(
      pooled[1],
      added([
        [wanted(1, 0), 1],
        [wanted(1, 2), 1],
      ]),
    );
    expect(sumsOf({ average: 'micro', aggregate: 'batch' }).length).toBe(1);
  });

  test('has its options: defaults, and what the caller gave', () => {
    const last = () => told.at(-1) as Record<string, unknown>;
    sumsOf({});
    expect(last()).toMatchObject({ strength: 3, list: [1, 2] });
    sumsOf({ strength: 5 });
    expect(last()).toMatchObject({ strength: 5, list: [1, 2] });
    sumsOf({ strength: undefined });
    expect(last()).toMatchObject({ strength: 3 });
    expect(thrown(() => watch({ strenth: 1 } as never)).message).toMatch(/"strenth".*"strength"/);
    expect(watch({ strength: 6.5 }).describe()).toMatch(/strength: 6.5[^]*list: \[1,2\]/);
    expect(watch({ strength: 6.5 }).toJSON()).toEqual({ name: 'watch', options: { strength: 6.5 } });
  });

  test('defaults are copied', () => {
    const defaults = { strength: 1 };
    const factory = regionLoss('copied', (_, o) => ({ value: o.strength, partials: {} }), defaults);
    const loss = factory({ activation: 'none' });
    defaults.strength = 2;
    expect(loss.value(pred, labels, { shape })).toBe(1);
    expect(factory({ activation: 'none' }).value(pred, labels, { shape })).toBe(1);
  });

  test('without partials or defaults', () => {
    const flat = regionLoss('flat', ({ n }) => ({ value: n, partials: {} }));
    const { value, grad } = flat({ activation: 'none' }).valueAndGrad(pred, labels, { shape });
    expect(value).toBe(15);
    expect(grad.every((g) => g === 0)).toBe(true);
    expect(flat().name).toBe('flat');
  });

  test('every partial derivative reaches the gradient', () => {
    const all = data({ activation: 'none', channels: 1 });
    for (const name of NAMES) {
      const one = regionLoss('one', (sums) => ({ value: sums[name], partials: { [name]: 1 } }));
      const { grad } = one({ activation: 'none', reduction: 'sum' }).valueAndGrad(all.pred, all.labels, {
        shape: all.shape,
      });
      const slope = (p: number, g: number) =>
        ({
          tp: g,
          p: 1,
          g: 0,
          p2: 2 * p,
          g2: 0,
          fgError: 2 * (p - g) * g,
          bgError: 2 * (p - g) * (1 - g),
          n: 0,
        })[name];
      const want = Float64Array.from(all.pred, (p, i) => slope(p, all.labels[i] ?? 0));
      expect(distance(grad, want), name).toBeLessThan(1e-6);
    }
  });
});

describe('answers that are none', () => {
  const { pred, labels, shape } = data({ activation: 'sigmoid', channels: 1 });
  const wrong: [title: string, answer: unknown, says: RegExp][] = [
    ['nothing', undefined, /bad.*value, partials/],
    ['a number', 3, /bad.*value, partials.*got 3/],
    ['no value', { partials: {} }, /bad.*value, partials/],
    ['a value that is text', { value: '1', partials: {} }, /bad.*value, partials/],
    ['no partials', { value: 1 }, /bad.*value, partials/],
    ['an unknown partial', { value: 1, partials: { tpp: 1 } }, /bad.*"tpp".*"tp"/],
    ['a partial that is text', { value: 1, partials: { tp: '1' } }, /tp.*bad.*number/],
  ];
  test.each(wrong)('%s is a TypeError', (_, answer, says) => {
    const loss = regionLoss('bad', () => answer as never)();
    const error = thrown(() => loss.value(pred, labels, { shape }));
    expect(error.constructor).toBe(TypeError);
    expect(error.message).toMatch(says);
    const good = diceLoss();
    expect(good.value(pred, labels, { shape })).toBeGreaterThan(0);
  });

  test('an error of the formula’s own comes through', () => {
    const loss = regionLoss('angry', () => {
      throw new SyntaxError('no');
    })();
    expect(() => loss.value(pred, labels, { shape })).toThrow(SyntaxError);
  });

  test('NaN is passed on', () => {
    const loss = regionLoss('lost', () => ({ value: NaN, partials: { p: NaN } }))();
    const { value, grad } = loss.valueAndGrad(pred, labels, { shape });
    expect(value).toBeNaN();
    expect(grad.every((g) => Number.isNaN(g))).toBe(true);
  });
});
