/** What a call does with a loss's terms: which passes they share, and the sums each is given. */
import type { CheckedCall } from './check/call.js';
import { classesOf } from './check/classes.js';
import type { RegionResult } from './family/region.js';
import { type Group, type GroupSums, type Member, sumsPass } from './stream.js';
import type { PixelSums, Row, TermSums } from './sums.js';
import { activationOf, type PixelTerm, type RegionTerm, ROWS, type Term, type WeightedTerm } from './term.js';

/** Sample number of the one row of a loss over the batch. */
const BATCH = -1;

/** A loss's terms on the channels of a call. */
export interface Plan {
  readonly groups: readonly Group[];
  readonly members: readonly Member<Term>[];
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

export function makePlan(terms: readonly WeightedTerm[], channels: number): Plan {
  const members = terms.map(({ term }, index) => ({ term, classes: classesOf(term, channels), index }));
  const groups = new Map<string, Member<Term>[]>();
  for (const member of members) {
    const { term } = member;
    if (term.family === 'whole') continue;
    // A matrix of distances takes the place of the common sums.
    const own = term.family === 'region' && term.distances !== undefined ? member.index : '';
    const key = `${activationOf(term, channels)} ${term.ignoreIndex} ${own}`;
    groups.set(key, [...(groups.get(key) ?? []), member]);
  }
  return {
    members,
    groups: [...groups.values()].map((group) => ({
      activation: activationOf((group[0] as Member<Term>).term, channels),
      ignoreIndex: group[0]?.term.ignoreIndex,
      pixel: group.filter((m): m is Member<PixelTerm> => m.term.family === 'pixel'),
      region: group.filter((m): m is Member<RegionTerm> => m.term.family === 'region'),
      distances: group[0]?.term.family === 'region' ? group[0].term.distances : undefined,
    })),
  };
}

/** Pass 1 of every group. */
export function accumulate(checked: CheckedCall, plan: Plan): TermSums[] {
  return termSums(
    checked,
    plan,
    plan.groups.map((group) => sumsPass(checked, group)),
  );
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
  const weight = (b: number): number => checked.sampleWeights?.[b] ?? 1;
  if (term.aggregate === 'sample') {
    return rows.map((sums, b) => ({ sample: checked.firstSample + b, weight: weight(b), sums }));
  }
  const sums = new Float64Array(ROWS * checked.channels);
  rows.forEach((row, b) => {
    const v = weight(b);
    // A sample of weight 0 is out, whatever it holds.
    if (v !== 0) row.forEach((x, i) => (sums[i] = (sums[i] ?? 0) + v * x));
  });
  return [{ sample: BATCH, weight: 1, sums }];
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
