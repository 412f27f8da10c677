/** What a call of a loss works with: its terms on the channels at hand, how the samples lie, and what each term is given. */
import { type CheckedCall, sampleWeight } from './check/call.js';
import { classesOf } from './check/classes.js';
import type { RegionResult } from './family/region.js';
import { type Group, type GroupSums, type Member, type Steps, sumsPass } from './pass.js';
import type { GroupGradient, Kernel } from './stream.js';
import type { PixelSums, Row, TermSums } from './sums.js';
import {
  activationOf,
  type PixelTerm,
  type RegionTerm,
  ROWS,
  type Term,
  type WeightedTerm,
  type Whole,
} from './term.js';
import type { Activation } from './types.js';

/** Sample number of the one row of a loss over the batch. */
const BATCH = -1;

/** A loss's terms on the channels of a call. */
export interface Plan {
  readonly groups: readonly Group[];
  readonly members: readonly Member<Term>[];
}

function kernelOf({ term, classes }: Member<PixelTerm>, activation: Activation): Kernel {
  const constants = new Float32Array(ROWS * classes.channels);
  term.fill(constants, classes, activation, 1);
  return { code: term.kernel, exponent: term.exponent, constants };
}

/** Terms that share an activation and an ignored label. */
export function makeGroup(
  activation: Activation,
  ignoreIndex: number | undefined,
  pixel: readonly Member<PixelTerm>[] = [],
  region: readonly Member<RegionTerm>[] = [],
): Group {
  return {
    activation,
    ignoreIndex,
    kernels: pixel.map((member) => kernelOf(member, activation)),
    pixel,
    region,
    distances: region[0]?.term.distances,
  };
}

export function makePlan(terms: readonly WeightedTerm[], channels: number): Plan {
  const members = terms.map(({ term }, index) => ({ term, classes: classesOf(term, channels), index }));
  const groups = new Map<string, Member<Term>[]>();
  for (const member of members) {
    const { term } = member;
    if (term.family === 'whole') continue;
    // A matrix of distances takes the place of the common sums.
    const own = term.family === 'region' && term.distances !== undefined ? member.index : '';
    // So does another overlap, whose gradient reads another target.
    const overlap = term.family === 'region' ? term.overlap : 'product';
    const key = `${activationOf(term, channels)} ${term.ignoreIndex} ${overlap} ${own}`;
    groups.set(key, [...(groups.get(key) ?? []), member]);
  }
  return {
    members,
    groups: [...groups.values()].map((group) => {
      const [{ term }] = group as [Member<Term>];
      return makeGroup(
        activationOf(term, channels),
        term.ignoreIndex,
        group.filter((m): m is Member<PixelTerm> => m.term.family === 'pixel'),
        group.filter((m): m is Member<RegionTerm> => m.term.family === 'region'),
      );
    }),
  };
}

/**
 * The call with its samples laid end to end as one, where the terms do not tell them apart and memory already has them
 * so: 65,536 samples of one pixel are then a few chunks, not 65,536.
 */
export function endToEnd(checked: CheckedCall, terms: readonly WeightedTerm[]): CheckedCall {
  const { samples, channels, pixels, last } = checked;
  const contiguous = channels === 1 || last || pixels === 1;
  const apart = terms.some(
    ({ term }) => term.family === 'whole' || (term.family === 'region' && term.aggregate === 'sample'),
  );
  if (samples <= 1 || !contiguous || apart || checked.sampleWeights) return checked;
  return { ...checked, samples: 1, pixels: samples * pixels, last: channels > 1 };
}

/** Pass 1 of every group. */
export function* accumulate(checked: CheckedCall, plan: Plan): Steps<TermSums[]> {
  const found: GroupSums[] = [];
  for (const group of plan.groups) {
    const pass = sumsPass(checked, group);
    yield pass;
    found.push(pass.sums);
  }
  return termSums(checked, plan, found);
}

/** The sums of each term, in the order of the terms. */
export function termSums(checked: CheckedCall, plan: Plan, found: readonly GroupSums[]): TermSums[] {
  const sums: TermSums[] = [];
  plan.groups.forEach((group, at) => {
    const { pixel, rows } = found[at] as GroupSums;
    group.pixel.forEach(({ index }, i) => {
      sums[index] = { ...(pixel[i] as PixelSums) };
    });
    for (const { term, index } of group.region) sums[index] = { rows: regionRows(checked, term, rows) };
  });
  return sums;
}

function regionRows(checked: CheckedCall, term: RegionTerm, rows: readonly Float64Array[]): Row[] {
  if (term.aggregate === 'batch') return [{ sample: BATCH, weight: 1, sums: batchRow(checked, rows) }];
  return rows.map((sums, b) => ({
    sample: checked.firstSample + b,
    weight: sampleWeight(checked, b),
    sums,
  }));
}

/** The row of all samples together, each times its weight. */
export function batchRow(checked: CheckedCall, rows: readonly Float64Array[]): Float64Array {
  const sums = new Float64Array(ROWS * checked.channels);
  rows.forEach((row, b) => {
    const v = sampleWeight(checked, b);
    // A sample of weight 0 is out, whatever it holds.
    if (v !== 0) row.forEach((x, i) => (sums[i] = (sums[i] ?? 0) + v * x));
  });
  return sums;
}

/** Position of each sample's row among the sums of a region term. */
export function rowsOfSamples(checked: CheckedCall, term: RegionTerm, sums: TermSums | undefined): number[] {
  const { rows } = sums as { rows: readonly Row[] };
  const positions = new Map(rows.map((row, position) => [row.sample, position]));
  return Array.from({ length: checked.samples }, (_, b) => {
    const sample = term.aggregate === 'batch' ? BATCH : checked.firstSample + b;
    const position = positions.get(sample);
    if (position === undefined) throw new RangeError(`"sums" hold no sample ${sample}; see "sample"`);
    return position;
  });
}

/** The mean loss of each class over the rows that do not skip it. */
export function meanOverRows(
  { losses }: RegionResult,
  rows: readonly Row[],
  kept: readonly number[],
): Float64Array {
  return Float64Array.from(kept, (_, i) => {
    let [sum, weight] = [0, 0];
    rows.forEach((row, b) => {
      const loss = losses[b * kept.length + i] ?? NaN;
      if (Number.isNaN(loss) || row.weight === 0) return;
      sum += row.weight * loss;
      weight += row.weight;
    });
    return sum / weight;
  });
}

/** What terms of all pixels together made of the data, as groups of the last pass. `weightOf` gives a term's weight. */
export function wholeGroups(
  { members }: Plan,
  whole: readonly (Whole | undefined)[],
  weightOf: (index: number) => number,
): { groups: Group[]; gradients: GroupGradient[] } {
  const groups: Group[] = [];
  const gradients: GroupGradient[] = [];
  whole.forEach((result, index) => {
    const factor = weightOf(index);
    for (const { call, activation, pixel, slopes } of result?.gradient ?? []) {
      const terms = pixel.map(({ term, classes }) => ({ term, classes, index }));
      groups.push({ ...makeGroup(activation, members[index]?.term.ignoreIndex, terms), call, slopes });
      gradients.push({
        scales: (sample) => {
          const v = sampleWeight(call, sample);
          return pixel.map(({ scale }) => v * factor * scale);
        },
        affine:
          slopes &&
          ((sample, table) => {
            for (let k = 0; k < call.channels; k++) table[k] = factor * slopes.scale(sample, k);
            return false;
          }),
      });
    }
  });
  return { groups, gradients };
}
