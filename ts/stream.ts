/**
 * The passes over data: the only loops over tiles. Every loss, of whatever family, runs through these.
 *
 * A group is the terms that share an activation and an ignored label, and so one activation of the data. Pass 1
 * (`sumsPass`) gives sums, pass 2 (`gradientPass`) the gradient; where no sum is needed first, pass 2 alone gives both.
 */
import {
  type CheckedCall,
  FLOAT,
  refuseMask,
  refuseProbability,
  refuseTarget,
  refuseWeight,
} from './check/call.js';
import { ACTIVATION, type Classes, type PixelTerm, type RegionTerm, ROWS } from './term.js';
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
  /** Of the region terms together: rows a…e of the affine gradient. */
  readonly affine: ((sample: number, table: Float32Array) => boolean) | undefined;
}

/** Largest and smallest label of each entry kind; a label outside can never be ignored by that array. */
const SMALLEST = [0, -128, 0, -32_768, 0, -2_147_483_648, -2_147_483_648];
const LARGEST = [255, 127, 65_535, 32_767, 4_294_967_295, 2_147_483_647, 2_147_483_647];

function sampleWeight(call: CheckedCall, sample: number): number {
  return call.sampleWeights?.[sample] ?? 1;
}

/** Where a tile lies. */
interface Tile {
  readonly sample: number;
  readonly start: number;
  readonly length: number;
}

function eachTile(ws: Workspace, call: CheckedCall, visit: (tile: Tile) => void): void {
  for (let sample = 0; sample < call.samples; sample++) {
    for (let start = 0; start < call.pixels; start += ws.tilePixels) {
      visit({ sample, start, length: Math.min(ws.tilePixels, call.pixels - start) });
    }
  }
}

/** Index in the caller's array of position `at` of a tile whose entries have `channels` values a pixel. */
function indexOf(call: CheckedCall, tile: Tile, at: number, channels: number): number {
  const [k, i] = [Math.floor(at / tile.length), tile.start + (at % tile.length)];
  if (channels === 1) return tile.sample * call.pixels + tile.start + at;
  return call.last
    ? (tile.sample * call.pixels + i) * channels + k
    : (tile.sample * channels + k) * call.pixels + i;
}

/** Copies one plane a channel, or the interleaved pixels, of an array of the prediction's shape. */
function copyIn(
  ws: Workspace,
  call: CheckedCall,
  tile: Tile,
  source: ArrayLike<number>,
  to: 'values' | 'act' | 'aux' | 'target',
): void {
  const { channels, pixels } = call;
  if (call.last) {
    ws.stage(FLOAT, source, (tile.sample * pixels + tile.start) * channels, tile.length * channels);
    return;
  }
  for (let k = 0; k < channels; k++) {
    ws.load(to, k, source, (tile.sample * channels + k) * pixels + tile.start, tile.length);
  }
}

function copyOut(
  ws: Workspace,
  call: CheckedCall,
  tile: Tile,
  from: 'act' | 'grad',
  out: Float32Array,
): void {
  const { channels, pixels } = call;
  if (call.last) {
    ws.unstage(out, (tile.sample * pixels + tile.start) * channels, tile.length * channels);
    return;
  }
  for (let k = 0; k < channels; k++) {
    ws.unload(from, k, out, (tile.sample * channels + k) * pixels + tile.start, tile.length);
  }
}

function loadTarget(ws: Workspace, call: CheckedCall, group: Group, tile: Tile): void {
  const { raw } = ws;
  const { channels, pixels, kind, target, last } = call;
  const ignore = group.ignoreIndex ?? 0;
  const ignores =
    group.ignoreIndex !== undefined && ignore >= (SMALLEST[kind] ?? 0) && ignore <= (LARGEST[kind] ?? 0);
  let bad: number;
  if (!call.dense) {
    ws.stage(kind, target, tile.sample * pixels + tile.start, tile.length);
    bad = raw.read_labels(kind, ignores, ignore);
  } else {
    const staged = last || kind !== FLOAT;
    if (last) ws.stage(kind, target, (tile.sample * pixels + tile.start) * channels, tile.length * channels);
    else if (!staged) copyIn(ws, call, tile, target, 'target');
    else {
      for (let k = 0; k < channels; k++) {
        const from = (tile.sample * channels + k) * pixels + tile.start;
        ws.stage(kind, target, from, tile.length, k * tile.length);
      }
    }
    bad = raw.read_dense(kind, staged, last, ignores, ignore, group.activation === 'softmax');
  }
  if (bad >= 0) refuseTarget(call, indexOf(call, tile, bad, call.dense ? channels : 1));
}

/** Everything of a tile but the prediction. `counted` sees it between target and weights. */
function loadTile(ws: Workspace, call: CheckedCall, group: Group, tile: Tile, counted?: () => void): void {
  const { raw } = ws;
  const from = tile.sample * call.pixels + tile.start;
  raw.begin(tile.length, call.channels, ACTIVATION[group.activation]);
  if (call.mask) {
    ws.load('mask', 0, call.mask, from, tile.length);
    const bad = raw.read_mask();
    if (bad >= 0) refuseMask(from + bad);
  }
  loadTarget(ws, call, group, tile);
  if (counted) {
    raw.count_valid();
    counted();
  }
  const { pixelWeights, elementWeights, last } = call;
  if (pixelWeights) {
    if (elementWeights) copyIn(ws, call, tile, pixelWeights, 'aux');
    else ws.load('weight', 0, pixelWeights, from, tile.length);
  }
  const bad = raw.read_weights(pixelWeights ? (elementWeights ? 2 : 1) : 0, last);
  if (bad >= 0) refuseWeight(call, indexOf(call, tile, bad, elementWeights ? call.channels : 1));
}

function activate(ws: Workspace, call: CheckedCall, tile: Tile): void {
  copyIn(ws, call, tile, call.pred, 'values');
  const bad = ws.raw.activate(call.last);
  if (bad >= 0) refuseProbability(call, indexOf(call, tile, bad, call.channels));
}

/** Slot 0 is the region terms'; pixel term i has slot 1 + i. */
function prepare(call: CheckedCall, groups: readonly Group[]): Workspace {
  const ws = workspace();
  ws.reserve(call.channels, 1 + Math.max(...groups.map((group) => group.pixel.length)));
  return ws;
}

function fillTables(ws: Workspace, group: Group): void {
  group.pixel.forEach(({ term, classes }, i) => {
    term.fill(ws.table(1 + i).fill(0), classes, group.activation, 1);
  });
}

/** Adds the weighted losses of the tile in hand. */
function addValues(ws: Workspace, call: CheckedCall, group: Group, tile: Tile, into: GroupSums): void {
  const v = sampleWeight(call, tile.sample);
  group.pixel.forEach(({ term, classes }, i) => {
    ws.raw.pixel_value(term.kernel, 1 + i, term.exponent, false);
    let sum = 0;
    if (group.activation === 'softmax') sum = ws.total(0, 0);
    else for (const k of classes.kept) sum += ws.total(0, k);
    // A sample of weight 0 is out, whatever it holds.
    if (v !== 0) (into.pixel[i] as { sum: number }).sum += v * sum;
  });
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

function addDivisors(
  ws: Workspace,
  call: CheckedCall,
  group: Group,
  tile: Tile,
  valid: Float64Array,
  into: GroupSums,
): void {
  const v = sampleWeight(call, tile.sample);
  const softmax = group.activation === 'softmax';
  group.pixel.forEach((member, i) => {
    if (knownDivisor(member, group.activation, call) !== undefined) return;
    const { term, classes } = member;
    let divisor = 0;
    if (term.normalizer === 'weights') {
      if (softmax) ws.raw.class_mass();
      else ws.raw.weight_mass();
      const counted = softmax ? classes.weights.keys() : classes.kept;
      for (const k of counted) divisor += v * (classes.weights[k] ?? 1) * ws.total(0, k);
    } else if (softmax) divisor = valid[0] ?? 0;
    else for (const k of classes.kept) divisor += valid[k] ?? 0;
    (into.pixel[i] as { divisor: number }).divisor += divisor;
  });
}

function emptySums(call: CheckedCall, group: Group): GroupSums {
  return {
    pixel: group.pixel.map((member) => ({
      sum: 0,
      divisor: knownDivisor(member, group.activation, call) ?? 0,
    })),
    rows:
      group.region.length > 0
        ? Array.from({ length: call.samples }, () => new Float64Array(ROWS * call.channels))
        : [],
  };
}

function counter(
  ws: Workspace,
  call: CheckedCall,
  group: Group,
  valid: Float64Array,
): (() => void) | undefined {
  const unknown = group.pixel.some((member) => knownDivisor(member, group.activation, call) === undefined);
  if (!unknown) return undefined;
  return () => {
    for (let k = 0; k < call.channels; k++) valid[k] = ws.total(0, k);
  };
}

/** Looks at target, mask and weights alone: checks them, and counts what the means divide by. */
export function countPass(call: CheckedCall, group: Group): GroupSums {
  const ws = prepare(call, [group]);
  const sums = emptySums(call, group);
  const valid = new Float64Array(call.channels);
  const count = counter(ws, call, group, valid);
  eachTile(ws, call, (tile) => {
    loadTile(ws, call, group, tile, count);
    if (count) addDivisors(ws, call, group, tile, valid, sums);
  });
  return sums;
}

/** Pass 1: the sums of a group. With `store`, the probabilities are left there for pass 2. */
export function sumsPass(call: CheckedCall, group: Group, store?: Float32Array): GroupSums {
  const ws = prepare(call, [group]);
  const sums = emptySums(call, group);
  const valid = new Float64Array(call.channels);
  const count = counter(ws, call, group, valid);
  const allSums = group.region.some(({ term }) => term.allSums);
  fillTables(ws, group);
  eachTile(ws, call, (tile) => {
    loadTile(ws, call, group, tile, count);
    if (count) addDivisors(ws, call, group, tile, valid, sums);
    activate(ws, call, tile);
    addValues(ws, call, group, tile, sums);
    if (group.region.length > 0) {
      ws.raw.region_sums(allSums);
      const row = sums.rows[tile.sample] as Float64Array;
      for (let r = 0; r < ROWS; r++) {
        for (let k = 0; k < call.channels; k++) {
          row[r * call.channels + k] = (row[r * call.channels + k] ?? 0) + ws.total(r, k);
        }
      }
    }
    if (store) {
      if (call.last) ws.raw.interleave_probabilities();
      copyOut(ws, call, tile, 'act', store);
    }
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
  const ws = prepare(call, groups);
  const several = groups.length > 1;
  let affineOf = -1;
  let curved = false;
  if (!several && groups[0]) fillTables(ws, groups[0]);
  eachTile(ws, call, (tile) => {
    groups.forEach((group, at) => {
      const { scales, affine } = gradients[at] as GroupGradient;
      if (several) fillTables(ws, group);
      loadTile(ws, call, group, tile);
      if (stored) {
        copyIn(ws, call, tile, out, 'act');
        ws.raw.restore(
          call.last,
          group.pixel.some(({ term }) => term.exponent !== 0),
        );
      } else activate(ws, call, tile);
      if (collect) addValues(ws, call, group, tile, collect);
      ws.raw.clear_gradient();
      if (affine) {
        if (several || affineOf !== tile.sample) curved = affine(tile.sample, ws.table(0).fill(0));
        affineOf = tile.sample;
        ws.raw.region_gradient(0, curved);
      }
      const v = sampleWeight(call, tile.sample);
      group.pixel.forEach(({ term }, i) => {
        const scale = v * (scales[i] ?? 0);
        if (scale !== 0) ws.raw.pixel_gradient(term.kernel, 1 + i, term.exponent, scale);
      });
      if (several) ws.raw.merge_gradient(at === 0);
    });
    ws.raw.finish_gradient(several, call.last);
    copyOut(ws, call, tile, 'grad', out);
  });
}

/** The weighted loss of every element (sigmoid, none) or pixel (softmax), times the sample's weight. */
export function unreducedPass(call: CheckedCall, group: Group, data: Float32Array): void {
  const ws = prepare(call, [group]);
  const member = group.pixel[0] as Member<PixelTerm>;
  const planar = {
    ...call,
    channels: group.activation === 'softmax' ? 1 : call.channels,
    last: call.last && group.activation !== 'softmax',
  };
  eachTile(ws, call, (tile) => {
    const v = sampleWeight(call, tile.sample);
    member.term.fill(ws.table(1).fill(0), member.classes, group.activation, v);
    loadTile(ws, call, group, tile);
    activate(ws, call, tile);
    ws.raw.pixel_value(member.term.kernel, 1, member.term.exponent, true);
    ws.raw.finish_gradient(false, planar.last);
    copyOut(ws, planar, tile, 'grad', data);
  });
}
