/**
 * The passes that results are made of.
 *
 * A group is the terms that share an activation, an ignored label and a way to count overlap, and so one activation of the
 * data. Pass 1 (`sumsPass`) gives sums, pass 2 (`gradientPass`) the gradient; where no sum is needed first, pass 2 alone gives both.
 *
 * A pass is made, then run: `runPass` runs it here and now. Whoever divides it runs ranges of it (`runChunks`) anywhere
 * and adds what the chunks gave in the order of the chunks (`addTotals`): the same additions, so the same bits.
 */
import { type CheckedCall, sampleWeight } from './check/call.js';
import { knownDivisor, normalizerOf } from './family/pixel.js';
import {
  type Chunk,
  type GroupGradient,
  type Kernels,
  type Range,
  refuse,
  runChunks,
  type Scoring,
  STAGE,
  whole,
  type Work,
} from './stream.js';
import { type Classes, type PixelTerm, type RegionTerm, ROWS } from './term.js';
import { totalsLength } from './workspace.js';

export interface Member<T> {
  readonly term: T;
  readonly classes: Classes;
  /** Position among all terms of the loss. */
  readonly index: number;
}

export interface Group extends Kernels {
  readonly pixel: readonly Member<PixelTerm>[];
  readonly region: readonly Member<RegionTerm>[];
}

/** What pass 1 found of a group. */
export interface GroupSums {
  /** Of each pixel term: the weighted sum, and what the mean divides by. */
  readonly pixel: { sum: number; divisor: number }[];
  /** Of a region term whose samples the core scores. */
  value?: number;
  /** Of each sample the core's `ROWS` sums a channel, not yet times its weight; none where none are asked for. */
  rows: Float64Array;
}

/** A pass over all chunks of a call. */
export interface Pass extends Work {
  readonly call: CheckedCall;
  readonly groups: readonly Group[];
  /** What the pass adds up, of its only group. */
  readonly sums?: GroupSums | undefined;
  /** The samples it is over; without it all. */
  readonly range?: Range | undefined;
}

/** The stages that count what the means of a group divide by. */
function counting(call: CheckedCall, group: Group): number {
  const unknown = group.pixel.filter((member) => knownDivisor(member, group.activation, call) === undefined);
  const weighed = unknown.some(({ term }) => normalizerOf(term, call) === 'weights');
  const counted = unknown.some(({ term }) => normalizerOf(term, call) !== 'weights');
  return (weighed ? STAGE.mass : 0) | (counted ? STAGE.valid : 0);
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
    if (normalizerOf(term, call) === 'weights') {
      const counted = softmax ? classes.weights.keys() : classes.kept;
      for (const k of counted) divisor += v * (classes.weights[k] ?? 1) * mass(k);
    } else if (softmax) divisor = valid(0);
    else for (const k of classes.kept) divisor += valid(k);
    (sums?.pixel[i] as { divisor: number }).divisor += divisor;
  });
}

/** Adds the weighted losses of a chunk. A sample of weight 0 is out, whatever it holds. */
function addValues({ call, stages: [stages = 0], sums }: Pass, totals: Float64Array, chunk: Chunk): void {
  const v = sampleWeight(call, chunk.sample);
  if (v === 0) return;
  sums?.pixel.forEach((term, i) => {
    const sum = totals[(ROWS + 2) * call.channels + i] ?? NaN;
    term.sum = stages & STAGE.ratio ? sum : term.sum + v * sum;
  });
}

/** Adds what a chunk gave to the sums of its pass. */
export function addTotals(pass: Pass, totals: Float64Array, chunk: Chunk): void {
  const [stages = 0] = pass.stages;
  if (stages & (STAGE.valid | STAGE.mass)) addDivisors(pass, totals, chunk);
  if (stages & STAGE.terms) addValues(pass, totals, chunk);
  if (stages & STAGE.ratio) (pass.sums as GroupSums).value = totals[0] ?? NaN;
  if (stages & (STAGE.sums | STAGE.allSums | STAGE.wasserstein | STAGE.counts)) addRows(pass, totals, chunk);
}

function addRows(
  { call, groups, stages: [stages = 0], sums }: Pass,
  totals: Float64Array,
  chunk: Chunk,
): void {
  const { channels, together } = call;
  if (sums === undefined) return;
  const size = ROWS * channels;
  const from = together > 1 ? totalsLength(channels, groups[0]?.kernels.length ?? 0) : 0;
  if (stages & STAGE.keep) {
    // Read before the next run, and before that not written.
    sums.rows = totals.subarray(from, from + chunk.samples * size);
    return;
  }
  const { rows } = sums;
  const at = chunk.sample * size;
  if (together > 1) rows.set(totals.subarray(from, from + chunk.samples * size), at);
  else for (let i = 0; i < size; i++) rows[at + i]! += totals[i]!;
}

const NO_ROWS = new Float64Array(0);

function emptySums(
  call: CheckedCall,
  group: Group,
  samples = group.region.length > 0 ? call.samples : 0,
): GroupSums {
  return {
    pixel: group.pixel.map((member) => ({
      sum: 0,
      divisor: knownDivisor(member, group.activation, call) ?? 0,
    })),
    rows: samples > 0 ? new Float64Array(samples * ROWS * call.channels) : NO_ROWS,
  };
}

/** Looks at target, mask and weights alone: checks them, and counts what the means divide by. */
export function countPass(call: CheckedCall, group: Group): Pass & { sums: GroupSums } {
  const stages = [counting(call, group)];
  return { call, groups: [group], stages, stored: false, sums: emptySums(call, group, 0) };
}

/** Of the target alone: the sums g and n of each channel. */
export function balancePass(call: CheckedCall, group: Group): Pass & { sums: GroupSums } {
  return {
    call,
    groups: [group],
    stages: [STAGE.counts],
    stored: false,
    sums: emptySums(call, group, call.samples),
  };
}

/** The error of every element into `out`; its sign bit is the target, ±∞ no error (see the core). */
export function errorsPass(call: CheckedCall, group: Group, hinge: boolean, out: Float32Array): Pass {
  const stages = STAGE.values | STAGE.errors | (hinge ? STAGE.hinge : 0);
  return { call, groups: [group], stages: [stages], out, stored: false };
}

/** p, or p − g, of every element into `out`, ∞ where it does not count. */
export function elementsPass(
  call: CheckedCall,
  group: Group,
  what: 'probabilities' | 'residuals',
  out: Float32Array,
): Pass {
  const stages = STAGE.values | STAGE.errors | STAGE[what];
  return { call, groups: [group], stages: [stages], out, stored: false };
}

/** Whether nothing else can run between the passes of a group: a formula of the user's may call a loss. */
export const undisturbed = ({ region }: Group): boolean => !region.some(({ term }) => term.foreign);

/** All terms of a group have one overlap. */
function minimum({ region }: Group): number {
  return region[0]?.term.overlap === 'minimum' ? STAGE.minimum : 0;
}

/** The stages of pass 1. */
function summing(group: Group): number {
  const allSums = group.region.some(({ term }) => term.allSums);
  const regionSums = group.distances ? STAGE.wasserstein : allSums ? STAGE.allSums : STAGE.sums;
  return (
    STAGE.values |
    (group.pixel.length > 0 ? STAGE.terms : 0) |
    (group.region.length > 0 ? regionSums : 0) |
    minimum(group)
  );
}

/** Pass 1: the sums of a group. With `store`, the probabilities are left there for pass 2. */
export function sumsPass(call: CheckedCall, group: Group, store?: Float32Array): Pass & { sums: GroupSums } {
  const stages = [counting(call, group) | summing(group) | (store ? STAGE.store : 0)];
  const held = store !== undefined && undisturbed(group);
  return { call, groups: [group], stages, out: store, stored: false, held, sums: emptySums(call, group) };
}

/**
 * Pass 1 of a range that is one tile, which the core keeps for pass 2. `sums`: where pixel sums are added; `counted`: its
 * divisors are known.
 */
export function keptSumsPass(
  call: CheckedCall,
  group: Group,
  sums: GroupSums,
  counted: boolean,
  range: Range,
): Pass & { sums: GroupSums } {
  const stages = [(counted ? 0 : counting(call, group)) | summing(group) | STAGE.keep];
  return { call, groups: [group], stages, stored: false, sums, range };
}

/** Pass 2 of the range of the pass before, which the core has kept. */
export function keptGradientPass(
  { call, groups, range }: Pass,
  gradients: readonly GroupGradient[],
  out: Float32Array,
): Pass {
  const stages = groups.map(
    ({ distances }) => STAGE.gradient | STAGE.kept | (distances ? STAGE.wasserstein : 0),
  );
  return { call, groups, stages, gradients, out, stored: false, range, kept: true };
}

/** Value of samples that the core scores itself, with `out` also the gradient. */
export function scoredPass(
  call: CheckedCall,
  group: Group,
  sums: GroupSums,
  scoring: Scoring,
  scales: GroupGradient['scales'],
  out: Float32Array | undefined,
): Pass {
  const terms = group.pixel.length > 0 ? STAGE.terms : 0;
  const stages = [STAGE.values | STAGE.ratio | terms | (out ? STAGE.gradient : 0)];
  const gradients = out && [{ scales, affine: undefined }];
  return { call, groups: [group], stages, gradients, out, stored: false, sums, scoring };
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
  const stages = groups.map(
    (group, at) =>
      STAGE.values |
      STAGE.gradient |
      (sums ? STAGE.terms : 0) |
      (group.distances ? STAGE.wasserstein : 0) |
      (stored && summing(group) & STAGE.sums ? STAGE.summed : 0) |
      minimum(group) |
      (group.slopes ? STAGE.slopes : 0) |
      (group.slopes?.raw ? STAGE.hinge : 0) |
      (at > 0 ? STAGE.add : 0),
  );
  return { call, groups, stages, gradients, out, stored, held: stored && groups.every(undisturbed), sums };
}

/** Runs a pass on this thread. */
export function runPass(pass: Pass): void {
  const found = (totals: Float64Array, chunk: Chunk): void => addTotals(pass, totals, chunk);
  const fault = runChunks(pass, pass.range ?? whole(pass.call), pass.sums && found);
  if (fault) refuse(pass.call, fault);
}

/** The passes that a result takes, each to be run before the next is asked for. */
export type Steps<T> = Generator<Pass, T, undefined>;

/** Runs the passes of a result on this thread. */
export function runSteps<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) {
    runPass(step.value);
    step = steps.next();
  }
  return step.value;
}
