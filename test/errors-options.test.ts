/** Every mistake among the options of a loss: the class of the error, the option's name, and what is accepted. */
import {
  binaryCrossEntropyLoss,
  crossEntropyLoss,
  diceLoss,
  focalLoss,
  generalizedDiceLoss,
  type Loss,
  lossFromJSON,
  regionLoss,
  ShapeError,
  weightedSum,
} from 'segloss';
import { describe, expect, test } from 'vitest';
import { data, type Entry, LOSSES, type Options, optionsOf, thrown } from './contract-cases.js';

type Bad = readonly [value: unknown, kind: ErrorConstructor, ...says: string[]];

const wordOf = (...words: string[]): Bad[] => [
  ['nonsense', RangeError, ...words.map((w) => `'${w}'`), '"nonsense"'],
  [3, TypeError, ...words.map((w) => `'${w}'`), 'got 3'],
  [null, TypeError, 'null'],
  [true, TypeError, 'true'],
];
const range = (...values: unknown[]): Bad[] => values.map((value) => [value, RangeError, 'expected', 'got']);
const type = (...values: unknown[]): Bad[] => values.map((value) => [value, TypeError, 'expected', 'got']);
const number = (...values: number[]): Bad[] => [...range(...values, NaN, Infinity), ...type('1', null, {})];

/** Values each option refuses. */
const BAD: Readonly<Record<string, readonly Bad[]>> = {
  activation: wordOf('sigmoid', 'softmax', 'none'),
  dataFormat: wordOf('channelsFirst', 'channelsLast'),
  reduction: wordOf('mean', 'sum'),
  ignoreIndex: [...range(1.5, NaN, Infinity), ...type('255', null, [255])],
  classes: [...range([], [1, 1], [-1], [0.5], [NaN]), ...type(1, 'all', ['1'], null)],
  includeBackground: type(0, 'false', null),
  classWeights: [...range([-1], [1, NaN], [Infinity]), ...type(2, '1', ['1'], null)],
  normalizer: wordOf('valid', 'weights', 'all', 'labelWeights'),
  meanOver: wordOf('elements', 'pixels'),
  labelSmoothing: number(1, -0.1),
  smoothedWeights: type(0, 'false', null),
  positiveWeight: [...range(-1, NaN, Infinity, [1, -1]), ...type('2', ['2'], null)],
  gamma: number(-0.5),
  alpha: [...range(-0.1, NaN, [0.5, -1]), ...type('2', ['2'], null)],
  aggregate: wordOf('sample', 'batch'),
  average: wordOf('macro', 'micro'),
  smooth: [
    ...range(-1, NaN, Infinity, { numerator: -1, denominator: 1 }, { numerator: 1, denominator: NaN }),
    ...type('1', null, { numerator: 1 }, { denominator: 1 }, { numerator: '1', denominator: 1 }),
    [{ numerator: 1, denominator: 1, both: 1 }, TypeError, '"both"'],
  ],
  classWeighting: wordOf('normalized', 'raw'),
  emptyClass: wordOf('score', 'skip', 'zero', 'one'),
  exponent: [...range(3, 0, 1.5, NaN), ...type('2', null)],
  transform: [
    ['exp', RangeError, "'oneMinus'", "'log'", "'logCosh'", "'negative'", '"exp"'],
    [2, TypeError, "'oneMinus'", "'logCosh'", 'power', 'got 2'],
    ...range({ power: -1 }, { power: NaN }),
    ...type(null, {}, { power: '1' }),
    [{ powr: 1 }, TypeError, '"powr"', '"power"'],
  ],
  overlap: wordOf('product', 'minimum'),
  fpWeight: number(-1),
  fnWeight: number(-1),
  power: number(-1),
  sensitivityWeight: number(-0.1, 1.1),
  weighting: wordOf('square', 'simple', 'uniform'),
  absentClass: [
    ['min', RangeError, "'max'", "'zero'"],
    [3, TypeError, "'max'", "'zero'"],
    ...range({ epsilon: -1 }, { epsilon: NaN }),
    ...type(null, { epsilon: '1' }, {}),
    [{ eps: 1 }, TypeError, '"eps"', 'epsilon'],
  ],
};
const EVERY_OPTION = Object.keys(BAD);

const on = { activation: 'none', channels: 3 } as const;
const { pred, labels, shape } = data(on);
const valueOf = ({ make }: Entry) => make({ activation: 'none' }).value(pred, labels, { shape });

describe.each(LOSSES)('$name', (entry) => {
  const before = valueOf(entry);

  test.each(optionsOf(entry).filter((name) => name in BAD))('%s', (name) => {
    for (const [value, kind, ...says] of BAD[name] ?? []) {
      const error = thrown(() => entry.make({ [name]: value }));
      const where = `${name}: ${JSON.stringify(value)}: ${error.message}`;
      expect(error.constructor, where).toBe(kind);
      expect(error.message, where).toContain(`"${name}`);
      for (const part of says) expect(error.message, where).toContain(part);
      expect(valueOf(entry), where).toBe(before);
    }
  });

  test('an option of other losses is unknown here', () => {
    const known = optionsOf(entry);
    const unknown = EVERY_OPTION.filter((name) => !known.includes(name));
    expect(unknown.length).toBeGreaterThan(5);
    for (const name of unknown) {
      const error = thrown(() => entry.make({ [name]: undefined }));
      expect(error.constructor, name).toBe(TypeError);
      expect(error.message).toContain(entry.name);
      expect(error.message).toContain(`"${name}"`);
    }
  });

  test('an unknown name is a TypeError that suggests the nearest one', () => {
    for (const name of optionsOf(entry)) {
      for (const misspelt of [name.slice(0, -1), name.toUpperCase(), `${name}s`]) {
        if (optionsOf(entry).includes(misspelt)) continue;
        const error = thrown(() => entry.make({ [misspelt]: undefined }));
        expect(error.constructor, misspelt).toBe(TypeError);
        expect(error.message).toMatch(new RegExp(`"${misspelt}".*"\\w+"`));
        // One letter from two names.
        if (!['classs', 'normalize'].includes(misspelt)) expect(error.message).toContain(`"${name}"`);
      }
    }
  });

  test('options that are no object', () => {
    for (const options of [null, 3, 'softmax', [], true]) {
      const error = thrown(() => entry.make(options as unknown as Options));
      expect(error.constructor, String(options)).toBe(TypeError);
      expect(error.message).toContain('options object');
    }
  });

  test('classes and includeBackground say the same thing', () => {
    for (const includeBackground of [true, false]) {
      const error = thrown(() => entry.make({ classes: [1], includeBackground }));
      expect(error.constructor).toBe(RangeError);
      expect(error.message).toMatch(/"includeBackground".*"classes"|"classes".*"includeBackground"/);
    }
  });

  test('options that do not fit the channels of a call', () => {
    const loss = (options: Options) => entry.make({ activation: 'none', ...options });
    const call = (options: Options) => thrown(() => loss(options).value(pred, labels, { shape }));
    const outside = call({ classes: [1, 3] });
    expect(outside.constructor).toBe(RangeError);
    expect(outside.message).toMatch(/"classes".*0…2.*got 3/);
    const short = call({ classWeights: [1, 2] }) as ShapeError;
    expect(short.constructor).toBe(ShapeError);
    expect([short.argument, short.received]).toEqual(['classWeights', '2']);
    for (const name of ['positiveWeight', 'alpha'].filter((option) => entry.own.includes(option))) {
      const error = call({ [name]: [0.5, 0.5] }) as ShapeError;
      expect(error.constructor, name).toBe(ShapeError);
      expect([error.argument, error.received]).toEqual([name, '2']);
    }
    expect(valueOf(entry)).toBe(before);
  });

  test('an ignored label that a dense target needs', () => {
    const dense = new Float32Array(pred.length);
    for (const ignoreIndex of [0, 1]) {
      const error = thrown(() =>
        entry.make({ activation: 'none', ignoreIndex }).value(pred, dense, { shape }),
      );
      expect(error.constructor).toBe(RangeError);
      expect(error.message).toMatch(/"ignoreIndex".*mask/);
    }
  });

  test('one channel: no softmax, and no class but the background', () => {
    const single = data({ activation: 'sigmoid', channels: 1 });
    const call = (options: Options) =>
      thrown(() => entry.make(options).value(single.pred, single.labels, { shape: single.shape }));
    if (entry.activations.includes('softmax')) {
      const error = call({ activation: 'softmax' });
      expect(error.constructor).toBe(RangeError);
      expect(error.message).toMatch(
        entry.name === 'crossEntropyLoss' ? /binaryCrossEntropyLoss/ : /use sigmoid/,
      );
    }
    if (entry.name === 'crossEntropyLoss') return;
    const nothing = call({ includeBackground: false });
    expect(nothing.constructor).toBe(RangeError);
    expect(nothing.message).toContain('"includeBackground"');
  });

  if (entry.family === 'region' && !entry.without.includes('average')) {
    test("class weights have no meaning under average: 'micro'", () => {
      const error = thrown(() => entry.make({ average: 'micro', classWeights: [1, 1, 1] }));
      expect(error.constructor).toBe(RangeError);
      expect(error.message).toMatch(/"classWeights".*micro/);
    });
  }
});

describe('single losses', () => {
  const refused: [title: string, make: () => Loss, says: RegExp][] = [
    [
      'binaryCrossEntropyLoss, softmax',
      () => binaryCrossEntropyLoss({ activation: 'softmax' }),
      /crossEntropyLoss/,
    ],
    [
      'crossEntropyLoss, sigmoid',
      () => crossEntropyLoss({ activation: 'sigmoid' }),
      /binaryCrossEntropyLoss/,
    ],
    [
      'generalizedDiceLoss, epsilon under uniform',
      () => generalizedDiceLoss({ weighting: 'uniform', absentClass: { epsilon: 1 } }),
      /"absentClass".*uniform/,
    ],
  ];
  test.each(refused)('%s is a RangeError', (_, make, says) => {
    const error = thrown(make);
    expect(error.constructor).toBe(RangeError);
    expect(error.message).toMatch(says);
  });

  test('crossEntropyLoss of one channel names binaryCrossEntropyLoss, with every activation', () => {
    for (const activation of [undefined, 'softmax', 'none'] as const) {
      const error = thrown(() =>
        crossEntropyLoss({ activation }).value(new Float32Array(2).fill(0.5), new Uint8Array(2), {
          shape: [1, 1, 2],
        }),
      );
      expect(error.constructor).toBe(RangeError);
      expect(error.message).toContain('binaryCrossEntropyLoss');
    }
  });

  test('alpha above 1 leaves negatives a weight below 0: sigmoid and none refuse it, softmax takes it', () => {
    const three = data({ activation: 'softmax', channels: 3 });
    const run = (activation: 'sigmoid' | 'softmax', alpha: number | number[]) =>
      focalLoss({ activation, alpha }).value(three.pred, three.labels, { shape: three.shape });
    for (const alpha of [2, [0.5, 2, 0.5]]) {
      const error = thrown(() => run('sigmoid', alpha));
      expect(error.constructor).toBe(RangeError);
      expect(error.message).toMatch(/"alpha".*got 2/);
    }
    expect(run('softmax', 2)).toBeCloseTo(2 * run('softmax', 1), 6);
  });
});

describe('weightedSum', () => {
  const refused: [title: string, terms: unknown, kind: ErrorConstructor, says: RegExp][] = [
    ['no array', diceLoss(), TypeError, /"terms"/],
    ['no term', [], RangeError, /"terms"/],
    ['no pair', [diceLoss()], TypeError, /"terms\[0\]"/],
    ['a weight of NaN', [[NaN, diceLoss()]], RangeError, /"terms\[0\]\[0\]".*NaN/],
    ['a weight of Infinity', [[Infinity, diceLoss()]], RangeError, /finite/],
    ['a weight that is text', [['1', diceLoss()]], TypeError, /"terms\[0\]\[0\]"/],
    ['a factory for a loss', [[1, diceLoss]], TypeError, /"terms\[0\]\[1\]"/],
    [
      'two data formats',
      [
        [1, diceLoss()],
        [1, diceLoss({ dataFormat: 'channelsLast' })],
      ],
      RangeError,
      /"dataFormat"/,
    ],
    [
      'probabilities and logits',
      [
        [1, diceLoss({ activation: 'none' })],
        [1, crossEntropyLoss()],
      ],
      RangeError,
      /"activation".*none/,
    ],
    [
      'probabilities and logits, nested',
      [
        [1, diceLoss({ activation: 'none' })],
        [1, weightedSum([[1, diceLoss({ activation: 'sigmoid' })]])],
      ],
      RangeError,
      /"activation".*none/,
    ],
  ];
  test.each(refused)('%s', (_, terms, kind, says) => {
    const error = thrown(() => weightedSum(terms as never));
    expect(error.constructor, error.message).toBe(kind);
    expect(error.message).toMatch(says);
  });

  test('options', () => {
    const sum = (options: unknown) => thrown(() => weightedSum([[1, diceLoss()]], options as never));
    expect(sum({ nam: 'x' }).message).toMatch(/"nam".*"name"/);
    expect(sum({ nam: 'x' }).constructor).toBe(TypeError);
    expect(sum({ name: 3 }).constructor).toBe(TypeError);
    expect(sum({ name: '' }).constructor).toBe(RangeError);
    expect(sum(null).constructor).toBe(TypeError);
  });
});

describe('regionLoss', () => {
  const formula = () => ({ value: 0, partials: {} });
  const refused: [title: string, args: unknown[], kind: ErrorConstructor, says: RegExp][] = [
    ['a name that is none', [3, formula], TypeError, /"name"/],
    ['an empty name', ['', formula], RangeError, /"name"/],
    ['no formula', ['mine'], TypeError, /"formula"/],
    ['defaults that are no object', ['mine', formula, 3], TypeError, /"defaults"/],
    ['an option every region loss has', ['mine', formula, { aggregate: 1 }], RangeError, /"aggregate"/],
  ];
  test.each(refused)('%s', (_, args, kind, says) => {
    const error = thrown(() => (regionLoss as unknown as (...all: unknown[]) => unknown)(...args));
    expect(error.constructor, error.message).toBe(kind);
    expect(error.message).toMatch(says);
  });
});

describe('lossFromJSON', () => {
  const refused: [title: string, config: unknown, kind: ErrorConstructor, says: RegExp][] = [
    ['null', null, TypeError, /"config"/],
    ['text', 'diceLoss', TypeError, /"config"/],
    ['no name', { options: {} }, TypeError, /"config"/],
    ['a name nobody knows', { name: 'dicLoss', options: {} }, RangeError, /"dicLoss".*"diceLoss"/],
    ['a name of Object', { name: 'toString', options: {} }, RangeError, /toString/],
    ['a bad option', { name: 'diceLoss', options: { smooth: -1 } }, RangeError, /"smooth"/],
    ['a sum without terms', { name: 'weightedSum', options: {} }, TypeError, /terms/],
    ['a key too many', { name: 'diceLoss', options: {}, term: [] }, TypeError, /"term".*"terms"/],
  ];
  test.each(refused)('%s', (_, config, kind, says) => {
    const error = thrown(() => lossFromJSON(config as never));
    expect(error.constructor, error.message).toBe(kind);
    expect(error.message).toMatch(says);
  });
});
