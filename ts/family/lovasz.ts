/** Lovász losses: a pass finds the errors, the core ranks them group by group, a pass chains the slopes. */
import { type CheckedCall, placeOf, refuseSoftTarget, sampleWeight, unweighted } from '../check/call.js';
import { times } from './region.js';
import { errorsPass, runPass } from '../pass.js';
import { makeGroup } from '../plan.js';
import type { Classes, Common, Whole, WholeTerm } from '../term.js';
import { workspace } from '../workspace.js';

interface Rule {
  readonly hinge: boolean;
  readonly aggregate: 'sample' | 'batch';
  /** Whether a class without any target is left out. */
  readonly present: boolean;
}

/** One loss of a row and class: its value, and whether it counts. */
interface Part {
  readonly samples: readonly number[];
  readonly k: number;
  readonly value: number;
  readonly counts: boolean;
}

/** Copies the entries of class k of these samples to or from a run that lies together. */
function eachPart(
  call: CheckedCall,
  samples: readonly number[],
  k: number,
  copy: (at: number, from: number, step: number, length: number) => void,
): void {
  const { pixels, channels, last } = call;
  samples.forEach((b, i) => {
    const from = last ? b * pixels * channels + k : (b * channels + k) * pixels;
    copy(i * pixels, from, last ? channels : 1, pixels);
  });
}

function gather(
  to: Float32Array,
  from: Float32Array,
  at: number,
  start: number,
  step: number,
  length: number,
): void {
  if (step === 1) to.set(from.subarray(start, start + length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i * step] ?? NaN;
}

/** The weight of every entry of class k of these samples, in the same order. */
function gatherWeights(
  to: Float32Array,
  call: CheckedCall,
  { samples, k }: Pick<Part, 'samples' | 'k'>,
  weighSamples: boolean,
): void {
  const { pixels, pixelWeights, elementWeights } = call;
  samples.forEach((b, at) => {
    const v = weighSamples ? sampleWeight(call, b) : 1;
    for (let i = 0; i < pixels; i++) {
      const place = elementWeights ? placeOf(call, b, i, k) : b * pixels + i;
      to[at * pixels + i] = v * (pixelWeights?.[place] ?? 1);
    }
  });
}

function refuseSoft(call: CheckedCall, { samples, k }: Pick<Part, 'samples' | 'k'>, at: number): never {
  const b = samples[Math.floor(at / call.pixels)] ?? 0;
  return refuseSoftTarget(call, placeOf(call, b, at % call.pixels, k));
}

/** The loss of one group; its errors become slopes. */
function rank(
  call: CheckedCall,
  errors: Float32Array,
  samples: readonly number[],
  k: number,
  rule: Rule,
): Part {
  const ws = workspace();
  const length = samples.length * call.pixels;
  const weighSamples = rule.aggregate === 'batch' && call.sampleWeights !== undefined;
  const weighted = call.pixelWeights !== undefined || weighSamples;
  const room = ws.order(length, weighted);
  eachPart(call, samples, k, (at, from, step, count) => {
    gather(room.errors, errors, at, from, step, count);
  });
  if (weighted) {
    gatherWeights(room.weights, call, { samples, k }, weighSamples);
    // A weight that comes of a sample's 0 takes the element out, whatever it holds.
    room.weights.forEach((w, i) => {
      if (w === 0) room.errors[i] = Infinity;
    });
  }
  const value = ws.raw.lovasz(length, weighted);
  if (value < 0) refuseSoft(call, { samples, k }, -1 - value);
  const counts = !rule.present || ws.raw.order_mass() > 0;
  const slopes = ws.ranked(length);
  eachPart(call, samples, k, (at, to, step, count) => {
    if (counts && step === 1) errors.set(slopes.subarray(at, at + count), to);
    else for (let i = 0; i < count; i++) errors[to + i * step] = counts ? (slopes[at + i] ?? NaN) : 0;
  });
  return { samples, k, value, counts };
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

export function lovasz(rule: Rule): WholeTerm['run'] {
  return (call, classes, activation, common): Whole => {
    // Errors first; ranking turns them into slopes in place.
    const slopes = new Float32Array(call.pred.length);
    runPass(errorsPass(call, makeGroup(activation, common.ignoreIndex), rule.hinge, slopes));
    const all = Array.from({ length: call.samples }, (_, b) => b);
    const rows = rule.aggregate === 'batch' ? [all] : all.map((b) => [b]);
    const parts = rows.map((samples) => classes.kept.map((k) => rank(call, slopes, samples, k, rule)));
    const { value, perRow, shares } = reduce(common, rule, call, classes, parts);
    const scale = (b: number, k: number): number => shares[rule.aggregate === 'batch' ? 0 : b]?.get(k) ?? 0;
    const data = Float64Array.from(parts.flat(), (part) => (part.counts ? part.value : NaN));
    return {
      value,
      gradient: [
        {
          call: unweighted(call),
          activation,
          pixel: [],
          slopes: { data: slopes, raw: rule.hinge, scale },
        },
      ],
      unreduced: {
        data,
        shape: rule.aggregate === 'batch' ? [classes.kept.length] : [call.samples, classes.kept.length],
      },
      ...(rule.aggregate === 'sample' && { perSample: perRow }),
    };
  };
}

/** The mean or sum of the parts, and the share of each in it, by row and class. */
function reduce(
  common: Common,
  rule: Rule,
  call: CheckedCall,
  { weights }: Classes,
  parts: readonly (readonly Part[])[],
): { value: number; perRow: Float64Array; shares: ReadonlyMap<number, number>[] } {
  const sum = common.reduction === 'sum';
  const weightOf = (row: number): number => (rule.aggregate === 'batch' ? 1 : sampleWeight(call, row));
  const counted = parts.map((row) => row.filter(({ counts }) => counts));
  const total = sumOf(counted.map((row, b) => (row.length > 0 ? weightOf(b) : 0)));
  const perRow = new Float64Array(parts.length).fill(NaN);
  let value = 0;
  const shares = counted.map((row, b) => {
    const ofRow = sum ? weightOf(b) : total > 0 ? weightOf(b) / total : 0;
    const inRow = sumOf(row.map(({ k }) => weights[k] ?? 1));
    const share = row.map(({ k }) => (sum ? 1 : inRow > 0 ? 1 / inRow : 0) * (weights[k] ?? 1));
    if (row.length > 0) perRow[b] = sumOf(row.map((part, i) => times(share[i] ?? 0, part.value)));
    value += times(ofRow, row.length > 0 ? (perRow[b] ?? 0) : 0);
    return new Map(row.map(({ k }, i) => [k, ofRow * (share[i] ?? 0)]));
  });
  return { value, perRow, shares };
}
