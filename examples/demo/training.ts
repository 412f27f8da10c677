/** One small network, trained with one loss after the other from the same seed on the same batches. */
import {
  Adam,
  add,
  constant,
  linear,
  lossNode,
  parameter,
  relu,
  reshape,
  Tensor,
} from '../autograd/engine.js';
import { random } from '../random.js';
import { type Brain, FEATURES } from './features.js';
import type { Contestant } from './losses.js';

const HIDDEN = 8;
const RATE = 0.01;
/** A batch: `SAMPLES` pieces of the brain, each `PIECE` neighbouring voxels in the order of the volume. */
const SAMPLES = 8;
const PIECE = 1024;
/** During training every `STRIDE`-th background voxel of the held-out brains is looked at; all at the end. */
const STRIDE = 32;
const CURVE_POINTS = 20;

export interface Settings {
  readonly steps: number;
  readonly seed: number;
}

/** Counts at threshold 0.5 over the brain; lesion voxels outside it are missed. */
export interface Scores {
  readonly dice: number;
  readonly sensitivity: number;
  readonly specificity: number;
}

export interface HeldOut extends Scores {
  readonly name: string;
  readonly tinyFound: number;
  /** Dice at the threshold that is best for this patient: an upper bound that looks at the answer. */
  readonly bestDice: number;
  /** 1 where a voxel of the brain is taken for lesion. */
  readonly found: Uint8Array;
}

export interface Outcome {
  readonly title: string;
  readonly heldOut: readonly HeldOut[];
  /** Of the sum of |gradient| at the first step, the share on lesion voxels. */
  readonly lesionShare: number;
  readonly firstLoss: number;
  readonly stepMs: number;
  readonly lossMs: number;
  readonly curve: readonly { readonly step: number; readonly patient: string; readonly dice: number }[];
  readonly losses: readonly number[];
}

class Network {
  readonly parameters: readonly Tensor[];

  constructor(seed: number) {
    const next = random(seed);
    const weights = (inputs: number, outputs: number): Tensor => {
      const scale = Math.sqrt(6 / inputs);
      const data = Float32Array.from({ length: inputs * outputs }, () => (2 * next() - 1) * scale);
      return parameter(data, [inputs, outputs]);
    };
    const bias = (outputs: number): Tensor => parameter(new Float32Array(outputs), [outputs]);
    this.parameters = [weights(FEATURES, HIDDEN), bias(HIDDEN), weights(HIDDEN, 1), bias(1)];
  }

  /** One logit a row. */
  logits(features: Float32Array): Tensor {
    const [w1, b1, w2, b2] = this.parameters as [Tensor, Tensor, Tensor, Tensor];
    const x = constant(features, [features.length / FEATURES, FEATURES]);
    return linear(relu(linear(x, w1, b1)), w2, b2);
  }

  /** The same for many rows, in pieces and with the numbers alone. */
  predict(features: Float32Array): Float32Array {
    const logits = new Float32Array(features.length / FEATURES);
    for (let row = 0; row < logits.length; row += 8192) {
      const piece = features.subarray(row * FEATURES, (row + 8192) * FEATURES);
      logits.set(this.logits(piece).data, row);
    }
    return logits;
  }
}

/** `[N, 1, pixels]` as `[N, pixels, 2]` with 0 for the background's logit: softmax of it is sigmoid of the lesion's. */
function againstBackground(z: Tensor): Tensor {
  const [samples = 0, , pixels = 0] = z.shape;
  const both = new Float32Array(2 * z.data.length);
  z.data.forEach((value, i) => (both[2 * i + 1] = value));
  return new Tensor(both, [samples, pixels, 2], [z], (grad) =>
    add(
      z,
      z.data.map((_, i) => grad[2 * i + 1]!),
    ),
  );
}

/** Features and labels of one batch, piece by piece from places drawn at random. */
function drawBatch(brain: Brain, next: () => number): { features: Float32Array; lesion: Uint8Array } {
  const features = new Float32Array(SAMPLES * PIECE * FEATURES);
  const lesion = new Uint8Array(SAMPLES * PIECE);
  for (let sample = 0; sample < SAMPLES; sample++) {
    const from = Math.floor(next() * (brain.voxels.length - PIECE));
    features.set(
      brain.features.subarray(from * FEATURES, (from + PIECE) * FEATURES),
      sample * PIECE * FEATURES,
    );
    lesion.set(brain.lesion.subarray(from, from + PIECE), sample * PIECE);
  }
  return { features, lesion };
}

/** The part of a brain that is looked at during training: all lesion voxels, and some others that count for all. */
function sampleOf(brain: Brain): { features: Float32Array; lesion: Uint8Array } {
  const rows = brain.lesion.reduce<number[]>((kept, g, row) => {
    if (g === 1 || row % STRIDE === 0) kept.push(row);
    return kept;
  }, []);
  const features = new Float32Array(rows.length * FEATURES);
  rows.forEach((row, i) =>
    features.set(brain.features.subarray(row * FEATURES, (row + 1) * FEATURES), i * FEATURES),
  );
  return { features, lesion: Uint8Array.from(rows, (row) => brain.lesion[row]!) };
}

function score(
  logits: Float32Array,
  lesion: Uint8Array,
  lesionVoxels: number,
  backgroundCounts: number,
): Scores {
  let [hits, alarms, background] = [0, 0, 0];
  logits.forEach((z, i) => {
    if (lesion[i] === 1) hits += z > 0 ? 1 : 0;
    else {
      background += backgroundCounts;
      alarms += z > 0 ? backgroundCounts : 0;
    }
  });
  return {
    dice: (2 * hits) / (hits + alarms + lesionVoxels || 1),
    sensitivity: hits / (lesionVoxels || 1),
    specificity: 1 - alarms / (background || 1),
  };
}

/** The largest Dice over thresholds from logit -20 to 20 in steps of 0.05. */
function bestDice(logits: Float32Array, { lesion, lesionVoxels }: Brain): number {
  const [taken, hits] = [new Uint32Array(801), new Uint32Array(801)];
  for (let i = 0; i < logits.length; i++) {
    const bin = Math.round(20 * (20 + Math.max(-20, Math.min(20, logits[i]!))));
    taken[bin]!++;
    hits[bin]! += lesion[i]!;
  }
  let [best, takenAbove, hitsAbove] = [0, 0, 0];
  for (let bin = 800; bin >= 0; bin--) {
    takenAbove += taken[bin]!;
    hitsAbove += hits[bin]!;
    best = Math.max(best, (2 * hitsAbove) / (takenAbove + lesionVoxels || 1));
  }
  return best;
}

function evaluate(network: Network, brain: Brain): HeldOut {
  const logits = network.predict(brain.features);
  const found = new Uint8Array(logits.map((z) => (z > 0 ? 1 : 0)));
  const tiny = new Set<number>();
  found.forEach((taken, i) => {
    if (taken === 1 && brain.tiny[i]! > 0) tiny.add(brain.tiny[i]!);
  });
  return {
    name: brain.name,
    ...score(logits, brain.lesion, brain.lesionVoxels, 1),
    tinyFound: tiny.size,
    bestDice: bestDice(logits, brain),
    found,
  };
}

const absolute = (grad: Float32Array, kept: (i: number) => boolean): number =>
  grad.reduce((sum, g, i) => (kept(i) ? sum + Math.abs(g) : sum), 0);

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Trains with one loss; `tick` is called after every step. */
export function train(
  { title, loss, twoClasses }: Contestant,
  brain: Brain,
  heldOut: readonly Brain[],
  { steps, seed }: Settings,
  tick: () => void,
): Outcome {
  const network = new Network(seed);
  const adam = new Adam(network.parameters, RATE);
  const next = random(seed + 1);
  const looks = heldOut.map((patient) => ({ patient, sample: sampleOf(patient) }));
  const every = Math.max(1, Math.round(steps / CURVE_POINTS));
  const curve: { step: number; patient: string; dice: number }[] = [];
  const losses: number[] = [];
  const [stepTimes, lossTimes]: [number[], number[]] = [[], []];
  let lesionShare = NaN;

  const look = (step: number): void => {
    for (const { patient, sample } of looks) {
      const { dice } = score(network.predict(sample.features), sample.lesion, patient.lesionVoxels, STRIDE);
      curve.push({ step, patient: patient.name, dice });
    }
  };

  for (let step = 0; step < steps; step++) {
    if (step % every === 0) look(step);
    const { features, lesion } = drawBatch(brain, next);
    const started = performance.now();
    const logits = reshape(network.logits(features), [SAMPLES, 1, PIECE]);
    const scored = twoClasses ? againstBackground(logits) : logits;
    const lossStarted = performance.now();
    const node = lossNode(loss, scored, lesion);
    lossTimes.push(performance.now() - lossStarted);
    node.backward();
    adam.step();
    stepTimes.push(performance.now() - started);
    losses.push(node.data[0]!);
    if (step === 0) {
      const grad = logits.grad!;
      lesionShare = absolute(grad, (i) => lesion[i] === 1) / absolute(grad, () => true);
    }
    tick();
  }
  look(steps);
  return {
    title,
    heldOut: heldOut.map((patient) => evaluate(network, patient)),
    lesionShare,
    firstLoss: losses[0] ?? NaN,
    stepMs: median(stepTimes),
    lossMs: median(lossTimes),
    curve,
    losses,
  };
}
