/** The options table: every loss, and of every option the values tried. The matrix is generated from it. */
import type { Activation } from '../../ts/index.js';

/** Values of an option for so many channels and spatial dimensions. */
type Values = (channels: number, rank?: number) => readonly unknown[];

const always =
  (...values: readonly unknown[]): Values =>
  () =>
    values;

/** One number a class, from a list that is long enough. */
const perClass =
  (...numbers: readonly number[]): Values =>
  (channels) => [Array.from({ length: channels }, (_, k) => numbers[k % numbers.length])];

const SHARED: Readonly<Record<string, Values>> = {
  ignoreIndex: always(255, -1, 1),
  classes: (channels) => [
    [channels - 1],
    ...(channels > 2
      ? [
          [2, 0],
          [1, 2],
        ]
      : []),
  ],
  includeBackground: (channels) => (channels > 1 ? [false, true] : [true]),
  classWeights: (channels) => [
    ...perClass(0.5, 2, 1.25, 3)(channels),
    ...(channels > 1 ? perClass(0, 1.5, 1)(channels) : []),
  ],
};

const PIXEL: Readonly<Record<string, Values>> = {
  ...SHARED,
  normalizer: always('valid', 'weights', 'all', 'labelWeights'),
  meanOver: always('elements', 'pixels'),
};

const SMOOTH = always(
  0,
  1,
  { numerator: 0, denominator: 1e-3 },
  { numerator: 1, denominator: 2.5 },
  { numerator: 0.5, denominator: 0 },
);

const REGION: Readonly<Record<string, Values>> = {
  ...SHARED,
  aggregate: always('sample', 'batch'),
  average: always('macro', 'micro'),
  smooth: SMOOTH,
  classWeighting: always('normalized', 'raw'),
  emptyClass: always('score', 'skip', 'zero', 'one'),
};

const TRANSFORM: Readonly<Record<string, Values>> = {
  overlap: always('minimum', 'product'),
  transform: always('oneMinus', 'log', 'logCosh', 'negative', { power: 0.75 }, { power: 2 }, { power: 1 }),
};

const EXPONENT: Readonly<Record<string, Values>> = { exponent: always(1, 2) };

export interface Entry {
  readonly activations: readonly Activation[];
  readonly options: Readonly<Record<string, Values>>;
  /** Options without which there is no loss. */
  readonly needs?: Readonly<Record<string, Values>>;
}

const all: readonly Activation[] = ['sigmoid', 'softmax', 'none'];

/** The losses of the article. */
const ARTICLE: Readonly<Record<string, Entry>> = {
  binaryCrossEntropyLoss: {
    activations: ['sigmoid', 'none'],
    options: {
      ...PIXEL,
      labelSmoothing: always(0, 0.1, 0.4),
      smoothedWeights: always(true, false),
      positiveWeight: (channels) => [0, 3, ...perClass(2, 0.5, 7)(channels)],
    },
  },
  crossEntropyLoss: {
    activations: ['softmax', 'none'],
    options: { ...PIXEL, labelSmoothing: always(0, 0.1, 0.4), smoothedWeights: always(true, false) },
  },
  focalLoss: {
    activations: all,
    options: {
      ...PIXEL,
      gamma: always(0, 0.5, 1, 2, 3.7),
      alpha: (channels) => [0.25, ...perClass(0.25, 0.75, 1, 0)(channels)],
      normalized: always(true, false),
      reducedThreshold: always(0.2, 0.6, 1),
    },
  },
  diceLoss: { activations: all, options: { ...REGION, ...TRANSFORM, ...EXPONENT } },
  jaccardLoss: { activations: all, options: { ...REGION, ...TRANSFORM, ...EXPONENT } },
  tverskyLoss: {
    activations: all,
    options: { ...REGION, ...TRANSFORM, fpWeight: always(0, 0.3, 1.5), fnWeight: always(0.7, 2) },
  },
  focalTverskyLoss: {
    activations: all,
    options: { ...REGION, fpWeight: always(0.6), fnWeight: always(0.4, 1), power: always(0.5, 1, 4 / 3) },
  },
  sensitivitySpecificityLoss: {
    activations: all,
    options: { ...REGION, sensitivityWeight: always(0, 0.5, 1) },
  },
  generalizedDiceLoss: {
    activations: all,
    options: {
      ...SHARED,
      ...TRANSFORM,
      aggregate: always('sample', 'batch'),
      smooth: SMOOTH,
      weighting: always('square', 'simple', 'uniform'),
      absentClass: always('max', 'zero', { epsilon: 1e-2 }),
    },
  },
};

/** An anisotropic grid, and one that is not. */
const SPACING: Values = (_, rank = 1) => [[0.7, 2, 1.5].slice(0, rank), [0.5, 0.5, 0.5].slice(0, rank)];

/** Twice a matrix of distances in [0, 1]. */
const DISTANCES: Values = (channels) => [
  Array.from({ length: channels }, (_r, y) =>
    Array.from({ length: channels }, (_c, c) =>
      y === c ? 0 : y === 0 || c === 0 ? 2 : 0.5 + ((y + c) % 3) / 2,
    ),
  ),
];

/** Without the smoothing under which a score is above 1: a power below 1 has an infinite slope there. */
const COMPOUND = { ...PIXEL, ...REGION, smooth: always(0, 1, { numerator: 0, denominator: 1e-3 }) };

/** The losses beyond the article. */
const CATALOGUE: Readonly<Record<string, Entry>> = {
  fBetaLoss: { activations: all, options: { ...REGION, ...TRANSFORM, beta: always(0.5, 1, 2) } },
  matthewsLoss: { activations: all, options: REGION },
  penaltyGeneralizedDiceLoss: {
    activations: all,
    options: {
      ...SHARED,
      aggregate: always('sample', 'batch'),
      smooth: SMOOTH,
      weighting: always('square', 'simple', 'uniform'),
      absentClass: always('max', 'zero', { epsilon: 1e-2 }),
      k: always(0, 1, 4),
    },
  },
  generalizedWassersteinDiceLoss: {
    activations: ['softmax', 'none'],
    needs: { distances: DISTANCES },
    options: {
      ...SHARED,
      aggregate: always('sample', 'batch'),
      smooth: SMOOTH,
      weighting: always('default', 'generalized'),
    },
  },
  qualityFocalLoss: { activations: ['sigmoid', 'none'], options: { ...PIXEL, beta: always(0, 1, 1.5, 3) } },
  generalizedCrossEntropyLoss: {
    activations: all,
    options: { ...PIXEL, labelSmoothing: always(0, 0.1, 0.4), q: always(0.1, 0.7, 1) },
  },
  polyCrossEntropyLoss: {
    activations: all,
    options: { ...PIXEL, labelSmoothing: always(0, 0.1, 0.4), epsilon: always(-1, 0, 2.5) },
  },
  comboLoss: {
    activations: ['sigmoid', 'none'],
    options: { ...COMPOUND, alpha: always(0, 0.3, 1), beta: always(0.2, 1) },
  },
  exponentialLogarithmicLoss: {
    activations: all,
    options: {
      ...COMPOUND,
      diceWeight: always(0, 1),
      crossEntropyWeight: always(0, 1),
      diceExponent: always(0.5, 1, 2),
      crossEntropyExponent: always(0.5, 1, 2),
    },
  },
  unifiedFocalLoss: {
    activations: all,
    options: {
      ...COMPOUND,
      weight: always(0, 0.3, 1),
      delta: always(0.4, 0.8),
      gamma: always(0, 0.2, 0.75),
      asymmetric: always(true, false),
    },
  },
};

/** Losses that need all the data in hand. */
const WHOLE: Readonly<Record<string, Entry>> = {
  balancedCrossEntropyLoss: {
    activations: all,
    options: {
      ...PIXEL,
      labelSmoothing: always(0, 0.1, 0.4),
      frequency: always('inverse', 'squareInverse', 'median', 'effective'),
    },
  },
  topKCrossEntropyLoss: {
    activations: all,
    options: {
      ...SHARED,
      labelSmoothing: always(0, 0.1),
      smoothedWeights: always(true, false),
      normalizer: always('valid', 'all'),
      percent: always(1, 33, 100),
    },
  },
  ohemCrossEntropyLoss: {
    activations: all,
    options: { ...SHARED, threshold: always(0, 0.3, 1), minKept: always(0, 3, 1000) },
  },
  lovaszHingeLoss: {
    activations: ['sigmoid'],
    options: { ...SHARED, aggregate: always('sample', 'batch') },
  },
  lovaszSoftmaxLoss: {
    activations: all,
    options: { ...SHARED, aggregate: always('sample', 'batch'), present: always(true, false) },
  },
};

/** Losses of the grid. */
const GEOMETRIC: Readonly<Record<string, Entry>> = {
  boundaryLoss: { activations: all, options: { ...SHARED, spacing: SPACING } },
  hausdorffLoss: {
    activations: all,
    options: { ...SHARED, spacing: SPACING, alpha: always(0, 1, 2, 2.5), logarithmic: always(true, false) },
  },
  clDiceLoss: {
    activations: all,
    options: { ...REGION, iterations: always(0, 1, 2, 5), harmonicSmooth: always(0, 1e-4) },
  },
};
export const GEOMETRIC_NAMES = Object.keys(GEOMETRIC);

export const TABLE: Readonly<Record<string, Entry>> = { ...ARTICLE, ...CATALOGUE, ...WHOLE, ...GEOMETRIC };

/** What a call may bring beside prediction and target. */
export const CALL: Readonly<Record<string, readonly unknown[]>> = {
  mask: ['Uint8Array', 'Float32Array', 'Array'],
  pixelWeights: ['pixel', 'prediction'],
  sampleWeights: ['Float32Array', 'Array'],
  upstream: [-1.5, 0],
};

export const LABEL_ARRAYS = {
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
} as const;

export type ArrayName = keyof typeof LABEL_ARRAYS;

/** How a target is given: a label map, one-hot, any 0 or 1 in each channel, or soft; and in which array. */
export interface Kind {
  readonly form: 'labels' | 'oneHot' | 'multiHot' | 'soft';
  readonly array: ArrayName;
}

export const KINDS: readonly Kind[] = [
  ...(Object.keys(LABEL_ARRAYS) as ArrayName[]).map((array) => ({ form: 'labels' as const, array })),
  { form: 'oneHot', array: 'Uint8Array' },
  { form: 'oneHot', array: 'Int32Array' },
  { form: 'oneHot', array: 'Float32Array' },
  { form: 'multiHot', array: 'Int8Array' },
  { form: 'multiHot', array: 'Float64Array' },
  { form: 'soft', array: 'Float32Array' },
  { form: 'soft', array: 'Float64Array' },
];
