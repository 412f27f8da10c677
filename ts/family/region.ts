/**
 * Region losses on the sums of a call: from rows of sums to the value, and to the coefficients of the gradient.
 */
import type { Row } from '../sums.js';
import {
  activationOf,
  type Classes,
  type RegionTerm,
  ROWS,
  type Scored,
  SUM,
  type SumName,
  type Where,
} from '../term.js';

/** The value of a region term and all that hangs on it. */
export interface RegionResult {
  readonly value: number;
  /** Loss by row and kept class (macro) or by row; NaN where skipped. */
  readonly losses: Float64Array;
  /** Loss of each row. */
  readonly perRow: Float64Array;
  /** d value / d sum of row b, sum r of channel k: at (b·ROWS + r)·channels + k. */
  readonly partials: Float64Array;
}

/** The sums of one channel of a row. */
function channelSums(row: Row, channels: number, k: number): Float64Array {
  return Float64Array.from({ length: ROWS }, (_, r) => row.sums[r * channels + k] ?? 0);
}

function pool(all: readonly Float64Array[]): Float64Array {
  return Float64Array.from({ length: ROWS }, (_, r) => all.reduce((sum, one) => sum + (one[r] ?? 0), 0));
}

const NOTHING: Scored = { value: 0, partials: new Float64Array(ROWS) };
const FULL: Scored = { value: 1, partials: new Float64Array(ROWS) };

/** The loss of one group of sums; `undefined`: skipped. */
function scoreGroup(term: RegionTerm, sums: Float64Array, where: Where): Scored | undefined {
  if (term.emptyClass !== 'score' && sums[SUM.g] === 0) {
    if (term.emptyClass === 'skip') return undefined;
    return term.emptyClass === 'zero' ? NOTHING : FULL;
  }
  return term.score(sums, where);
}

/** One loss of a row: what it is, what weight it has in the row, and which channels its partials go to. */
interface Part {
  readonly scored: Scored | undefined;
  readonly weight: number;
  readonly channels: readonly number[];
}

function rowParts(term: RegionTerm, { kept, weights, channels }: Classes, row: Row, empty: boolean): Part[] {
  const sums = kept.map((k) => channelSums(row, channels, k));
  const where = {
    kept,
    weights: kept.map((k) => weights[k] ?? 1),
    empty,
    activation: activationOf(term, channels),
    channels,
    class: -1,
  };
  if (term.average === 'macro') {
    return kept.map((k, i) => ({
      scored: scoreGroup(term, sums[i] as Float64Array, { ...where, class: k }),
      weight: weights[k] ?? 1,
      channels: [k],
    }));
  }
  if (term.average === 'micro') {
    return [{ scored: scoreGroup(term, pool(sums), where), weight: 1, channels: kept }];
  }
  const joined = new Float64Array(ROWS * kept.length);
  sums.forEach((one, i) => {
    joined.set(one, i * ROWS);
  });
  return [{ scored: term.score(joined, where), weight: 1, channels: kept }];
}

/** Each part's share of its row: normalised or raw mean over the parts that are not skipped, or the plain sum. */
function shares(term: RegionTerm, parts: readonly Part[]): number[] {
  const present = parts.filter(({ scored }) => scored !== undefined);
  if (term.reduction === 'sum') return parts.map(({ weight }) => weight);
  const total =
    term.classWeighting === 'raw' ? present.length : present.reduce((sum, { weight }) => sum + weight, 0);
  return parts.map(({ weight }) => (total > 0 ? weight / total : 0));
}

/** 0 times a loss that is no number is 0 only where its share says that it does not count. */
export const times = (share: number, loss: number): number => (share === 0 ? 0 : share * loss);

export function regionResult(term: RegionTerm, classes: Classes, rows: readonly Row[]): RegionResult {
  const { channels, kept } = classes;
  const partials = new Float64Array(rows.length * ROWS * channels);
  // A mean over nothing is 0: no pixel of any row counts.
  const nothing = rows.every((row) => kept.every((k) => row.sums[SUM.n * channels + k] === 0));
  const empty = rows.every(
    (row) => row.weight === 0 || kept.every((k) => row.sums[SUM.g * channels + k] === 0),
  );
  const all = rows.map((row) => rowParts(term, classes, row, empty));
  const perRow = Float64Array.from(all, (parts) => {
    const share = shares(term, parts);
    if (parts.every(({ scored }) => scored === undefined)) return NaN;
    return parts.reduce((sum, { scored }, i) => sum + (scored ? times(share[i] ?? 0, scored.value) : 0), 0);
  });
  const losses = Float64Array.from(all.flat(), ({ scored }) => scored?.value ?? NaN);
  const skipped = all.map((parts) => parts.every(({ scored }) => scored === undefined));
  if (nothing) return { value: 0, losses: losses.fill(0), perRow: perRow.fill(0), partials };
  let total = 0;
  rows.forEach((row, b) => {
    if (!skipped[b]) total += row.weight;
  });
  let value = 0;
  rows.forEach((row, b) => {
    if (skipped[b]) return;
    const rowShare = term.reduction === 'sum' ? row.weight : total > 0 ? row.weight / total : 0;
    value += times(rowShare, perRow[b] ?? 0);
    const parts = all[b] ?? [];
    const share = shares(term, parts);
    parts.forEach((part, i) => {
      addPartials(partials, part, rowShare * (share[i] ?? 0), b, channels);
    });
  });
  return { value, losses, perRow, partials };
}

function addPartials(
  to: Float64Array,
  { scored, channels: own }: Part,
  factor: number,
  b: number,
  channels: number,
): void {
  if (scored === undefined || factor === 0) return;
  const joint = scored.partials.length > ROWS;
  // A NaN sum reaches every pixel of its group, also where no other sum's derivative depends on it.
  const nan = Number.isNaN(scored.value);
  own.forEach((k, i) => {
    for (let r = 0; r < ROWS; r++) {
      const at = (b * ROWS + r) * channels + k;
      const partial = nan ? NaN : (scored.partials[(joint ? i * ROWS : 0) + r] ?? 0);
      to[at] = (to[at] ?? 0) + factor * partial;
    }
  });
}

/**
 * Adds one row's partial derivatives, times `scale`, as the coefficients a…e of the affine gradient
 * ∂L/∂p = a + b g + c p + (p − g)(d g + e (1 − g)).
 */
export function addAffine(
  to: Float64Array,
  partials: Float64Array,
  row: number,
  channels: number,
  scale: number,
): void {
  for (let k = 0; k < channels; k++) {
    const of = (sum: SumName): number => partials[(row * ROWS + SUM[sum]) * channels + k] ?? 0;
    const add = (r: number, x: number): void => {
      to[r * channels + k] = (to[r * channels + k] ?? 0) + scale * x;
    };
    add(0, of('p'));
    add(1, of('tp'));
    add(2, 2 * of('p2'));
    add(3, 2 * of('fgError'));
    add(4, 2 * of('bgError'));
  }
}
