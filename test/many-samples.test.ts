/** Samples that are no larger than a tile of the core, many or one: options drawn at random, against the f64 twin. */
import { describe, expect, it } from 'vitest';
import { difference } from './contract-cases.js';
import { draws, seeded } from './draws.js';
import { type Case, combination, compound, dataOf, MANY, type Size } from './twin/cases.js';
import { compare, make } from './twin/compare.js';
import { random } from './twin/random.js';
import { TABLE } from './twin/table.js';

const SHOWN = 4;
const DRAWN = draws(12);

describe('many small samples', () => {
  it.each(Object.keys(TABLE))(`%s: ${DRAWN} combinations`, (name) => {
    const r = random(seeded(name.length + 5000));
    const wrong = Array.from({ length: DRAWN }, () => compare(combination(name, r, MANY))).flat();
    expect(wrong.slice(0, SHOWN), `${wrong.length} wrong`).toEqual([]);
  });

  it(`weightedSum: ${DRAWN} sums of two to four`, () => {
    const r = random(seeded(78));
    const wrong = Array.from({ length: DRAWN }, () => compare(compound(r, MANY))).flat();
    expect(wrong.slice(0, SHOWN), `${wrong.length} wrong`).toEqual([]);
  });
});

/** One sample, which is one tile: a short one, one that ends within a vector, and the longest. */
const ALONE: readonly Size[] = [
  { samples: 1, channels: 1, spatial: [8, 8] },
  { samples: 1, channels: 1, spatial: [1023] },
  { samples: 1, channels: 4, spatial: [37] },
  { samples: 1, channels: 4, spatial: [16, 16] },
  { samples: 1, channels: 21, spatial: [9] },
];

/** More samples than a chunk takes: tiles that end within a vector, and samples of whole vectors, not a multiple of four. */
const CHUNKS: readonly Size[] = [
  { samples: 4_203, channels: 4, spatial: [2, 2] },
  { samples: 1_371, channels: 3, spatial: [3, 4] },
  { samples: 5700, channels: 2, spatial: [3] },
  { samples: 16_400, channels: 1, spatial: [] },
];

/** What the core scores itself: losses of one ratio, of samples of which nothing is left out or weighed. */
describe('samples that the core scores', () => {
  const losses = {
    diceLoss: [{}, { smooth: 0 }, { smooth: { numerator: 0.5, denominator: 0 } }],
    jaccardLoss: [{}],
    tverskyLoss: [{ fpWeight: 0.3, fnWeight: 0.7 }, { smooth: 1 }],
    fBetaLoss: [{}],
  };
  const casesOf = (sizes: readonly Size[]): Case[] =>
    sizes.flatMap((size) =>
      Object.entries(losses).flatMap(([name, all]) =>
        all.flatMap((own) =>
          (['sigmoid', 'softmax', 'none'] as const)
            .filter((activation) => size.channels > 1 || activation !== 'softmax')
            .flatMap((activation): Case[] => {
              const options = { activation, ...own };
              const kind = { form: 'labels', array: 'Uint8Array' } as const;
              const common = { size, kind, seed: size.samples + size.channels };
              const background = size.channels > 1 ? { includeBackground: false } : {};
              return [
                { ...common, config: { name, options }, with: {} },
                {
                  ...common,
                  config: { name, options: { ...options, ...background, reduction: 'sum' } },
                  with: { upstream: -2.5 },
                },
              ];
            }),
        ),
      ),
    );

  it('a third of them agree with the twin', () => {
    const third = casesOf([...MANY, ...ALONE]).filter((_, i) => i % 3 === 0);
    expect(third.flatMap(compare).slice(0, SHOWN)).toEqual([]);
  });

  it('value and gradient of all have the bits of merged sums, with a pixel loss too', () => {
    const wrong: string[] = [];
    for (const one of casesOf([...MANY, ...CHUNKS, ...ALONE])) {
      const { pred, target, call } = dataOf(one);
      const { activation, reduction } = one.config.options;
      const entropy = {
        name: 'focalLoss',
        options: { ...(activation && { activation }), ...(reduction && { reduction }) },
      };
      const sum = {
        name: 'weightedSum',
        options: {},
        terms: [
          [1, one.config],
          [0.5, entropy],
        ] as const,
      };
      for (const loss of [make(one.config), make(sum)]) {
        const { value, grad } = loss.valueAndGrad(pred, target, call);
        const sums = loss.accumulate(pred, target, call);
        const title = `${JSON.stringify(one.config)} ${call.shape.join()}`;
        if (!Object.is(loss.valueFrom(sums), value)) wrong.push(`${title}: value`);
        if (!Object.is(loss.value(pred, target, call), value)) wrong.push(`${title}: value alone`);
        if (difference(loss.gradFrom(pred, target, sums, call), grad) !== -1)
          wrong.push(`${title}: gradient`);
      }
    }
    expect(wrong.slice(0, SHOWN)).toEqual([]);
  });

  it.each([1, 2, 4, 5, 9, 21])(
    '%i classes, probabilities of all sizes: the same value by every method',
    (channels) => {
      const r = random(channels);
      const shape = [1, channels, 64];
      for (let draw = 0; draw < 20; draw++) {
        const pred = Float32Array.from({ length: 64 * channels }, () => 40 * (r.next() - 0.5));
        const target = Uint8Array.from({ length: 64 }, () => r.below(Math.max(channels, 2)));
        const loss = make({ name: 'diceLoss', options: {} });
        const { value } = loss.valueAndGrad(pred, target, { shape });
        const sums = loss.accumulate(pred, target, { shape });
        const others = [loss.value(pred, target, { shape }), loss.valueFrom(sums)];
        expect([...others, loss.evaluate(pred, target, { shape }).value]).toEqual([value, value, value]);
      }
    },
  );

  it('samples of which a tile takes but one, or a part', () => {
    for (const pixels of [513, 1024, 1025]) {
      const one = { name: 'diceLoss', options: { activation: 'sigmoid' } } as const;
      const size = { samples: 3, channels: 1, spatial: [pixels] };
      const kind = { form: 'labels', array: 'Uint8Array' } as const;
      expect(compare({ config: one, size, kind, with: {}, seed: pixels })).toEqual([]);
    }
  });

  it('a denominator of 0 is loss 0 without gradient, and NaN of one sample is that of all', () => {
    const loss = make({ name: 'diceLoss', options: { activation: 'none', smooth: 0 } });
    const shape = [2000, 2];
    // Class 1 is nowhere, in target or prediction.
    const pred = Float32Array.from({ length: 4000 }, (_, i) => Number(i % 2 === 0));
    const target = new Uint8Array(2000);
    const { value, grad } = loss.valueAndGrad(pred, target, { shape });
    expect(value).toBe(0);
    expect(grad.filter((_, i) => i % 2 === 1).every((g) => Object.is(g, 0))).toBe(true);
    pred[3001] = NaN;
    expect(loss.value(pred, target, { shape })).toBe(NaN);
    expect(loss.evaluate(pred, target, { shape }).value).toBe(NaN);
  });
});
