/**
 * The passes over data: the only loop over it in TypeScript. Every loss, of whatever family, runs through it.
 *
 * A group is the terms that share an activation and an ignored label, and so one activation of the data. Pass 1
 * (`sumsPass`) gives sums, pass 2 (`gradientPass`) the gradient; where no sum is needed first, pass 2 alone gives both.
 *
 * A pass is made, then run: `runPass` runs it here and now. Whoever divides it runs ranges of it (`runChunks`) anywhere
 * and adds what the chunks gave in the order of the chunks (`addTotals`): the same additions, so the same bits.
 */
import { type CheckedCall, refuseMask, refuseProbability, refuseTarget, refuseWeight } from './check/call.js';
import { ACTIVATION, type Classes, type PixelTerm, type RegionTerm, ROWS } from './term.js';
import type { Activation } from './types.js';
import { type Workspace, workspace } from './workspace.js';

export interface Member<T> {
  readonly term: T;
  readonly classes: Classes;
  /** Position among all terms of the loss. */
  readonly index: number;
}

/** A pixel loss as the core takes it. */
export interface Kernel {
  readonly code: number;
  readonly exponent: number;
  /** Its table: constants of each channel. */
  readonly constants: Float32Array;
}

/** What the core is told of a group: plain data. */
export interface Kernels {
  readonly activation: Activation;
  readonly ignoreIndex: number | undefined;
  /** Of each pixel term. */
  readonly kernels: readonly Kernel[];
}

export interface Group extends Kernels {
  readonly pixel: readonly Member<PixelTerm>[];
  readonly region: readonly Member<RegionTerm>[];
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
  readonly scales: (sample: number) => readonly number[];
  /** Of the region terms together: writes rows a…e of the affine gradient, and tells whether more than a and b are not 0. */
  readonly affine: ((sample: number, table: Float32Array) => boolean) | undefined;
}

/** The data of a call, and how it lies. */
export type Data = Pick<
  CheckedCall,
  | 'samples'
  | 'channels'
  | 'pixels'
  | 'last'
  | 'pred'
  | 'target'
  | 'kind'
  | 'dense'
  | 'mask'
  | 'pixelWeights'
  | 'elementWeights'
>;

/** What is done to each chunk. */
export interface Work {
  readonly call: Data;
  readonly groups: readonly Kernels[];
  /** Of each group. */
  readonly stages: readonly number[];
  /** Of each group, in a pass that gives the gradient. */
  readonly gradients?: readonly GroupGradient[] | undefined;
  /** Where probabilities, or the gradient, go. */
  readonly out?: Float32Array | undefined;
  /** Whether the values are read from `out`, where pass 1 left the probabilities. */
  readonly stored: boolean;
}

/** A pass over all chunks of a call. */
export interface Pass extends Work {
  readonly call: CheckedCall;
  readonly groups: readonly Group[];
  /** What the pass adds up, of its only group. */
  readonly sums?: GroupSums | undefined;
}

/** Part of the chunks: some pixels of one sample, or all pixels of some. */
export interface Range {
  readonly sample: number;
  readonly samples: number;
  readonly start: number;
  readonly pixels: number;
}

/** What the core found wanting (the code of `fault`), in which chunk and where in it. */
export interface Fault {
  readonly code: number;
  readonly chunk: Chunk;
  readonly at: number;
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

/** Largest and smallest label of each entry kind; a label outside can never be ignored by that array. */
const SMALLEST = [0, -128, 0, -32_768, 0, -2_147_483_648, -2_147_483_648];
const LARGEST = [255, 127, 65_535, 32_767, 4_294_967_295, 2_147_483_647, 2_147_483_647];

function sampleWeight(call: CheckedCall, sample: number): number {
  return call.sampleWeights?.[sample] ?? 1;
}

/** Where a chunk lies. */
export interface Chunk {
  readonly sample: number;
  readonly start: number;
  readonly length: number;
}

/** The chunks of a range, which starts at one. `visit` may end it by returning false. */
export function eachChunk(
  chunkPixels: number,
  { sample: first, samples, start: from, pixels }: Range,
  visit: (chunk: Chunk) => boolean | undefined,
): void {
  const end = from + pixels;
  for (let sample = first; sample < first + samples; sample++) {
    for (let start = from; start < end; start += chunkPixels) {
      if (visit({ sample, start, length: Math.min(chunkPixels, end - start) }) === false) return;
    }
  }
}

const whole = ({ samples, pixels }: Data): Range => ({ sample: 0, samples, start: 0, pixels });

/** Calls `copy(at, from, length)` for each run of entries that lies together in the caller's array and in the core. */
function eachRun(
  ws: Workspace,
  call: Data,
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
function indexOf(call: Data, chunk: Chunk, at: number, channels: number): number {
  const [k, i] = [Math.floor(at / chunk.length), chunk.start + (at % chunk.length)];
  if (channels === 1) return chunk.sample * call.pixels + i;
  return call.last
    ? (chunk.sample * call.pixels + i) * channels + k
    : (chunk.sample * channels + k) * call.pixels + i;
}

/** Tells the core what the chunks of a group hold, and which pixel losses it has; `scales` multiply their gradients. */
function prepare(call: Data, group: Kernels, stored: boolean, scales?: readonly number[]): Workspace {
  const ws = workspace();
  ws.reserve(call.channels, group.kernels.length);
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
  group.kernels.forEach(({ code, exponent, constants }, i) => {
    ws.raw.term(i, code, exponent, scales?.[i] ?? 0);
    ws.table(1 + i).set(constants);
  });
  return ws;
}

/** Copies in target, mask and weights. */
function loadTruth(ws: Workspace, call: Data, chunk: Chunk): void {
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

function loadValues(ws: Workspace, call: Data, chunk: Chunk, source: ArrayLike<number>): void {
  eachRun(ws, call, chunk, call.channels, (at, from, length) => {
    ws.load('values', at, source, from, length);
  });
}

function unload(ws: Workspace, call: Data, chunk: Chunk, out: Float32Array): void {
  eachRun(ws, call, chunk, call.channels, (at, to, length) => {
    ws.unload(at, out, to, length);
  });
}

/** Throws what the call's caller is to know of a fault. */
export function refuse(call: CheckedCall, { code, chunk, at }: Fault): never {
  const index = (channels: number): number => indexOf(call, chunk, at, channels);
  switch (code) {
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

function addDivisors({ call, groups: [group], sums }: Pass, totals: Float64Array, chunk: Chunk): void {
  const { channels } = call;
  const v = sampleWeight(call, chunk.sample);
  const softmax = group?.activation === 'softmax';
  const valid = (k: number): number => totals[ROWS * channels + k] ?? NaN;
  const mass = (k: number): number => totals[(ROWS + 1) * channels + k] ?? NaN;
  group?.pixel.forEach((member, i) => {
    if (knownDivisor(member, group.activation, call) !== undefined) return;
    const { term, classes } = member;
    let divisor = 0;
    if (term.normalizer === 'weights') {
      const counted = softmax ? classes.weights.keys() : classes.kept;
      for (const k of counted) divisor += v * (classes.weights[k] ?? 1) * mass(k);
    } else if (softmax) divisor = valid(0);
    else for (const k of classes.kept) divisor += valid(k);
    (sums?.pixel[i] as { divisor: number }).divisor += divisor;
  });
}

/** Adds the weighted losses of a chunk. A sample of weight 0 is out, whatever it holds. */
function addValues({ call, sums }: Pass, totals: Float64Array, chunk: Chunk): void {
  const v = sampleWeight(call, chunk.sample);
  if (v === 0) return;
  sums?.pixel.forEach((term, i) => {
    term.sum += v * (totals[(ROWS + 2) * call.channels + i] ?? NaN);
  });
}

/** Adds what a chunk gave to the sums of its pass. */
export function addTotals(pass: Pass, totals: Float64Array, chunk: Chunk): void {
  const [stages = 0] = pass.stages;
  if (stages & (VALID | MASS)) addDivisors(pass, totals, chunk);
  if (stages & TERMS) addValues(pass, totals, chunk);
  if (stages & (SUMS | ALL_SUMS)) {
    const row = pass.sums?.rows[chunk.sample] as Float64Array;
    for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) + (totals[i] ?? NaN);
  }
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
export function countPass(call: CheckedCall, group: Group): Pass & { sums: GroupSums } {
  const stages = [counting(call, group)];
  return { call, groups: [group], stages, stored: false, sums: emptySums(call, group) };
}

/** Pass 1: the sums of a group. With `store`, the probabilities are left there for pass 2. */
export function sumsPass(call: CheckedCall, group: Group, store?: Float32Array): Pass & { sums: GroupSums } {
  const allSums = group.region.some(({ term }) => term.allSums);
  const stages =
    counting(call, group) |
    VALUES |
    (group.pixel.length > 0 ? TERMS : 0) |
    (group.region.length > 0 ? (allSums ? ALL_SUMS : SUMS) : 0) |
    (store ? STORE : 0);
  return {
    call,
    groups: [group],
    stages: [stages],
    out: store,
    stored: false,
    sums: emptySums(call, group),
  };
}

/**
 * Pass 2: the gradient of all groups into `out`. `stored`: pass 1 left the probabilities there. `sums`: also the pixel
 * sums, for a loss whose value needs nothing first.
 */
export function gradientPass(
  call: CheckedCall,
  groups: readonly Group[],
  gradients: readonly GroupGradient[],
  out: Float32Array,
  stored: boolean,
  sums?: GroupSums,
): Pass {
  const stages = groups.map((_, at) => VALUES | GRADIENT | (sums ? TERMS : 0) | (at > 0 ? ADD : 0));
  return { call, groups, stages, gradients, out, stored, sums };
}

/** Runs a pass over a range of its chunks, `found` being given what each came to; stops at the first fault. */
export function runChunks(
  { call, groups, stages, gradients, out, stored }: Work,
  range: Range,
  found: ((totals: Float64Array, chunk: Chunk) => void) | undefined,
): Fault | undefined {
  let ws = prepare(call, groups[0] as Kernels, stored);
  let prepared: number | undefined;
  let affine = 0;
  let fault: Fault | undefined;
  eachChunk(ws.chunkPixels, range, (chunk) => {
    for (const [at, group] of groups.entries()) {
      const stage = stages[at] ?? 0;
      const gradient = gradients?.[at];
      if (gradient && (groups.length > 1 || prepared !== chunk.sample)) {
        ws = prepare(call, group, stored, gradient.scales(chunk.sample));
        const curved = gradient.affine?.(chunk.sample, ws.table(0));
        affine = curved === undefined ? 0 : curved ? CURVED : AFFINE;
        prepared = chunk.sample;
      }
      loadTruth(ws, call, chunk);
      if (stage & VALUES) loadValues(ws, call, chunk, stored && out ? out : call.pred);
      const bad = ws.raw.run(chunk.length, stage | affine);
      if (bad >= 0) {
        fault = { code: ws.raw.fault(), chunk, at: bad };
        return false;
      }
      found?.(ws.totals, chunk);
    }
    if (out) unload(ws, call, chunk, out);
    return true;
  });
  return fault;
}

/** Runs a pass on this thread. */
export function runPass(pass: Pass): void {
  const found = (totals: Float64Array, chunk: Chunk): void => addTotals(pass, totals, chunk);
  const fault = runChunks(pass, whole(pass.call), pass.sums && found);
  if (fault) refuse(pass.call, fault);
}

/** The weighted loss of every element (sigmoid, none) or pixel (softmax), times the sample's weight. */
export function unreducedPass(call: CheckedCall, group: Group, data: Float32Array): void {
  const ws = prepare(call, group, false);
  const { term, classes } = group.pixel[0] as Member<PixelTerm>;
  const channels = group.activation === 'softmax' ? 1 : call.channels;
  eachChunk(ws.chunkPixels, whole(call), (chunk) => {
    term.fill(ws.table(1), classes, group.activation, sampleWeight(call, chunk.sample));
    loadTruth(ws, call, chunk);
    loadValues(ws, call, chunk, call.pred);
    const bad = ws.raw.run(chunk.length, VALUES | TERMS | EACH);
    if (bad >= 0) refuse(call, { code: ws.raw.fault(), chunk, at: bad });
    eachRun(ws, call, chunk, channels, (at, to, length) => {
      ws.unload(at, data, to, length);
    });
    return true;
  });
}
