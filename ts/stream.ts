/**
 * The only loop over data in TypeScript: every loss, of whatever family, runs through it, chunk by chunk.
 *
 * A chunk's results do not depend on the chunks before it, nor on where the loop runs.
 */
import {
  type CheckedCall,
  refuseMask,
  refuseProbability,
  refuseTarget,
  refuseWeight,
  sampleWeight,
} from './check/call.js';
import { LARGEST, SMALLEST } from './check/kinds.js';
import { SHORT } from './copy.js';
import type { Group, Member } from './pass.js';
import { ACTIVATION, type PixelTerm, type Ratio, type Slopes } from './term.js';
import { isShared } from './threads.js';
import type { Activation } from './types.js';
import { chunkPixels, chunkStride, tilePixels, type Workspace, workspace } from './workspace.js';

/** A pixel loss as the core takes it. */
export interface Kernel {
  readonly code: number;
  readonly exponent: number;
  /** Its table: constants of each channel. */
  readonly constants: Float32Array;
}

/** What the core is told of a group: plain data. */
export interface CoreGroup {
  readonly activation: Activation;
  readonly ignoreIndex: number | undefined;
  /** Of each pixel term. */
  readonly kernels: readonly Kernel[];
  /** The distances of the one region term, where it is a generalized Wasserstein Dice loss. */
  readonly distances?: readonly (readonly number[])[] | undefined;
}

/** A group with what only a loss of all pixels together has. */
export interface Kernels extends CoreGroup {
  /** The call with weights of this group's own. */
  readonly call?: Data | undefined;
  readonly slopes?: Slopes | undefined;
}

/** What multiplies the derivatives of a group, by sample. */
export interface GroupGradient {
  /** Of each pixel term. */
  readonly scales: (sample: number) => ArrayLike<number>;
  /**
   * Of the region terms together: writes rows a…e of the affine gradient of so many samples, a table each, and tells
   * whether more than a and b are not 0. Of slopes: writes what multiplies those of each class.
   */
  readonly affine: ((sample: number, samples: number, tables: Float32Array) => boolean) | undefined;
}

/** The data of a call, and how it lies. */
export type Data = Pick<
  CheckedCall,
  | 'samples'
  | 'channels'
  | 'pixels'
  | 'run'
  | 'together'
  | 'pred'
  | 'target'
  | 'kind'
  | 'dense'
  | 'mask'
  | 'pixelWeights'
  | 'elementWeights'
>;

/** How the core scores samples itself: the first class that counts, its share in its sample, of that in the value, … */
export type Scoring = readonly [first: number, share: number, row: number, scale: number, ...ratio: Ratio];

/** Pixels of a vector. */
const LANES = 4;
/** Entries of a sample of which a copy costs less than to begin it. */
const SMALL = 1024;

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
  /** Whether the core holds, as far as it has room, what pass 1 leaves for pass 2; nothing may run in between. */
  readonly held?: boolean | undefined;
  /** Whether the core has the one chunk already, activated, from the run before. */
  readonly kept?: boolean | undefined;
  /** How the core scores samples. */
  readonly scoring?: Scoring | undefined;
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
export const STAGE = {
  valid: 1,
  mass: 2,
  values: 4,
  terms: 8,
  sums: 16,
  allSums: 32,
  store: 64,
  each: 128,
  gradient: 256,
  affine: 512,
  curved: 1024,
  add: 2048,
  counts: 4096,
  errors: 8192,
  hinge: 16_384,
  slopes: 32_768,
  wasserstein: 65_536,
  residuals: 131_072,
  probabilities: 262_144,
  keep: 524_288,
  kept: 1_048_576,
  minimum: 2_097_152,
  summed: 4_194_304,
  ratio: 8_388_608,
} as const;

/** Where a chunk lies: some pixels of one sample, or all pixels of several. */
export interface Chunk {
  readonly sample: number;
  readonly samples: number;
  readonly start: number;
  /** Pixels, of all its samples. */
  readonly length: number;
}

/** Pixels from one chunk of a sample to the next: whole runs. */
export function chunkStep({ channels, run }: Pick<Data, 'channels' | 'run'>): number {
  const most = chunkPixels(channels);
  return run > 1 ? Math.floor(most / run) * run : most;
}

/** The chunks of a range, which starts at one. `visit` may end it by returning false. */
export function eachChunk(
  call: Pick<Data, 'channels' | 'run' | 'together'>,
  { sample: first, samples, start: from, pixels }: Range,
  visit: (chunk: Chunk) => boolean | undefined,
): void {
  const end = from + pixels;
  const step = call.together > 1 ? pixels : chunkStep(call);
  for (let sample = first; sample < first + samples; sample += call.together) {
    const count = Math.min(call.together, first + samples - sample);
    for (let start = from; start < end; start += step) {
      const length = count * Math.min(step, end - start);
      if (visit({ sample, samples: count, start, length }) === false) return;
    }
  }
}

/** The same samples in chunks of several tiles, where the core needs nothing between tiles. */
function severalTiles(call: Data): Data {
  const { channels, together } = call;
  if (together === 1) return call;
  return { ...call, together: together * Math.floor(chunkPixels(channels) / tilePixels(channels)) };
}

/** All chunks of a call. */
export const whole = ({ samples, pixels }: Data): Range => ({ sample: 0, samples, start: 0, pixels });

/**
 * Calls `copy(at, from, length)` for each run of entries that lies together in the caller's array and in the copy of a
 * chunk, whose planes are `stride` entries apart.
 */
export function eachRun(
  stride: number,
  call: Data,
  { sample, start, length }: Pick<Chunk, 'sample' | 'start' | 'length'>,
  channels: number,
  copy: (at: number, from: number, length: number) => void,
): void {
  if (channels === 1 || call.run > 0 || (length === call.pixels && length === stride)) {
    copy(0, (sample * call.pixels + start) * channels, length * channels);
    return;
  }
  for (let k = 0; k < channels; k++) {
    copy(k * stride, (sample * channels + k) * call.pixels + start, length);
  }
}

/** Index in the caller's array of position `at` of a chunk whose entries have `channels` values a pixel. */
function indexOf(call: Data, chunk: Chunk, at: number, channels: number): number {
  const [k, i] = [Math.floor(at / chunk.length), chunk.start + (at % chunk.length)];
  const run = call.run || call.pixels;
  return chunk.sample * call.pixels * channels + (Math.floor(i / run) * channels + k) * run + (i % run);
}

/** Tells the core the pixel losses of a group, and what multiplies their gradients. `false`: it has no such loss. */
function scale(ws: Workspace, { kernels }: Kernels, scales?: ArrayLike<number>): boolean {
  let known = true;
  for (let i = 0; i < kernels.length; i++) {
    const { code, exponent } = kernels[i]!;
    known &&= ws.raw.term(i, code, exponent, scales?.[i] ?? 0);
  }
  return known;
}

/** Tells the core what the chunks of a group hold, and which pixel losses it has; `scales` multiply their gradients. */
function prepare(call: Data, group: Kernels, stored: boolean, scales?: ArrayLike<number>): Workspace {
  const ws = workspace();
  const { kind, together } = call;
  ws.reserve(call.channels, group.kernels.length, together > 1 ? together : 0);
  ws.stride = strideOf(call);
  const ignore = group.ignoreIndex ?? NaN;
  const ignores = ignore >= (SMALLEST[kind] ?? 0) && ignore <= (LARGEST[kind] ?? 0);
  const weights = call.pixelWeights ? (call.elementWeights ? 2 : 1) : 0;
  const known = ws.raw.input(
    call.channels,
    ACTIVATION[group.activation],
    kind,
    call.dense,
    call.run,
    ws.stride,
    together > 1 ? call.pixels : 0,
    call.mask !== undefined,
    weights,
    ignores ? ignore : NaN,
    stored,
  );
  const all = scale(ws, group, scales);
  for (let i = 0; i < group.kernels.length; i++) ws.table(1 + i).set(group.kernels[i]!.constants);
  if (!known || !all)
    throw new Error('the core given to setup is of another version of segloss: it lacks this loss');
  if (group.distances) ws.matrix().set(group.distances.flat());
  return ws;
}

/**
 * Entries from plane to plane of a chunk. The planes of one small sample lie together, so that they are copied at once,
 * unless the last vector of one would reach into the next.
 */
function strideOf({ channels, pixels, run, together }: Data): number {
  const small = pixels % LANES === 0 && pixels * channels <= SMALL;
  return small && run === 0 && together === 1 ? pixels : chunkStride(channels);
}

/** Copies in target, mask and weights. */
function loadTruth(ws: Workspace, call: Data, chunk: Chunk): void {
  const { channels, kind, target, mask, pixelWeights, elementWeights } = call;
  if (mask) ws.load('mask', 0, mask, chunk.sample * call.pixels + chunk.start, chunk.length);
  eachRun(ws.stride, call, chunk, call.dense ? channels : 1, (at, from, length) => {
    ws.loadTarget(kind, at, target, from, length);
  });
  if (!pixelWeights) return;
  eachRun(ws.stride, call, chunk, elementWeights ? channels : 1, (at, from, length) => {
    ws.load('weight', at, pixelWeights, from, length);
  });
}

function loadValues(ws: Workspace, call: Data, chunk: Chunk, source: ArrayLike<number>): void {
  eachRun(ws.stride, call, chunk, call.channels, (at, from, length) => {
    ws.load('values', at, source, from, length);
  });
}

/** Copies in slopes, where weights are otherwise. */
function loadSlopes(ws: Workspace, call: Data, chunk: Chunk, { data }: Slopes): void {
  eachRun(ws.stride, call, chunk, call.channels, (at, from, length) => {
    ws.load('weight', at, data, from, length);
  });
}

function unload(ws: Workspace, call: Data, chunk: Chunk, out: Float32Array): void {
  eachRun(ws.stride, call, chunk, call.channels, (at, to, length) => {
    ws.unload(at, out, to, length);
  });
}

/** Whether something of a pass lies on shared memory; of small calls it does not matter. */
function onSharedMemory(
  { samples, pixels, channels, pred, target, mask, pixelWeights }: Data,
  out: Float32Array | undefined,
): boolean {
  return 4 * samples * pixels * channels >= SHORT && [pred, target, mask, pixelWeights, out].some(isShared);
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

/** Runs a pass over a range of its chunks, `found` being given what each came to; stops at the first fault. */
export function runChunks(
  { call, groups, stages, gradients, out, stored, kept, held, scoring }: Work,
  range: Range,
  found: ((totals: Float64Array, chunk: Chunk) => void) | undefined,
): Fault | undefined {
  const [first] = groups as [Kernels];
  let ws = kept
    ? workspace()
    : prepare(first.call ?? call, first, stored, gradients?.[0]?.scales(range.sample));
  if (scoring) ws.raw.ratio(...scoring);
  const laid = scoring ? severalTiles(call) : call;
  ws.shared = onSharedMemory(call, out);
  // What is held comes first, in the same order in both passes.
  const room = held ? ws.reserveHeld(range.samples * Math.ceil(range.pixels / chunkStep(call))) : 0;
  let prepared: number | undefined;
  let affine = 0;
  let fault: Fault | undefined;
  let next = 0;
  eachChunk(laid, range, (chunk) => {
    const place = next < room ? next++ : -1;
    for (let at = 0; at < groups.length; at++) {
      const group = groups[at] as Kernels;
      const stage = stages[at] ?? 0;
      const gradient = gradients?.[at];
      const own = group.call ?? call;
      if (gradient && (groups.length > 1 || prepared !== chunk.sample)) {
        if (groups.length > 1) ws = prepare(own, group, stored, gradient.scales(chunk.sample));
        else if (kept || chunk.sample !== range.sample) scale(ws, group, gradient.scales(chunk.sample));
        affine = 0;
        if (gradient.affine) {
          const tables = call.together > 1 ? ws.tables() : ws.table(0).fill(0);
          const curved = gradient.affine(chunk.sample, chunk.samples, tables);
          if (!(stage & (STAGE.slopes | STAGE.wasserstein))) affine = curved ? STAGE.curved : STAGE.affine;
        }
        prepared = chunk.sample;
      }
      if (!kept) {
        if (!stored || ws.raw.reads_truth(stage)) loadTruth(ws, own, chunk);
        const source = stored && out ? out : call.pred;
        if (stage & STAGE.values && !(stored && place >= 0)) loadValues(ws, own, chunk, source);
      }
      if (group.slopes) loadSlopes(ws, own, chunk, group.slopes);
      const bad = ws.raw.run(chunk.length, stage | affine, place);
      if (bad >= 0) {
        fault = { code: ws.raw.fault(), chunk, at: bad };
        return false;
      }
      found?.(ws.totals, chunk);
    }
    if (out && (stored || place < 0)) unload(ws, call, chunk, out);
    return true;
  });
  return fault;
}

/** The weighted loss of every element (sigmoid, none) or pixel (softmax), times the sample's weight. */
export function unreducedPass(call: CheckedCall, group: Group, data: Float32Array): void {
  const ws = prepare(call, group, false);
  ws.shared = onSharedMemory(call, data);
  const { term, classes } = group.pixel[0] as Member<PixelTerm>;
  const channels = group.activation === 'softmax' ? 1 : call.channels;
  eachChunk(call, whole(call), (chunk) => {
    term.fill(ws.table(1).fill(0), classes, group.activation, sampleWeight(call, chunk.sample));
    loadTruth(ws, call, chunk);
    loadValues(ws, call, chunk, call.pred);
    const bad = ws.raw.run(chunk.length, STAGE.values | STAGE.terms | STAGE.each, -1);
    if (bad >= 0) refuse(call, { code: ws.raw.fault(), chunk, at: bad });
    eachRun(ws.stride, call, chunk, channels, (at, to, length) => {
      ws.unload(at, data, to, length);
    });
    return true;
  });
}
