/** The losses the contract is tested on, each with every activation it takes, and small data for them. */
import {
  type Activation,
  binaryCrossEntropyLoss,
  crossEntropyLoss,
  diceLoss,
  fBetaLoss,
  focalLoss,
  focalTverskyLoss,
  generalizedCrossEntropyLoss,
  generalizedDiceLoss,
  jaccardLoss,
  type Loss,
  type LossCall,
  matthewsLoss,
  penaltyGeneralizedDiceLoss,
  polyCrossEntropyLoss,
  qualityFocalLoss,
  regionLoss,
  sensitivitySpecificityLoss,
  tverskyLoss,
  weightedSum,
} from 'segloss';

export type Options = Record<string, unknown>;
type Factory = (options?: Options) => Loss;

export interface Entry {
  readonly name: string;
  readonly family: 'pixel' | 'region';
  readonly make: Factory;
  readonly activations: readonly Activation[];
  /** Options beyond those of the family. */
  readonly own: readonly string[];
  /** Options of the family that this loss has not. */
  readonly without: readonly string[];
}

const ALL: readonly Activation[] = ['sigmoid', 'softmax', 'none'];

function entry(
  family: Entry['family'],
  name: string,
  make: unknown,
  own: readonly string[] = [],
  rest: Partial<Entry> = {},
): Entry {
  return { name, family, make: make as Factory, own, activations: ALL, without: [], ...rest };
}

/** A loss as a user would write one: the share of the predicted volume that is wrong. */
export const falseDiscoveryLoss = regionLoss(
  'falseDiscoveryLoss',
  ({ tp, p }, { floor }) => ({
    value: 1 - tp / (p + floor),
    partials: { tp: -1 / (p + floor), p: tp / (p + floor) ** 2 },
  }),
  { floor: 1e-3 },
);

export const LOSSES: readonly Entry[] = [
  entry(
    'pixel',
    'binaryCrossEntropyLoss',
    binaryCrossEntropyLoss,
    ['labelSmoothing', 'smoothedWeights', 'positiveWeight'],
    {
      activations: ['sigmoid', 'none'],
    },
  ),
  entry('pixel', 'crossEntropyLoss', crossEntropyLoss, ['labelSmoothing', 'smoothedWeights'], {
    activations: ['softmax', 'none'],
  }),
  entry('pixel', 'focalLoss', focalLoss, ['gamma', 'alpha', 'normalized', 'reducedThreshold']),
  entry('region', 'diceLoss', diceLoss, ['exponent', 'transform', 'overlap']),
  entry('region', 'jaccardLoss', jaccardLoss, ['exponent', 'transform', 'overlap']),
  entry('region', 'tverskyLoss', tverskyLoss, ['fpWeight', 'fnWeight', 'transform', 'overlap']),
  entry('region', 'focalTverskyLoss', focalTverskyLoss, ['fpWeight', 'fnWeight', 'power']),
  entry('region', 'sensitivitySpecificityLoss', sensitivitySpecificityLoss, ['sensitivityWeight']),
  entry(
    'region',
    'generalizedDiceLoss',
    generalizedDiceLoss,
    ['weighting', 'absentClass', 'transform', 'overlap'],
    {
      without: ['average', 'emptyClass', 'classWeighting'],
    },
  ),
  entry('region', 'falseDiscoveryLoss', falseDiscoveryLoss, ['floor']),
  entry('pixel', 'qualityFocalLoss', qualityFocalLoss, ['beta'], { activations: ['sigmoid', 'none'] }),
  entry('pixel', 'generalizedCrossEntropyLoss', generalizedCrossEntropyLoss, ['q', 'labelSmoothing']),
  entry('pixel', 'polyCrossEntropyLoss', polyCrossEntropyLoss, ['epsilon', 'labelSmoothing']),
  entry('region', 'fBetaLoss', fBetaLoss, ['beta', 'transform', 'overlap']),
  entry('region', 'matthewsLoss', matthewsLoss),
  entry(
    'region',
    'penaltyGeneralizedDiceLoss',
    penaltyGeneralizedDiceLoss,
    ['weighting', 'absentClass', 'k'],
    {
      without: ['average', 'emptyClass', 'classWeighting'],
    },
  ),
];

/** The losses that the contract is not tested on, but by `test/matrix.test.ts` alone; and why. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  balancedCrossEntropyLoss: 'has no sums',
  lovaszHingeLoss: 'has no sums',
  lovaszSoftmaxLoss: 'has no sums',
  ohemCrossEntropyLoss: 'has no sums',
  topKCrossEntropyLoss: 'has no sums',
  boundaryLoss: 'has no sums; test/geometric.test.ts',
  hausdorffLoss: 'has no sums; test/geometric.test.ts',
  clDiceLoss: 'has no sums; test/geometric.test.ts',
  comboLoss: 'is of two families',
  exponentialLogarithmicLoss: 'is of two families',
  unifiedFocalLoss: 'is of two families',
  generalizedWassersteinDiceLoss: 'needs a matrix of the classes at hand',
};

const SHARED = 'activation dataFormat reduction ignoreIndex classes includeBackground classWeights'.split(
  ' ',
);
const FAMILY = {
  pixel: ['normalizer', 'meanOver'],
  region: ['aggregate', 'average', 'smooth', 'classWeighting', 'emptyClass'],
};

/** Every option a loss takes. */
export function optionsOf({ family, own, without }: Entry): string[] {
  return [...SHARED, ...FAMILY[family], ...own].filter((name) => !without.includes(name));
}

/** A loss with one activation, on so many channels. */
export interface Case {
  readonly title: string;
  readonly family: 'pixel' | 'region' | 'sum';
  readonly activation: Activation;
  readonly channels: number;
  readonly make: Factory;
}

function mixed(options: Options = {}): Loss {
  const entropy = options.activation === 'sigmoid' ? binaryCrossEntropyLoss : crossEntropyLoss;
  return weightedSum([
    [1, diceLoss(options)],
    [0.5, (options.activation === 'none' ? binaryCrossEntropyLoss : entropy)(options)],
    [-0.25, weightedSum([[2, generalizedDiceLoss(options)]])],
    [0.75, focalLoss(options)],
  ]);
}

const SUM: Entry = entry('pixel', 'weightedSum', mixed);

export const CASES: readonly Case[] = [...LOSSES, SUM].flatMap(({ name, family, make, activations }) =>
  activations.flatMap((activation) =>
    (activation === 'sigmoid' ? [1, 3] : [3])
      .map((channels) => ({
        title: `${name}, ${activation}, C = ${channels}`,
        family: name === 'weightedSum' ? ('sum' as const) : family,
        activation,
        channels,
        make: (options: Options = {}) => make({ activation, ...options }),
      }))
      .flat(),
  ),
);

/** Repeatable numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Data {
  readonly pred: Float32Array;
  /** A label map, or the foreground where there is one channel. */
  readonly labels: Uint8Array;
  readonly pixels: number;
  readonly samples: number;
  readonly channels: number;
  readonly shape: number[];
}

/** Logits within ±4, or probabilities, with a label a pixel; channels first. */
export function data(
  { activation, channels }: Pick<Case, 'activation' | 'channels'>,
  samples = 2,
  spatial: readonly number[] = [3, 5],
  seed = 1,
): Data {
  const next = random(seed);
  const pixels = spatial.reduce((a, b) => a * b, 1);
  const classes = Math.max(2, channels);
  const value = activation === 'none' ? () => 0.05 + 0.9 * next() : () => 8 * next() - 4;
  return {
    pred: Float32Array.from({ length: samples * channels * pixels }, value),
    // Pixels 2, 3, … of each sample hold the classes in order, so that none is absent.
    labels: Uint8Array.from({ length: samples * pixels }, (_, i) => {
      const [drawn, place] = [Math.floor(next() * classes), (i % pixels) - 2];
      return place >= 0 && place < classes ? place : drawn;
    }),
    pixels,
    samples,
    channels,
    shape: [samples, channels, ...spatial],
  };
}

/** One-hot of a label map, channels first; a label that is no class is none of them. */
export function oneHot({ labels, pixels, samples, channels }: Data): Uint8Array {
  if (channels === 1) return labels.slice();
  const dense = new Uint8Array(samples * channels * pixels);
  labels.forEach((label, at) => {
    const b = Math.floor(at / pixels);
    if (label < channels) dense[(b * channels + label) * pixels + (at % pixels)] = 1;
  });
  return dense;
}

/** Channels first to channels last. */
export function toLast<T extends Float32Array | Uint8Array>(from: T, { samples, channels, pixels }: Data): T {
  const to = from.slice() as T;
  for (let b = 0; b < samples; b++) {
    for (let k = 0; k < channels; k++) {
      for (let i = 0; i < pixels; i++) {
        to[(b * pixels + i) * channels + k] = from[(b * channels + k) * pixels + i] ?? NaN;
      }
    }
  }
  return to;
}

/** Every way to call a loss that looks at data. */
export const METHODS: Readonly<
  Record<string, (loss: Loss, pred: never, target: never, call: LossCall) => unknown>
> = {
  value: (loss, pred, target, call) => loss.value(pred, target, call),
  valueAndGrad: (loss, pred, target, call) => loss.valueAndGrad(pred, target, call),
  unreduced: (loss, pred, target, call) => loss.unreduced(pred, target, call),
  evaluate: (loss, pred, target, call) => loss.evaluate(pred, target, call),
  accumulate: (loss, pred, target, call) => loss.accumulate(pred, target, call),
};

/** How far the value of merged sums may be from that of the whole, relative: the design's bound. */
export const MERGED = 1e-9;

/** What a function throws. */
export function thrown(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

/** Largest difference of two arrays, relative to the largest entry of the second. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] ?? NaN, b[i] ?? NaN];
    if (Object.is(x, y)) continue;
    if (Number.isNaN(x - y)) return Infinity;
    difference = Math.max(difference, Math.abs(x - y));
    largest = Math.max(largest, Math.abs(x), Math.abs(y));
  }
  return difference === 0 ? 0 : difference / largest;
}

/** The first index at which two arrays differ in any bit, −1 for none; quicker than a deep comparison. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return i;
  return -1;
}

/** A copy with one entry changed. */
export function changed<T extends Float32Array | Uint8Array>(from: T, at: number, to: number): T {
  const copy = from.slice() as T;
  copy[at] = to;
  return copy;
}
