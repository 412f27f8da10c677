/** Every spatial length around the vector and the tile, every start offset of a subarray, few and many channels. */
import { describe, expect, it } from 'vitest';
import type { Data } from './twin/cases.js';
import { compareData, make } from './twin/compare.js';
import type { Config } from './twin/index.js';
import { random } from './twin/random.js';

interface Subject {
  readonly title: string;
  readonly config: Config;
  readonly channels: number;
}

const sigmoid = { activation: 'sigmoid' } as const;
const softmax = { activation: 'softmax' } as const;

const SUBJECTS: readonly Subject[] = [
  { title: 'sigmoid BCE', config: { name: 'binaryCrossEntropyLoss', options: sigmoid }, channels: 1 },
  { title: 'sigmoid Dice', config: { name: 'diceLoss', options: sigmoid }, channels: 1 },
  { title: 'softmax CE', config: { name: 'crossEntropyLoss', options: softmax }, channels: 3 },
  { title: 'softmax Dice', config: { name: 'diceLoss', options: softmax }, channels: 3 },
];

interface Layout {
  readonly samples?: number;
  readonly last?: boolean;
}

/** Weighted pixels with labels, one byte each: the target starts at other alignments than the prediction. */
function data(channels: number, pixels: number, { samples = 1, last = false }: Layout = {}): Data {
  const r = random(1000 * channels + pixels);
  const many = <T>(length: number, of: () => T): T[] => Array.from({ length }, of);
  return {
    pred: new Float32Array(many(samples * channels * pixels, () => 2 * r.normal())),
    target: new Uint8Array(many(samples * pixels, () => r.below(Math.min(256, Math.max(channels, 2))))),
    call: {
      shape: last ? [samples, pixels, channels] : [samples, channels, pixels],
      pixelWeights: new Float32Array(many(samples * pixels, () => 0.25 + r.next())),
    },
  };
}

const formatted = (config: Config, last: boolean): Config =>
  last ? { ...config, options: { ...config.options, dataFormat: 'channelsLast' } } : config;

function check(config: Config, channels: number, pixels: number, layout: Layout = {}): string[] {
  const found = compareData(formatted(config, layout.last === true), data(channels, pixels, layout));
  return found.map((what) => `${pixels} pixels${layout.last ? ', channels last' : ''}: ${what}`);
}

/** The same numbers at a start offset in a larger buffer, between entries that no loss may read into its result. */
function moved<T extends Float32Array | Uint8Array>(array: T, offset: number): T {
  const buffer = array.slice(0, 0).constructor as new (length: number) => T;
  const larger = new buffer(array.length + offset + 9).fill(array instanceof Uint8Array ? 255 : NaN) as T;
  larger.set(array, offset);
  return larger.subarray(offset, offset + array.length) as T;
}

describe.each(SUBJECTS)('$title', ({ config, channels }) => {
  it('lengths 0…67 agree with the twin', () => {
    const lengths = Array.from({ length: 68 }, (_, n) => n);
    const wrong = lengths.flatMap((n) => [
      ...check(config, channels, n),
      ...check(config, channels, n, { last: true, samples: 2 }),
    ]);
    expect(wrong).toEqual([]);
  });

  it('start offsets 0…7 of prediction, target, weights and out give the same bits', () => {
    const loss = make(config);
    const wrong: string[] = [];
    for (let n = 0; n <= 67; n++) {
      const { pred, target, call } = data(channels, n);
      const expected = loss.valueAndGrad(pred, target, call);
      for (let offset = 0; offset < 8; offset++) {
        const out = moved(new Float32Array(pred.length), (7 * offset + 3) % 8);
        const around = new Float32Array(out.buffer);
        const { value, grad } = loss.valueAndGrad(
          moved(pred as Float32Array, offset),
          moved(target as Uint8Array, (3 * offset + 1) % 8),
          { ...call, out, pixelWeights: moved(call.pixelWeights as Float32Array, (5 * offset + 2) % 8) },
        );
        const same = Object.is(value, expected.value) && grad.every((x, i) => Object.is(x, expected.grad[i]));
        const untouched =
          around.reduce((count, x) => count + Number(Number.isNaN(x)), 0) === around.length - n * channels;
        if (!same || grad !== out) wrong.push(`${n} pixels at offset ${offset}: other bits`);
        if (!untouched) wrong.push(`${n} pixels at offset ${offset}: written beyond out`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('lengths around one and two tiles agree with the twin', () => {
    const wrong = [4095, 4096, 4097, 8193].flatMap((n) => check(config, channels, n));
    expect([...wrong, ...check(config, channels, 4099, { last: true, samples: 2 })]).toEqual([]);
  });
});

describe('many channels', () => {
  const cases = SUBJECTS.flatMap((subject) =>
    [1, 2, 3, 5, 21, 105, 300].map((channels) => ({ ...subject, channels })),
  ).filter(({ channels, config }) => channels > 1 || config.options.activation === 'sigmoid');

  it.each(cases)('$title, $channels channels', ({ config, channels }) => {
    // The last is longer than a tile, which holds the fewer pixels the more channels there are.
    const lengths = [1, 7, 64, 130, ...(channels >= 21 ? [Math.floor(65_536 / channels) + 5] : [])];
    const wrong = lengths.flatMap((n) => check(config, channels, n, { last: n % 2 === 1 }));
    expect(wrong).toEqual([]);
  });
});
