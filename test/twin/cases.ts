/** Cases from the options table, and the data of a case. */
import type { LossCall, Target } from '../../ts/index.js';
import { activationOf, type Config, type Options } from './index.js';
import { type Random, random } from './random.js';
import { CALL, type Entry, GEOMETRIC_NAMES, KINDS, type Kind, LABEL_ARRAYS, TABLE } from './table.js';

export interface Size {
  readonly samples: number;
  readonly channels: number;
  readonly spatial: readonly number[];
}

export interface Case {
  readonly config: Config;
  readonly size: Size;
  readonly kind: Kind;
  /** Values of `CALL`. */
  readonly with: Readonly<Record<string, unknown>>;
  readonly seed: number;
}

/** Pixels that fill whole vectors of four, and that do not: kernels tell them apart. */
const SIZES: readonly Size[] = [
  { samples: 2, channels: 3, spatial: [5] },
  { samples: 1, channels: 4, spatial: [3, 3] },
  { samples: 2, channels: 3, spatial: [4] },
  { samples: 1, channels: 2, spatial: [2, 4] },
  { samples: 3, channels: 2, spatial: [2, 3] },
  { samples: 2, channels: 2, spatial: [2, 1, 3] },
  { samples: 4, channels: 3, spatial: [] },
  { samples: 1, channels: 5, spatial: [6] },
  { samples: 1, channels: 1, spatial: [7] },
  { samples: 2, channels: 1, spatial: [3, 2] },
  { samples: 2, channels: 1, spatial: [8] },
  { samples: 5, channels: 1, spatial: [] },
];

const LARGER: readonly Size[] = [
  { samples: 2, channels: 3, spatial: [7, 5] },
  { samples: 1, channels: 9, spatial: [13] },
  { samples: 3, channels: 4, spatial: [2, 3, 3] },
  { samples: 2, channels: 2, spatial: [33] },
  { samples: 1, channels: 3, spatial: [4, 8] },
  { samples: 1, channels: 6, spatial: [16] },
  { samples: 2, channels: 1, spatial: [3, 2, 2, 4] },
];

/** More samples than a tile takes, and fewer; aligned to its vectors or not. */
export const MANY: readonly Size[] = [
  { samples: 700, channels: 3, spatial: [] },
  { samples: 290, channels: 4, spatial: [3] },
  { samples: 150, channels: 2, spatial: [2, 4] },
  { samples: 301, channels: 4, spatial: [2, 2] },
  { samples: 120, channels: 3, spatial: [3, 4] },
  { samples: 20, channels: 9, spatial: [5] },
  { samples: 230, channels: 1, spatial: [5] },
  { samples: 1100, channels: 1, spatial: [] },
];

const OF_SEVERAL = ['crossEntropyLoss', 'generalizedWassersteinDiceLoss'];

/** Whether the contract allows the case; what it does not is the business of the error tests. */
function allowed({ config, size, kind }: Case): boolean {
  const { options } = config;
  const { channels } = size;
  if (channels === 1) {
    if (OF_SEVERAL.includes(config.name) || options.activation === 'softmax') return false;
    if (options.includeBackground === false || kind.form === 'oneHot' || kind.form === 'multiHot')
      return false;
  }
  if (options.classes !== undefined && options.includeBackground !== undefined) return false;
  if (options.average === 'micro' && options.classWeights !== undefined) return false;
  // What is far from a distribution has a denominator near 0.
  if (options.distances && options.activation === 'none' && channels > 3) return false;
  // The correlation of one pixel is 0/0.
  if (config.name === 'matthewsLoss' && size.spatial.length === 0) return false;
  if (GEOMETRIC_NAMES.includes(config.name) && size.spatial.length > 3) return false;
  if (config.name.startsWith('lovasz') && kind.form === 'soft') return false;
  if (typeof options.absentClass === 'object' && options.weighting === 'uniform') return false;
  const { ignoreIndex } = options;
  if (ignoreIndex === undefined) return true;
  const dense = channels === 1 || kind.form !== 'labels';
  if (dense && (ignoreIndex === 0 || ignoreIndex === 1)) return false;
  return new LABEL_ARRAYS[kind.array]([ignoreIndex])[0] === ignoreIndex;
}

/**
 * Each option of the table alone, with every activation and kind of target, and the bare loss under both reductions. An
 * option's values alternate between the reductions from kind to kind, so that each meets both.
 */
export function* oneAtATime(name: string): Generator<Case> {
  const { activations, options } = TABLE[name] as (typeof TABLE)[string];
  const r = random(name.length);
  let turn = 0;
  for (const activation of [undefined, ...activations]) {
    for (const kind of KINDS) {
      const sized = (): Size =>
        r.pick(SIZES.filter(({ channels }) => channels > 1 || activation !== 'softmax'));
      const one = (own: object, brought: object, size = sized()): Case => {
        turn += 1;
        const base: Options = {
          ...(activation && { activation }),
          ...(r.next() < 0.5 && { dataFormat: 'channelsLast' }),
          reduction: turn % 2 === 0 ? 'mean' : 'sum',
          ...needed(name, size.channels),
        };
        const config = { name, options: { ...base, ...own } };
        return { config, size, kind, with: { ...brought }, seed: r.below(2 ** 31) };
      };
      const cases = [one({}, {}), one({}, {})];
      for (const [option, values] of Object.entries(activation === undefined ? {} : options)) {
        for (let index = 0; ; index++) {
          const size = sized();
          const list = values(size.channels, size.spatial.length);
          if (index >= list.length) break;
          cases.push(one({ [option]: list[index] }, {}, size));
        }
      }
      for (const [argument, values] of Object.entries(CALL)) {
        for (const value of values) cases.push(one({}, { [argument]: value }));
      }
      // An even number of cases a kind would give each option the same reduction again.
      if (cases.length % 2 === 0) turn += 1;
      yield* cases.filter(allowed);
    }
  }
}

function sample(
  r: Random,
  chance: number,
  from: Readonly<Record<string, readonly unknown[]>>,
): Readonly<Record<string, unknown>> {
  const chosen = Object.entries(from).filter(() => r.next() < chance);
  return Object.fromEntries(chosen.map(([name, values]) => [name, r.pick(values)]));
}

/** The options without which there is no loss. */
export function needed(name: string, channels: number): object {
  const { needs } = TABLE[name] as Entry;
  const values = Object.entries(needs ?? {}).map(([name, of]) => [name, of(channels)[0]] as const);
  return Object.fromEntries(values);
}

/** A case with many options at once. */
export function combination(name: string, r: Random, sizes?: readonly Size[]): Case {
  const { activations, options } = TABLE[name] as (typeof TABLE)[string];
  for (;;) {
    const size = r.pick(sizes ?? (r.next() < 0.5 ? SIZES : LARGER));
    const values = Object.entries(options).map(
      ([option, of]) => [option, of(size.channels, size.spatial.length)] as const,
    );
    const drawn: Case = {
      config: {
        name,
        options: {
          activation: r.pick(activations),
          dataFormat: r.pick(['channelsFirst', 'channelsLast'] as const),
          reduction: r.pick(['mean', 'sum'] as const),
          ...sample(r, 0.35, Object.fromEntries(values)),
          ...needed(name, size.channels),
        },
      },
      size,
      kind: r.pick(KINDS),
      with: sample(r, 0.4, CALL),
      seed: r.below(2 ** 31),
    };
    if (allowed(drawn)) return drawn;
  }
}

/** Weighted sums of terms that agree in data format and do not mix logits with probabilities. */
export function compound(r: Random, sizes?: readonly Size[]): Case {
  const names = Object.keys(TABLE);
  const ofAnySize = names.filter((name) => TABLE[name]?.needs === undefined);
  for (;;) {
    const first = combination(r.pick(names), r, sizes);
    const { dataFormat, activation } = first.config.options;
    const terms: [number, Config][] = [[r.next() * 2, first.config]];
    while (terms.length < 2 + r.below(3)) {
      const { config } = combination(r.pick(ofAnySize), r);
      // Options with one number a class, or an axis, must have as many as the first term's.
      const { classes, classWeights, positiveWeight, spacing, alpha, ...rest } = config.options;
      const options: Options = {
        ...rest,
        ...(dataFormat && { dataFormat }),
        ...(typeof alpha === 'number' && { alpha }),
        ...(r.next() < 0.5 && first.config.options.ignoreIndex !== undefined
          ? { ignoreIndex: first.config.options.ignoreIndex }
          : {}),
      };
      const mixes = (config.options.activation === 'none') !== (activation === 'none');
      const term = { name: config.name, options };
      if (!mixes && allowed({ ...first, config: term })) terms.push([r.normal(), term]);
    }
    const ignored = new Set(terms.map(([, { options }]) => options.ignoreIndex));
    // An ignored value of one term would be a wrong label to another.
    if (ignored.size === 1) return { ...first, config: { name: 'weightedSum', options: {}, terms } };
  }
}

export interface Data {
  readonly pred: Float32Array | Float64Array;
  readonly target: Target;
  readonly call: LossCall;
}

const count = (size: readonly number[]): number => size.reduce((a, b) => a * b, 1);

/** Options that say how the data look: those of the first term. */
const leading = (config: Config): Config => config.terms?.[0]?.[1] ?? config;

function targetOf({ config, size, kind }: Case, r: Random): Target {
  const { samples, channels } = size;
  const pixels = count(size.spatial);
  const { dataFormat, ignoreIndex } = leading(config).options;
  // Sometimes the last class is absent from the first sample, or from all.
  const absent = r.pick(['nowhere', 'nowhere', 'first', 'everywhere']);
  const labels = Array.from({ length: samples * pixels }, (_, at) => {
    const without = absent === 'everywhere' || (absent === 'first' && at < pixels);
    return channels === 1 ? (without ? 0 : r.below(2)) : r.below(channels - (without ? 1 : 0));
  });
  const ignore = (): boolean => ignoreIndex !== undefined && r.next() < 0.2;
  const Make = LABEL_ARRAYS[kind.array];
  if (kind.form === 'labels')
    return new Make(labels.map((label) => (ignore() ? (ignoreIndex as number) : label)));
  const dense = Array.from({ length: samples * channels * pixels }, (_, at) => {
    const last = dataFormat === 'channelsLast';
    const b = Math.floor(at / (channels * pixels));
    const inside = at % (channels * pixels);
    const k = last ? inside % channels : Math.floor(inside / pixels);
    const i = last ? Math.floor(inside / channels) : inside % pixels;
    if (ignore()) return ignoreIndex as number;
    const label = labels[b * pixels + i] as number;
    if (kind.form === 'multiHot') return r.below(2);
    if (kind.form === 'oneHot') return label === k ? 1 : 0;
    return r.next() < 0.2 ? r.below(2) : Math.fround(r.next());
  });
  return new Make(dense);
}

/** A weight of 0 now and then. */
const weight = (r: Random): number => (r.next() < 0.15 ? 0 : Math.fround(0.2 + 2 * r.next()));

export function dataOf(one: Case): Data {
  const { config, size } = one;
  const { samples, channels, spatial } = size;
  const r = random(one.seed);
  const { dataFormat } = leading(config).options;
  const shape =
    dataFormat === 'channelsLast' ? [samples, ...spatial, channels] : [samples, channels, ...spatial];
  const [entries, pixels] = [count(shape), samples * count(spatial)];
  const probabilities = activationOf(leading(config), channels) === 'none';
  const numbers = Array.from({ length: entries }, () =>
    Math.fround(probabilities ? 0.1 + 0.8 * r.next() : 2 * r.normal()),
  );
  const many = (length: number, of: () => number): number[] => Array.from({ length }, of);
  const { mask, pixelWeights, sampleWeights, upstream } = one.with;
  const arrayOf = (name: unknown, values: number[]): ArrayLike<number> =>
    name === 'Array' ? values : new LABEL_ARRAYS[name as 'Uint8Array'](values);
  return {
    pred: r.next() < 0.5 ? new Float32Array(numbers) : new Float64Array(numbers),
    target: targetOf(one, r),
    call: {
      shape,
      ...(mask !== undefined && {
        mask: arrayOf(
          mask,
          many(pixels, () => (r.next() < 0.25 ? 0 : 1 + r.below(2))),
        ),
      }),
      ...(pixelWeights !== undefined && {
        pixelWeights: new (r.pick([Float32Array, Float64Array]))(
          many(pixelWeights === 'pixel' ? pixels : entries, () => weight(r)),
        ),
      }),
      ...(sampleWeights !== undefined && {
        sampleWeights: arrayOf(
          sampleWeights,
          many(samples, () => weight(r)),
        ),
      }),
      ...(upstream !== undefined && { upstream: upstream as number }),
    },
  };
}
