/**
 * The passes over data: the only loops over it in TypeScript. Every loss, of whatever family, runs through these.
 *
 * A group is the terms that share an activation and an ignored label, and so one activation of the data. Pass 1
 * (`sumsPass`) gives sums, pass 2 (`gradientPass`) the gradient; where no sum is needed first, pass 2 alone gives both.
 */
import { type CheckedCall, refuseMask, refuseProbability, refuseTarget, refuseWeight } from './check/call.js';
import { ACTIVATION, type Classes, type PixelTerm, type RegionTerm, ROWS, type Slopes } from './term.js';
import type { Activation } from './types.js';
import { type Workspace, workspace } from './workspace.js';

export interface Member<T> {
  readonly term: T;
  readonly classes: Classes;
  /** Position among all terms of the loss. */
  readonly index: number;
}

export interface Group {
  readonly activation: Activation;
  readonly ignoreIndex: number | undefined;
  readonly pixel: readonly Member<PixelTerm>[];
  readonly region: readonly Member<RegionTerm>[];
  /** The distances of the one region term, where it is a generalized Wasserstein Dice loss. */
  readonly distances?: readonly (readonly number[])[] | undefined;
  /** The call with weights of this group's own. */
  readonly call?: CheckedCall;
  readonly slopes?: Slopes | undefined;
}

/** What pass 1 found of a group. */
export interface GroupSums {
  /** Of each pixel term: the weighted sum, and what the mean divides by. */
  readonly pixel: { sum: number; divisor: number }[];
  /** Of each sample: the core's `ROWS` sums a channel, not yet times the sample's weight. */
  readonly rows: Float64Array[];
}

/** What multiplies the derivatives of a group, by sample. */
export interface GroupGradient {
  /** Of each pixel term. */
  readonly scales: readonly number[];
  /** Of the region terms together: rows a…e of the affine gradient. Of slopes: what multiplies those of each class. */
  readonly affine: ((sample: number, table: Float32Array) => boolean) | undefined;
}

/** Stages of a pass, as the core knows them. */
const VALID = 1;
const MASS = 2;
const VALUES = 4;
const TERMS = 8;
const SUMS = 16;
const ALL_SUMS = 32;
const STORE = 64;
const EACH = 128;
const GRADIENT = 256;
const AFFINE = 512;
const CURVED = 1024;
const ADD = 2048;
const COUNTS = 4096;
const ERRORS = 8192;
const HINGE = 16_384;
const SLOPES = 32_768;
const WASSERSTEIN = 65_536;

/** Largest and smallest label of each entry kind; a label outside can never be ignored by that array. */
const SMALLEST = [0, -128, 0, -32_768, 0, -2_147_483_648, -2_147_483_648];
const LARGEST = [255, 127, 65_535, 32_767, 4_294_967_295, 2_147_483_647, 2_147_483_647];

function sampleWeight(call: CheckedCall, sample: number): number {
  return call.sampleWeights?.[sample] ?? 1;
}

/** Where a chunk lies. */
interface Chunk {
  readonly sample: number;
  readonly start: number;
  readonly length: number;
}

function eachChunk(ws: Workspace, call: CheckedCall, visit: (chunk: Chunk) => void): void {
  for (let sample = 0; sample < call.samples; sample++) {
    for (let start = 0; start < call.pixels; start += ws.chunkPixels) {
      visit({ sample, start, length: Math.min(ws.chunkPixels, call.pixels - start) });
    }
  }
}

/** Calls `copy(at, from, length)` for each run of entries that lies together in the caller's array and in the core. */
function eachRun(
  ws: Workspace,
  call: CheckedCall,
  { sample, start, length }: Chunk,
  channels: number,
  copy: (at: number, from: number, length: number) => void,
): void {
  if (channels === 1 || call.last) {
    copy(0, (sample * call.pixels + start) * channels, length * channels);
    return;
  }
  for (let k = 0; k < channels; k++) {
    copy(k * ws.stride, (sample * channels + k) * call.pixels + start, length);
  }
}

/** Index in the caller's array of position `at` of a chunk whose entries have `channels` values a pixel. */
function indexOf(call: CheckedCall, chunk: Chunk, at: number, channels: number): number {
  const [k, i] = [Math.floor(at / chunk.length), chunk.start + (at % chunk.length)];
  if (channels === 1) return chunk.sample * call.pixels + i;
  return call.last
    ? (chunk.sample * call.pixels + i) * channels + k
    : (chunk.sample * channels + k) * call.pixels + i;
}

/** Tells the core what the chunks of a group hold, and which pixel losses it has; `scales` multiply their gradients. */
function prepare(call: CheckedCall, group: Group, stored: boolean, scales?: readonly number[]): Workspace {
  const ws = workspace();
  ws.reserve(call.channels, group.pixel.length);
  const { kind } = call;
  const ignore = group.ignoreIndex ?? NaN;
  const ignores = ignore >= (SMALLEST[kind] ?? 0) && ignore <= (LARGEST[kind] ?? 0);
  const weights = call.pixelWeights ? (call.elementWeights ? 2 : 1) : 0;
  ws.raw.input(
    call.channels,
    ACTIVATION[group.activation],
    kind,
    call.dense,
    call.last,
    call.mask !== undefined,
    weights,
    ignores ? ignore : NaN,
    stored,
  );
  group.pixel.forEach(({ term, classes }, i) => {
    ws.raw.term(i, term.kernel, term.exponent, scales?.[i] ?? 0);
    term.fill(ws.table(1 + i), classes, group.activation, 1);
  });
  if (group.distances) ws.matrix().set(group.distances.flat());
  return ws;
}

/** Copies in target, mask and weights. */
function loadTruth(ws: Workspace, call: CheckedCall, chunk: Chunk): void {
  const { channels, kind, target, mask, pixelWeights, elementWeights } = call;
  if (mask) ws.load('mask', 0, mask, chunk.sample * call.pixels + chunk.start, chunk.length);
  eachRun(ws, call, chunk, call.dense ? channels : 1, (at, from, length) => {
    ws.loadTarget(kind, at, target, from, length);
  });
  if (!pixelWeights) return;
  eachRun(ws, call, chunk, elementWeights ? channels : 1, (at, from, length) => {
    ws.load('weight', at, pixelWeights, from, length);
  });
}

function loadValues(ws: Workspace, call: CheckedCall, chunk: Chunk, source: ArrayLike<number>): void {
  eachRun(ws, call, chunk, call.channels, (at, from, length) => {
    ws.load('values', at, source, from, length);
  });
}

function unload(ws: Workspace, call: CheckedCall, chunk: Chunk, out: Float32Array): void {
  eachRun(ws, call, chunk, call.channels, (at, to, length) => {
    ws.unload(at, out, to, length);
  });
}

function run(ws: Workspace, call: CheckedCall, chunk: Chunk, stages: number): void {
  const bad = ws.raw.run(chunk.length, stages);
  if (bad < 0) return;
  const index = (channels: number): number => indexOf(call, chunk, bad, channels);
  switch (ws.raw.fault()) {
    case 0:
      return refuseMask(index(1));
    case 1:
      return refuseTarget(call, index(call.dense ? call.channels : 1));
    case 2:
      return refuseWeight(call, index(call.elementWeights ? call.channels : 1));
    default:
      return refuseProbability(call, index(call.channels));
  }
}

/** What a pixel term's mean divides by, when it is known without looking at the data. */
export function knownDivisor(
  { term, classes }: Member<PixelTerm>,
  activation: Activation,
  call: CheckedCall,
): number | undefined {
  if (term.reduction === 'sum') return 1;
  const counts =
    term.normalizer === 'all' ||
    (term.normalizer === 'valid' && call.mask === undefined && term.ignoreIndex === undefined);
  if (!counts) return undefined;
  return call.samples * call.pixels * (activation === 'softmax' ? 1 : classes.kept.length);
}

/** The stages that count what the means of a group divide by. */
function counting(call: CheckedCall, group: Group): number {
  const unknown = group.pixel.filter((member) => knownDivisor(member, group.activation, call) === undefined);
  const weighed = unknown.some(({ term }) => term.normalizer === 'weights');
  const counted = unknown.some(({ term }) => term.normalizer !== 'weights');
  return (weighed ? MASS : 0) | (counted ? VALID : 0);
}

function addDivisors(ws: Workspace, call: CheckedCall, group: Group, chunk: Chunk, into: GroupSums): void {
  const v = sampleWeight(call, chunk.sample);
  const softmax = group.activation === 'softmax';
  const valid = (k: number): number => ws.total(ROWS * call.channels + k);
  const mass = (k: number): number => ws.total((ROWS + 1) * call.channels + k);
  group.pixel.forEach((member, i) => {
    if (knownDivisor(member, group.activation, call) !== undefined) return;
    const { term, classes } = member;
    let divisor = 0;
    if (term.normalizer === 'weights') {
      const counted = softmax ? classes.weights.keys() : classes.kept;
      for (const k of counted) divisor += v * (classes.weights[k] ?? 1) * mass(k);
    } else if (softmax) divisor = valid(0);
    else for (const k of classes.kept) divisor += valid(k);
    (into.pixel[i] as { divisor: number }).divisor += divisor;
  });
}

/** Adds the weighted losses of the chunk in hand. A sample of weight 0 is out, whatever it holds. */
function addValues(ws: Workspace, call: CheckedCall, group: Group, chunk: Chunk, into: GroupSums): void {
  const v = sampleWeight(call, chunk.sample);
  if (v === 0) return;
  group.pixel.forEach((_, i) => {
    (into.pixel[i] as { sum: number }).sum += v * ws.total((ROWS + 2) * call.channels + i);
  });
}

function emptySums(call: CheckedCall, group: Group): GroupSums {
  const row = (): Float64Array => new Float64Array(ROWS * call.channels);
  return {
    pixel: group.pixel.map((member) => ({
      sum: 0,
      divisor: knownDivisor(member, group.activation, call) ?? 0,
    })),
    rows: group.region.length > 0 ? Array.from({ length: call.samples }, row) : [],
  };
}

/** Looks at target, mask and weights alone: checks them, and counts what the means divide by. */
export function countPass(call: CheckedCall, group: Group): GroupSums {
  const ws = prepare(call, group, false);
  const sums = emptySums(call, group);
  const stages = counting(call, group);
  eachChunk(ws, call, (chunk) => {
    loadTruth(ws, call, chunk);
    run(ws, call, chunk, stages);
    addDivisors(ws, call, group, chunk, sums);
  });
  return sums;
}

/** Pass 1: the sums of a group. With `store`, the probabilities are left there for pass 2. */
export function sumsPass(call: CheckedCall, group: Group, store?: Float32Array): GroupSums {
  const ws = prepare(call, group, false);
  const sums = emptySums(call, group);
  const regions = group.region.length > 0;
  const allSums = group.region.some(({ term }) => term.allSums);
  const stages =
    counting(call, group) |
    VALUES |
    (group.pixel.length > 0 ? TERMS : 0) |
    (group.distances ? WASSERSTEIN : regions ? (allSums ? ALL_SUMS : SUMS) : 0) |
    (store ? STORE : 0);
  eachChunk(ws, call, (chunk) => {
    loadTruth(ws, call, chunk);
    loadValues(ws, call, chunk, call.pred);
    run(ws, call, chunk, stages);
    addDivisors(ws, call, group, chunk, sums);
    addValues(ws, call, group, chunk, sums);
    if (regions) {
      const row = sums.rows[chunk.sample] as Float64Array;
      for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) + ws.total(i);
    }
    if (store) unload(ws, call, chunk, store);
  });
  return sums;
}

/**
 * Pass 2: the gradient of all groups into `out`. `stored`: pass 1 left the probabilities there. `collect`: also the
 * pixel sums, for a loss whose value needs nothing first.
 */
export function gradientPass(
  call: CheckedCall,
  groups: readonly Group[],
  gradients: readonly GroupGradient[],
  out: Float32Array,
  stored: boolean,
  collect?: GroupSums,
): void {
  const several = groups.length > 1;
  const first = groups[0] as Group;
  let ws = prepare(first.call ?? call, first, stored);
  let prepared: number | undefined;
  let stages = 0;
  eachChunk(ws, call, (chunk) => {
    groups.forEach((group, at) => {
      const gradient = gradients[at] as GroupGradient;
      const own = group.call ?? call;
      if (several || prepared !== chunk.sample) {
        const v = sampleWeight(own, chunk.sample);
        const scales = gradient.scales.map((scale) => v * scale);
        ws = prepare(own, group, stored, scales);
        const curved = gradient.affine?.(chunk.sample, ws.table(0));
        stages = group.distances ? WASSERSTEIN : curved === undefined ? 0 : curved ? CURVED : AFFINE;
        prepared = chunk.sample;
      }
      loadTruth(ws, own, chunk);
      loadValues(ws, own, chunk, stored ? out : call.pred);
      if (group.slopes) stages = loadSlopes(ws, own, chunk, group.slopes);
      run(ws, own, chunk, VALUES | GRADIENT | stages | (collect ? TERMS : 0) | (at > 0 ? ADD : 0));
      if (collect) addValues(ws, own, group, chunk, collect);
    });
    unload(ws, call, chunk, out);
  });
}

/** Copies in slopes, where weights are otherwise. */
function loadSlopes(ws: Workspace, call: CheckedCall, chunk: Chunk, { data, raw }: Slopes): number {
  eachRun(ws, call, chunk, call.channels, (at, from, length) => {
    ws.load('weight', at, data, from, length);
  });
  return SLOPES | (raw ? HINGE : 0);
}

/** Of the target alone: Σ w g of each channel, then Σ w of each, samples weighed too. */
export function countsPass(call: CheckedCall, group: Group): Float64Array {
  const ws = prepare(call, group, false);
  const counts = new Float64Array(2 * call.channels);
  eachChunk(ws, call, (chunk) => {
    loadTruth(ws, call, chunk);
    run(ws, call, chunk, COUNTS);
    const v = sampleWeight(call, chunk.sample);
    for (let k = 0; k < call.channels; k++) {
      counts[k] = (counts[k] ?? 0) + v * ws.total(2 * call.channels + k);
      counts[call.channels + k] = (counts[call.channels + k] ?? 0) + v * ws.total(7 * call.channels + k);
    }
  });
  return counts;
}

/** The error of every element in the prediction's layout; its sign bit is the target, ±∞ no error (see the core). */
export function errorsPass(call: CheckedCall, group: Group, hinge: boolean): Float32Array {
  const ws = prepare(call, group, false);
  const errors = new Float32Array(call.pred.length);
  eachChunk(ws, call, (chunk) => {
    loadTruth(ws, call, chunk);
    loadValues(ws, call, chunk, call.pred);
    run(ws, call, chunk, VALUES | ERRORS | (hinge ? HINGE : 0));
    unload(ws, call, chunk, errors);
  });
  return errors;
}

/** The weighted loss of every element (sigmoid, none) or pixel (softmax), times the sample's weight. */
export function unreducedPass(call: CheckedCall, group: Group, data: Float32Array): void {
  const ws = prepare(call, group, false);
  const { term, classes } = group.pixel[0] as Member<PixelTerm>;
  const channels = group.activation === 'softmax' ? 1 : call.channels;
  eachChunk(ws, call, (chunk) => {
    term.fill(ws.table(1), classes, group.activation, sampleWeight(call, chunk.sample));
    loadTruth(ws, call, chunk);
    loadValues(ws, call, chunk, call.pred);
    run(ws, call, chunk, VALUES | TERMS | EACH);
    eachRun(ws, call, chunk, channels, (at, to, length) => {
      ws.unload(at, data, to, length);
    });
  });
}
