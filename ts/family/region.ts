/**
 * Region losses on the sums of a call: from rows of sums to the value, and to the coefficients of the gradient.
 */
import { activationOf, type Classes, type RegionTerm, ROWS, SUM, type Where } from '../term.js';

const G = SUM.g;
const N = SUM.n;

/** The loss of a class whose target is empty. */
const EMPTY = { skip: NaN, zero: 0, one: 1 };

/** The value of a region term and all that hangs on it. */
export interface RegionResult {
  /** Of all rows so far, by the formula. */
  value: number;
  /** Whether no pixel counted so far: then the loss is 0, a mean over nothing. */
  nothing: boolean;
  /** The number of the first row of the last run. */
  first: number;
  /** Loss by row and kept class (macro) or by row; NaN where skipped. */
  readonly losses: Float64Array;
  /** Loss of each row. */
  readonly perRow: Float64Array;
  /** What each row counts in the value. */
  readonly shares: Float64Array;
  /**
   * Coefficients a, b (and c, d, e where the loss reads all sums) of the affine gradient of each row's loss,
   * ∂L/∂p = a + b g + c p + (p − g)(d g + e (1 − g)): that of channel k at (row · `width` + coefficient) · channels + k.
   */
  readonly affine: Float64Array;
}

/** One loss of a row: what weight it has there, and the channels it is of. */
interface Part {
  readonly weight: number;
  readonly channels: readonly number[];
  readonly where: Where & { empty: boolean };
}

/** 0 times a loss that is no number is 0 only where its share says that it does not count. */
export const times = (share: number, loss: number): number => (share === 0 ? 0 : share * loss);

/** A region term on so many channels, with room for the numbers of one of its losses. */
export class Scorer {
  /** Coefficients of the affine gradient. */
  readonly width: number;
  readonly #term: RegionTerm;
  readonly #classes: Classes;
  readonly #joint: boolean;
  readonly #parts: readonly Part[];
  /** What shares in a row are parts of, where no part is left out. */
  readonly #total: number;
  readonly #sums: Float64Array;
  readonly #partials: Float64Array;
  #tile: RegionResult | undefined;

  constructor(term: RegionTerm, classes: Classes) {
    const { kept, weights, channels } = classes;
    this.#term = term;
    this.#classes = classes;
    this.#joint = term.average === 'joint';
    this.width = term.allSums ? 5 : 2;
    const activation = activationOf(term, channels);
    const common = { kept, weights: kept.map((k) => weights[k] ?? 1), empty: false, activation, channels };
    this.#parts =
      term.average === 'macro'
        ? kept.map((k) => ({ weight: weights[k] ?? 1, channels: [k], where: { ...common, class: k } }))
        : [{ weight: 1, channels: kept, where: { ...common, class: -1 } }];
    this.#total = this.#totalOf(this.#parts);
    this.#sums = new Float64Array(ROWS * (this.#joint ? kept.length : 1));
    this.#partials = new Float64Array(this.#sums.length);
  }

  #totalOf(parts: readonly Part[]): number {
    const { reduction, classWeighting } = this.#term;
    if (reduction === 'sum') return 1;
    return classWeighting === 'raw' ? parts.length : parts.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** Room for the results of so many rows. */
  room(rows: number): RegionResult {
    return {
      value: 0,
      nothing: true,
      first: 0,
      losses: new Float64Array(rows * this.#parts.length),
      perRow: new Float64Array(rows),
      shares: new Float64Array(rows),
      affine: new Float64Array(rows * this.width * this.#classes.channels),
    };
  }

  /** Room for the results of so many rows at a time: the same again, so that small calls allocate nothing. */
  tile(rows: number): RegionResult {
    if (this.#tile === undefined || this.#tile.perRow.length < rows) this.#tile = this.room(rows);
    this.#tile.value = 0;
    this.#tile.nothing = true;
    return this.#tile;
  }

  /**
   * Scores so many rows into `result`, which may hold what the rows before came to. `weights`: of all rows, these begin at
   * `first`; `total`: of all rows, where none may be left out.
   */
  run(
    sums: Float64Array,
    rows: number,
    weights: ArrayLike<number> | undefined,
    result: RegionResult,
    first = 0,
    total?: number,
  ): RegionResult {
    const { losses, perRow, shares } = result;
    result.first = first;
    if (this.#term.readsBatch) this.#tellEmpty(sums, rows, weights);
    for (let b = 0; result.nothing && b < rows; b++) result.nothing = this.#holdsNone(sums, b, N);
    this.#totals(sums, rows, shares);
    perRow.fill(0, 0, rows);
    this.#parts.forEach((part, i) => {
      this.#score(part, i, sums, rows, result);
    });
    let own = 0;
    for (let b = 0; b < rows; b++) {
      // Here every part is left out.
      if (Number.isNaN(shares[b])) perRow[b] = NaN;
      const weight = Number.isNaN(shares[b]) ? 0 : (weights?.[first + b] ?? 1);
      shares[b] = weight;
      own += weight;
    }
    const by = this.#term.reduction === 'mean' ? (total ?? own) : 1;
    for (let b = 0; b < rows; b++) {
      const share = by > 0 ? shares[b]! / by : 0;
      shares[b] = share;
      result.value += times(share, perRow[b]!);
    }
    if (result.nothing) for (const numbers of [losses, perRow, shares]) numbers.fill(0);
    return result;
  }

  /** What the parts of each row are shares of; NaN where every part is left out. */
  #totals(sums: Float64Array, rows: number, totals: Float64Array): void {
    if (this.#parts.length === 0) totals.fill(NaN);
    else if (this.#term.emptyClass !== 'skip' || this.#joint) totals.fill(this.#total, 0, rows);
    else {
      for (let b = 0; b < rows; b++) {
        const present = this.#parts.filter((part) => this.#mass(part, sums, b) !== 0);
        totals[b] = present.length > 0 ? this.#totalOf(present) : NaN;
      }
    }
  }

  /** Whether a sum is 0 in all kept classes of a row. */
  #holdsNone(sums: Float64Array, b: number, r: number): boolean {
    const { kept, channels } = this.#classes;
    return kept.every((k) => sums[(b * ROWS + r) * channels + k] === 0);
  }

  #tellEmpty(sums: Float64Array, rows: number, weights: ArrayLike<number> | undefined): void {
    let empty = true;
    for (let b = 0; b < rows; b++) empty &&= weights?.[b] === 0 || this.#holdsNone(sums, b, G);
    for (const { where } of this.#parts) where.empty = empty;
  }

  /** Adds the losses of part `i` to those of the rows. */
  #score(part: Part, i: number, sums: Float64Array, rows: number, result: RegionResult): void {
    const { losses, perRow, shares, affine } = result;
    const { emptyClass, score } = this.#term;
    const own = this.#sums;
    const partials = this.#partials;
    const parts = this.#parts.length;
    const asked = emptyClass !== 'score' && !this.#joint;
    for (let b = 0; b < rows; b++) {
      this.#gather(part, sums, b);
      const empty = asked && own[G] === 0;
      const value = empty ? EMPTY[emptyClass] : score(own, partials, part.where);
      losses[b * parts + i] = value;
      const total = shares[b]!;
      const share = total > 0 && !(empty && emptyClass === 'skip') ? part.weight / total : 0;
      perRow[b]! += times(share, value);
      this.#slope(part, value, empty ? 0 : share, b, affine);
    }
  }

  #mass({ channels: own }: Part, sums: Float64Array, b: number): number {
    const { channels } = this.#classes;
    return own.reduce((sum, k) => sum + (sums[(b * ROWS + G) * channels + k] ?? NaN), 0);
  }

  /** The sums of a part: of its one class, of its classes together, or one after another. */
  #gather({ channels: own }: Part, from: Float64Array, b: number): void {
    const to = this.#sums;
    const { channels } = this.#classes;
    const row = b * ROWS * channels;
    const few = !this.#term.allSums;
    const first = row + own[0]!;
    // Unrolled: a loop over what is read takes three times as long.
    to[0] = from[first]!;
    to[1] = from[first + channels]!;
    to[2] = from[first + 2 * channels]!;
    to[7] = from[first + 7 * channels]!;
    if (!few) for (let r = 3; r < 7; r++) to[r] = from[first + r * channels]!;
    for (let i = 1; i < own.length; i++) {
      for (let r = 0; r < ROWS; r++) {
        const x = from[row + r * channels + own[i]!]!;
        if (this.#joint) to[i * ROWS + r] = x;
        else if (!few || r < 3 || r === 7) to[r]! += x;
      }
    }
  }

  /** The coefficients of a part's gradient. */
  #slope({ channels: own }: Part, value: number, share: number, b: number, affine: Float64Array): void {
    const partials = this.#partials;
    if (share === 0) partials.fill(0);
    // A NaN sum reaches every pixel of its group, also where no other sum's derivative depends on it.
    const factor = share !== 0 && value !== value ? NaN : share;
    const { channels } = this.#classes;
    const row = b * this.width * channels;
    const few = this.width === 2;
    for (let i = 0; i < own.length; i++) {
      const from = this.#joint ? i * ROWS : 0;
      const at = row + own[i]!;
      affine[at] = factor * partials[from + 1]!;
      affine[at + channels] = factor * partials[from]!;
      if (few) continue;
      affine[at + 2 * channels] = factor * 2 * partials[from + 3]!;
      affine[at + 3 * channels] = factor * 2 * partials[from + 5]!;
      affine[at + 4 * channels] = factor * 2 * partials[from + 6]!;
    }
  }
}
