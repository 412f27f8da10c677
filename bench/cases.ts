/** What is measured: the cases, and the data each is measured on. */

/** The losses an engine knows; a compound is the plain sum of its parts. */
export type Formula =
  | 'binaryCrossEntropy'
  | 'sigmoidDice'
  | 'sigmoidFocal'
  | 'crossEntropy'
  | 'softmaxDice'
  | 'softmaxFocal'
  | 'diceCrossEntropy'
  | 'lovaszSoftmax';

export interface Case {
  readonly name: string;
  readonly formula: Formula;
  readonly shape: readonly number[];
  readonly channelsLast?: boolean;
  /** A part of a compound that is timed in the same rounds, to tell what the compound costs against it. */
  readonly part?: Formula;
  /** Runs with `--large` only, and not in engines that allocate a copy per class. */
  readonly large?: boolean;
  /** How far the gradients of two engines may lie apart, of the largest entry, where not as `check.ts` has it. */
  readonly tolerance?: number;
  /** `false`: the native program does not know it, or goes another way than the package does. */
  readonly native?: boolean;
}

/** A case with its data: logits ~ N(0, 3²), labels in runs, nine in ten of them background. */
export interface Problem extends Case {
  readonly samples: number;
  readonly channels: number;
  /** Pixels of one sample. */
  readonly pixels: number;
  readonly pred: Float32Array;
  readonly target: Uint8Array;
}

/** Runs a problem: the value, and the gradient into `out` where that is given. */
export type Run = (out?: Float32Array) => number;

export interface Engine {
  readonly name: string;
  /** A slow engine's time, as a share of that of all others together; it sits the other rounds out. */
  readonly share?: number;
  /** What can be made once is made here, outside the time; undefined where the engine leaves a case out. */
  prepare(problem: Problem): Run | undefined;
}

const IMAGE = [512, 512];
const one = [1, 1, ...IMAGE];
const four = [1, 4, ...IMAGE];

export const CASES: readonly Case[] = [
  // The large ones first, since the peak memory of a process only rises.
  {
    name: 'large: Dice + cross-entropy 2x4x128x128x128',
    formula: 'diceCrossEntropy',
    shape: [2, 4, 128, 128, 128],
    large: true,
  },
  {
    name: 'large: Dice + cross-entropy 1x105x96x96x96',
    formula: 'diceCrossEntropy',
    shape: [1, 105, 96, 96, 96],
    large: true,
  },
  { name: 'sigmoid binary cross-entropy 1x1x512x512', formula: 'binaryCrossEntropy', shape: one },
  { name: 'sigmoid Dice 1x1x512x512', formula: 'sigmoidDice', shape: one },
  { name: 'sigmoid focal 1x1x512x512', formula: 'sigmoidFocal', shape: one },
  { name: 'softmax cross-entropy 1x4x512x512', formula: 'crossEntropy', shape: four },
  { name: 'softmax Dice 1x4x512x512', formula: 'softmaxDice', shape: four },
  { name: 'softmax focal 1x4x512x512', formula: 'softmaxFocal', shape: four },
  {
    name: 'Dice + cross-entropy 1x4x512x512',
    formula: 'diceCrossEntropy',
    shape: four,
    part: 'crossEntropy',
  },
  {
    name: 'Lovász-softmax 1x4x512x512',
    formula: 'lovaszSoftmax',
    shape: four,
    // Errors that differ by rounding alone are ranked either way.
    tolerance: 1e-3,
    native: false,
  },
  {
    name: 'softmax Dice channels-last 1x512x512x4',
    formula: 'softmaxDice',
    shape: [1, ...IMAGE, 4],
    channelsLast: true,
  },
  {
    name: 'sigmoid binary cross-entropy 8x1x256x256',
    formula: 'binaryCrossEntropy',
    shape: [8, 1, 256, 256],
  },
  { name: 'Dice + cross-entropy 1x21x512x512', formula: 'diceCrossEntropy', shape: [1, 21, ...IMAGE] },
  { name: 'latency: binary cross-entropy 1x1x8x8', formula: 'binaryCrossEntropy', shape: [1, 1, 8, 8] },
  { name: 'latency: sigmoid Dice 1x1x8x8', formula: 'sigmoidDice', shape: [1, 1, 8, 8], native: false },
  { name: 'latency: cross-entropy 1x4x8x8', formula: 'crossEntropy', shape: [1, 4, 8, 8] },
  { name: 'latency: softmax Dice 1x4x8x8', formula: 'softmaxDice', shape: [1, 4, 8, 8], native: false },
  {
    name: 'latency: Dice + cross-entropy 1x4x8x8',
    formula: 'diceCrossEntropy',
    shape: [1, 4, 8, 8],
    native: false,
  },
  { name: 'small samples: cross-entropy 65536x4', formula: 'crossEntropy', shape: [65_536, 4] },
  { name: 'small samples: softmax Dice 65536x4', formula: 'softmaxDice', shape: [65_536, 4], native: false },
  {
    name: 'small samples: softmax Dice 65536x4x2x2',
    formula: 'softmaxDice',
    shape: [65_536, 4, 2, 2],
    native: false,
  },
  {
    name: 'small samples: sigmoid Dice 65536x1x2x2',
    formula: 'sigmoidDice',
    shape: [65_536, 1, 2, 2],
    native: false,
  },
  {
    name: 'small samples: Dice + cross-entropy 65536x4x2x2',
    formula: 'diceCrossEntropy',
    shape: [65_536, 4, 2, 2],
    native: false,
  },
];

/** Mulberry32: the same data in every run, so that two runs compare. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function problemOf(testCase: Case): Problem {
  const { shape, channelsLast = false } = testCase;
  const samples = shape[0] ?? 1;
  const channels = (channelsLast ? shape.at(-1) : shape[1]) ?? 1;
  const length = shape.reduce((product, size) => product * size, 1);
  const classes = Math.max(channels, 2);
  const random = randomOf(1);
  const pred = new Float32Array(length);
  for (let j = 0; j < length; j++) {
    pred[j] = 3 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  }
  const target = new Uint8Array(length / channels);
  for (let i = 0; i < target.length;) {
    const run = Math.ceil(64 * random());
    const label = random() < 0.9 ? 0 : 1 + Math.floor((classes - 1) * random());
    target.fill(label, i, i + run);
    i += run;
  }
  return { ...testCase, samples, channels, pixels: length / channels / samples, pred, target };
}
