/** From the sums of all terms to the value, and to what multiplies the derivatives; and the short way for small samples. */
import { type CheckedCall, sampleWeight } from './check/call.js';
import { pixelFactor, pixelValue } from './family/pixel.js';
import type { RegionResult } from './family/region.js';
import {
  countPass,
  type Group,
  keptGradientPass,
  keptSumsPass,
  type Member,
  runPass,
  scoredPass,
} from './pass.js';
import { batchRow, pixelSums, type Plan, rowsOfSamples, scoringOf } from './plan.js';
import type { GroupGradient, Range } from './stream.js';
import type { PixelSums, Rows, TermSums } from './sums.js';
import { activationOf, type RegionTerm, ROWS, type Whole } from './term.js';

/** What each region term comes to, by position among the terms. */
type Regions = readonly (RegionResult | undefined)[];

/** What the sums of all terms come to. */
export interface Outcome {
  readonly value: number;
  /** Value of each term, unweighted. */
  readonly values: readonly number[];
  readonly regions: Regions;
}

export function outcomeOf(
  plan: Plan,
  sums: readonly TermSums[],
  whole: readonly (Whole | undefined)[],
): Outcome {
  const regions = plan.scorers.map((scorer, i) => {
    if (scorer === undefined) return undefined;
    const { sums: all, weights } = sums[i] as Rows;
    return scorer.run(all, weights.length, weights, scorer.room(weights.length));
  });
  const values = valuesOf(plan, sums, regions, whole);
  return { value: valueOf(plan, values), values, regions };
}

function valuesOf(
  { members }: Plan,
  sums: readonly TermSums[],
  regions: readonly (Pick<RegionResult, 'value' | 'nothing'> | undefined)[],
  whole: readonly (Whole | undefined)[],
): number[] {
  return members.map(({ term, classes }, i) => {
    if (term.family === 'region') return regions[i]?.nothing ? 0 : (regions[i]?.value ?? NaN);
    if (term.family === 'whole') return whole[i]?.value ?? NaN;
    return pixelValue(term, classes, activationOf(term, classes.channels), sums[i] as PixelSums);
  });
}

function valueOf({ weights }: Plan, values: readonly number[]): number {
  // A single loss's value is not multiplied: 1·x is x, but a sum of one would turn −0 into 0.
  if (weights.length === 1 && weights[0] === 1) return values[0] ?? NaN;
  return weights.reduce((sum, weight, i) => sum + weight * (values[i] ?? NaN), 0);
}

/** What multiplies the gradient of a term. */
export function weightOf({ weights }: Plan, { upstream }: CheckedCall, index: number): number {
  return upstream * (weights[index] ?? 0);
}

/**
 * What multiplies the derivatives of each group. `elsewhere`: the sums are of more than this call, whose rows are to be
 * looked up by their samples.
 */
export function gradientsOf(
  checked: CheckedCall,
  plan: Plan,
  sums: readonly TermSums[],
  regions: Regions,
  elsewhere = false,
): GroupGradient[] {
  return plan.groups.map((group) => ({
    scales: scalesOf(checked, plan, group, sums),
    affine: group.region.length > 0 ? affineOf(checked, plan, group, sums, regions, elsewhere) : undefined,
  }));
}

function scalesOf(
  checked: CheckedCall,
  plan: Plan,
  { activation, pixel }: Group,
  sums: readonly TermSums[],
): GroupGradient['scales'] {
  const scales = pixel.map(({ term, classes, index }) => {
    const { divisor } = sums[index] as PixelSums;
    return weightOf(plan, checked, index) * pixelFactor(term, classes, activation, divisor);
  });
  return (sample) => {
    const v = sampleWeight(checked, sample);
    return v === 1 ? scales : scales.map((scale) => v * scale);
  };
}

function affineOf(
  checked: CheckedCall,
  plan: Plan,
  { region }: Group,
  sums: readonly TermSums[],
  regions: Regions,
  elsewhere: boolean,
): GroupGradient['affine'] {
  const { channels, sampleWeights } = checked;
  const parts = region.map(({ term, index }): RegionPart => ({
    batch: term.aggregate === 'batch',
    weight: weightOf(plan, checked, index),
    width: plan.scorers[index]?.width ?? 0,
    result: regions[index]!,
    // Looked up before anything is written, since `out` may be the prediction.
    rows: elsewhere ? rowsOfSamples(checked, sums[index] as Rows) : undefined,
  }));
  const size = Math.max(...parts.map(({ width }) => width)) * channels;
  const all = new Float64Array(size * Math.min(checked.together, checked.samples));
  return (sample, samples, tables) => {
    all.fill(0, 0, samples * size);
    for (const part of parts) addRows(all, size, part, sample, samples, channels, sampleWeights);
    let curved = false;
    for (let b = 0; b < samples; b++) {
      const from = b * size;
      const to = b * ROWS * channels;
      for (let i = 0; i < size; i++) tables[to + i] = all[from + i]!;
      for (let i = 2 * channels; i < size; i++) curved ||= all[from + i] !== 0;
    }
    return curved;
  };
}

/** A region term's part in the gradient. */
interface RegionPart {
  readonly batch: boolean;
  readonly weight: number;
  readonly width: number;
  readonly result: RegionResult;
  readonly rows: readonly number[] | undefined;
}

/** Adds a term's coefficients of so many samples. */
function addRows(
  to: Float64Array,
  size: number,
  { batch, weight, width, result, rows }: RegionPart,
  sample: number,
  samples: number,
  channels: number,
  sampleWeights: ArrayLike<number> | undefined,
): void {
  const { affine, shares, first } = result;
  const own = width * channels;
  for (let b = 0; b < samples; b++) {
    const row = rows ? rows[sample + b]! : batch ? 0 : sample + b - first;
    const scale = weight * (batch ? (sampleWeights?.[sample + b] ?? 1) : 1) * shares[row]!;
    // 0 times a coefficient that is no number is 0.
    if (scale === 0) continue;
    const at = b * size;
    const from = row * own;
    for (let i = 0; i < own; i++) to[at + i]! += scale * affine[from + i]!;
  }
}

/**
 * Value and gradient where all is known of a tile after its sums: both passes of it before the next, copied in once.
 * Without `grad` the value alone.
 */
export function tileByTile(
  checked: CheckedCall,
  plan: Plan,
  ranges: readonly Range[],
  grad: Float32Array | undefined,
): number {
  const { together, sampleWeights } = checked;
  const [group] = plan.groups as [Group];
  const alone = ranges.length === 1;
  const count = countPass(checked, group);
  const divided = count.stages[0] === 0;
  if (!alone && (!divided || (grad && checked.aliased))) runPass(count);
  const sums = pixelSums(group, count.sums);
  // The value alone of one tile needs no gradient; and divisors still to be counted are counted by its sums.
  if (!alone || (grad && divided)) {
    const [{ index }] = group.region as [Member<RegionTerm>];
    const scoring = scoringOf(checked, plan, weightOf(plan, checked, index));
    if (scoring) {
      runPass(scoredPass(checked, group, count.sums, scoring, scalesOf(checked, plan, group, sums), grad));
      const value = count.sums.value ?? NaN;
      const scored = plan.scorers.map((scorer) => scorer && { value, nothing: false });
      return valueOf(plan, valuesOf(plan, sums, scored, []));
    }
  }
  const regions = plan.scorers.map((scorer) => scorer?.tile(Math.min(together, checked.samples)));
  let gradients: GroupGradient[] | undefined;
  const total = alone ? undefined : weightOfAll(checked);
  for (const range of ranges) {
    const pass = keptSumsPass(checked, group, count.sums, !alone, range);
    runPass(pass);
    for (const { term, index } of group.region) {
      const [scorer, result] = [plan.scorers[index]!, regions[index]!];
      const { rows } = count.sums;
      if (term.aggregate === 'batch') scorer.run(batchRow(checked, rows), 1, undefined, result);
      else scorer.run(rows, range.samples, sampleWeights, result, range.sample, total);
    }
    if (grad === undefined) continue;
    gradients ??= gradientsOf(checked, plan, sums, regions);
    runPass(keptGradientPass(pass, gradients, grad));
  }
  return valueOf(plan, valuesOf(plan, sums, regions, []));
}

function weightOfAll(call: CheckedCall): number {
  let total = 0;
  for (let b = 0; b < call.samples; b++) total += sampleWeight(call, b);
  return total;
}
