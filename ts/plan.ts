/** What a call of a loss works with: its terms on the channels at hand, how the samples lie, and what each term is given. */
import { type CheckedCall, sampleWeight } from './check/call.js';
import { classesOf } from './check/classes.js';
import { type RegionResult, Scorer } from './family/region.js';
import { type Group, type GroupSums, type Member, type Steps, sumsPass, undisturbed } from './pass.js';
import type { GroupGradient, Kernel, Range, Scoring } from './stream.js';
import type { PixelSums, Rows, TermSums } from './sums.js';
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
import { tilePixels } from './workspace.js';

/** Sample number of the one row of a loss over the batch. */
const BATCH = -1;

/** A loss's terms on the channels of a call. */
export interface Plan {
  readonly groups: readonly Group[];
  readonly members: readonly Member<Term>[];
  /** Of each term. */
  readonly weights: readonly number[];
  /** Whether each tile can be done with before the next, whatever the others hold. */
  readonly local: boolean;
  /** Of each region term. */
  readonly scorers: readonly (Scorer | undefined)[];
}

function kernelOf({ term, classes }: Member<PixelTerm>, activation: Activation): Kernel {
  const constants = new Float32Array(ROWS * classes.channels);
  term.fill(constants, classes, activation, 1);
  return { code: term.kernel, exponent: term.exponent, constants };
}

/** Terms that share what a group shares. */
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
    weights: terms.map(({ weight }) => weight),
    local: terms.every(
      ({ term }) =>
        term.family !== 'region' ||
        (term.aggregate === 'sample' &&
          !term.readsBatch &&
          (term.reduction === 'sum' || term.emptyClass !== 'skip')),
    ),
    scorers: members.map(({ term, classes }) =>
      term.family === 'region' ? new Scorer(term, classes) : undefined,
    ),
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
 * The call as the core is to take it, where samples are many and small, so that each is no chunk of its own.
 *
 * Where the terms do not tell samples apart they are laid end to end as one. Where they do, but all that is wanted of
 * each is its region sums, a tile takes several together.
 */
export function layOut(checked: CheckedCall, { groups, members }: Plan): CheckedCall {
  const { samples, channels, pixels, last, sampleWeights } = checked;
  if (samples <= 1 || members.some(({ term }) => term.family === 'whole')) return checked;
  const most = pixels > 0 ? Math.floor(tilePixels(channels) / pixels) : 0;
  const run = channels === 1 ? 0 : last ? 1 : pixels;
  const apart = members.some(({ term }) => term.family === 'region' && term.aggregate === 'sample');
  if (!apart && !sampleWeights) {
    if (run > 1 && most < 2) return checked;
    return { ...checked, samples: 1, pixels: samples * pixels, run };
  }
  // What the core sums of one sample at a time.
  const summed = groups.some(
    ({ distances, pixel, region }) =>
      distances || region[0]?.term.overlap === 'minimum' || (sampleWeights && pixel.length > 0),
  );
  return most < 2 || summed ? checked : { ...checked, together: most, run };
}

/**
 * The tiles of a call with region losses that can each be done with before the next, since after its sums its gradient is
 * known. `undefined`: there are none such.
 */
export function tiles(checked: CheckedCall, { groups, members, local }: Plan): Range[] | undefined {
  const { samples, channels, pixels, together } = checked;
  const [group] = groups;
  if (
    groups.length !== 1 ||
    !group ||
    group.region.length === 0 ||
    // The core keeps the tile between the passes.
    !undisturbed(group) ||
    members.length > group.region.length + group.pixel.length
  ) {
    return undefined;
  }
  if (pixels === 0 || pixels > tilePixels(channels) || (samples > together && !local)) return undefined;
  const ranges: Range[] = [];
  for (let sample = 0; sample < samples; sample += together) {
    ranges.push({ sample, samples: Math.min(together, samples - sample), start: 0, pixels });
  }
  return ranges;
}

/** How the core is to score the samples of a call whose tiles are whole samples, if it can; `weight` multiplies the gradient. */
export function scoringOf(
  { samples, channels, mask, pixelWeights, sampleWeights }: CheckedCall,
  { groups: [group] }: Plan,
  weight: number,
): Scoring | undefined {
  const [{ term, classes } = {}, more] = group?.region ?? [];
  const ratio = term?.score.ratio;
  if (!term || !classes || !ratio || more || weight === 0) return undefined;
  if (mask || pixelWeights || sampleWeights) return undefined;
  const { kept } = classes;
  const plain =
    (term.aggregate === 'sample' || samples === 1) &&
    term.overlap === 'product' &&
    term.average === 'macro' &&
    term.emptyClass === 'score' &&
    term.ignoreIndex === undefined &&
    term.classes === undefined &&
    term.classWeights === undefined &&
    kept.length > 0;
  if (!plain) return undefined;
  const mean = term.reduction === 'mean';
  const row = mean ? 1 / samples : 1;
  return [channels - kept.length, mean ? 1 / kept.length : 1, row, weight * row, ...ratio];
}

/** Pass 1 of every group. */
export function* accumulate(checked: CheckedCall, plan: Plan): Steps<TermSums[]> {
  const sums: TermSums[] = [];
  for (const group of plan.groups) {
    const pass = sumsPass(checked, group);
    yield pass;
    addSums(sums, checked, group, pass.sums);
  }
  return sums;
}

/** The sums of each term of a group, in the order of the terms. */
export function termSums(checked: CheckedCall, { groups: [group] }: Plan, found: GroupSums): TermSums[] {
  return group ? addSums([], checked, group, found) : [];
}

function addSums(sums: TermSums[], checked: CheckedCall, group: Group, found: GroupSums): TermSums[] {
  pixelSums(group, found, sums);
  for (const { term, index } of group.region) sums[index] = regionRows(checked, term, found.rows);
  return sums;
}

/** The sums of each pixel term of a group, in the order of the terms; those found, which a pass may still add to. */
export function pixelSums(group: Group, found: GroupSums, sums: TermSums[] = []): TermSums[] {
  group.pixel.forEach(({ index }, i) => {
    sums[index] = found.pixel[i] as PixelSums;
  });
  return sums;
}

/** The rows of a region term, of the sums of each sample. */
export function regionRows(checked: CheckedCall, term: RegionTerm, sums: Float64Array): Rows {
  if (term.aggregate === 'batch') return { samples: [BATCH], weights: [1], sums: batchRow(checked, sums) };
  const { samples: count, sampleWeights, firstSample } = checked;
  const samples = new Float64Array(count);
  const weights = new Float64Array(count);
  for (let b = 0; b < count; b++) {
    samples[b] = firstSample + b;
    weights[b] = sampleWeights?.[b] ?? 1;
  }
  return { samples, weights, sums };
}

/** The row of all samples together, each times its weight. */
export function batchRow(
  { channels, samples, sampleWeights }: CheckedCall,
  rows: Float64Array,
): Float64Array {
  if (samples === 1 && !sampleWeights) return rows;
  const size = ROWS * channels;
  const sums = new Float64Array(size);
  for (let b = 0; b < samples; b++) {
    const v = sampleWeights?.[b] ?? 1;
    // A sample of weight 0 is out, whatever it holds.
    if (v !== 0) for (let i = 0; i < size; i++) sums[i]! += v * rows[b * size + i]!;
  }
  return sums;
}

/** Position of each sample's row among the sums of a region term. */
export function rowsOfSamples(checked: CheckedCall, sums: Rows): number[] {
  const positions = new Map(Array.from(sums.samples, (sample, position) => [sample, position]));
  return Array.from({ length: checked.samples }, (_, b) => {
    const position = positions.get(BATCH) ?? positions.get(checked.firstSample + b);
    if (position === undefined) {
      throw new RangeError(`"sums" hold no sample ${checked.firstSample + b}; see "sample"`);
    }
    return position;
  });
}

/** The mean loss of each class over the rows that do not skip it. */
export function meanOverRows(
  { losses }: RegionResult,
  { weights }: Rows,
  kept: readonly number[],
): Float64Array {
  return Float64Array.from(kept, (_, i) => {
    let [sum, total] = [0, 0];
    for (let b = 0; b < weights.length; b++) {
      const loss = losses[b * kept.length + i] ?? NaN;
      const weight = weights[b] ?? 0;
      if (Number.isNaN(loss) || weight === 0) continue;
      sum += weight * loss;
      total += weight;
    }
    return sum / total;
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
          ((sample, _, table) => {
            for (let k = 0; k < call.channels; k++) table[k] = factor * slopes.scale(sample, k);
            return false;
          }),
      });
    }
  });
  return { groups, gradients };
}
