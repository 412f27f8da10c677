/**
 * Region losses on the sums of a call: from rows of sums to the value, and to the coefficients of the gradient.
 */
import type { Rows } from '../sums.js';
import { activationOf, type Classes, type RegionTerm, ROWS, type Where } from '../term.js';

const G = 2;
const N = 7;

/** The sums that every loss may read: tp, p, g and n. */
const FEW = [0, 1, 2, 7];
const ALL = Array.from({ length: ROWS }, (_, r) => r);

/** What rows that are scored in several runs have in common. */
export interface Standing {
  /** Of the rows so far. */
  value: number;
  /** Whether no pixel counted so far. */
  nothing: boolean;
  /** The weight of all rows, where no row may be left out. */
  readonly total: number | undefined;
}

/** The value of a region term and all that hangs on it. */
export interface RegionResult {
  readonly value: number;
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

/** One loss of a row, with room for its numbers. */
interface Part {
  readonly where: Where & { empty: boolean };
  /** What weight it has in the row. */
  readonly weight: number;
  /** The channels it is of. */
  readonly channels: readonly number[];
  /** Its sums: those of its channels together, or one after another where they are joint. */
  readonly sums: Float64Array;
  readonly partials: Float64Array;
  value: number;
  skipped: boolean;
}

/** 0 times a loss that is no number is 0 only where its share says that it does not count. */
const times = (share: number, loss: number): number => (share === 0 ? 0 : share * loss);

/** A region term on so many channels. Made once, since its room serves every row. */
export class Scorer {
  /** Coefficients of the affine gradient. */
  readonly width: number;
  readonly #term: RegionTerm;
  readonly #classes: Classes;
  readonly #joint: boolean;
  readonly #read: readonly number[];
  readonly #parts: readonly Part[];

  constructor(term: RegionTerm, classes: Classes) {
    const { kept, weights, channels } = classes;
    this.#term = term;
    this.#classes = classes;
    this.#joint = term.average === 'joint';
    this.#read = term.allSums ? ALL : FEW;
    this.width = term.allSums ? 5 : 2;
    const activation = activationOf(term, channels);
    const part = (own: readonly number[], weight: number, k: number): Part => {
      const size = ROWS * (this.#joint ? own.length : 1);
      return {
        where: {
          kept,
          weights: kept.map((i) => weights[i] ?? 1),
          empty: false,
          activation,
          channels,
          class: k,
        },
        weight,
        channels: own,
        sums: new Float64Array(size),
        partials: new Float64Array(size),
        value: NaN,
        skipped: false,
      };
    };
    this.#parts =
      term.average === 'macro' ? kept.map((k) => part([k], weights[k] ?? 1, k)) : [part(kept, 1, -1)];
  }

  /** Scores rows. `standing`: what the rows before came to. */
  run(rows: Rows, standing: Standing = { value: 0, nothing: true, total: undefined }): RegionResult {
    const count = rows.weights.length;
    const losses = new Float64Array(count * this.#parts.length);
    const perRow = new Float64Array(count);
    const shares = new Float64Array(count);
    const affine = new Float64Array(count * this.width * this.#classes.channels);
    if (this.#term.readsBatch) this.#tellEmpty(rows);
    let total = 0;
    for (let b = 0; b < count; b++) {
      standing.nothing &&= this.#holdsNone(rows.sums, b, N);
      const loss = this.#row(rows.sums, b, losses, affine);
      perRow[b] = loss ?? NaN;
      shares[b] = loss === undefined ? 0 : (rows.weights[b] ?? 1);
      total += shares[b] ?? 0;
    }
    total = standing.total ?? total;
    const mean = this.#term.reduction === 'mean';
    for (let b = 0; b < count; b++) {
      const weight = shares[b] ?? 0;
      const share = mean ? (total > 0 ? weight / total : 0) : weight;
      shares[b] = share;
      standing.value += times(share, perRow[b] ?? 0);
    }
    if (!standing.nothing) return { value: standing.value, losses, perRow, shares, affine };
    // A mean over nothing is 0: no pixel of any row counts.
    for (const numbers of [losses, perRow, shares]) numbers.fill(0);
    return { value: (standing.value = 0), losses, perRow, shares, affine };
  }

  /** Whether a sum is 0 in all kept classes of a row. */
  #holdsNone(sums: Float64Array, b: number, r: number): boolean {
    const { kept, channels } = this.#classes;
    return kept.every((k) => sums[(b * ROWS + r) * channels + k] === 0);
  }

  #tellEmpty(rows: Rows): void {
    let empty = true;
    for (let b = 0; b < rows.weights.length; b++) {
      empty &&= rows.weights[b] === 0 || this.#holdsNone(rows.sums, b, G);
    }
    for (const { where } of this.#parts) where.empty = empty;
  }

  /** The loss of a row, `undefined` where every part is skipped. */
  #row(sums: Float64Array, b: number, losses: Float64Array, affine: Float64Array): number | undefined {
    const { reduction, classWeighting } = this.#term;
    let present = 0;
    let weights = 0;
    this.#parts.forEach((part, i) => {
      this.#gather(part, sums, b);
      this.#score(part);
      losses[b * this.#parts.length + i] = part.value;
      if (part.skipped) return;
      present++;
      weights += part.weight;
    });
    if (present === 0) return undefined;
    const total = reduction === 'sum' ? 1 : classWeighting === 'raw' ? present : weights;
    let loss = 0;
    for (const part of this.#parts) {
      if (part.skipped || total <= 0) continue;
      const share = part.weight / total;
      if (share === 0) continue;
      loss += share * part.value;
      this.#slope(part, share, b, affine);
    }
    return loss;
  }

  #gather({ channels: own, sums: to }: Part, from: Float64Array, b: number): void {
    const { channels } = this.#classes;
    for (const r of this.#read) {
      const row = (b * ROWS + r) * channels;
      let sum = 0;
      for (let i = 0; i < own.length; i++) {
        const x = from[row + (own[i] ?? 0)] ?? NaN;
        if (this.#joint) to[i * ROWS + r] = x;
        else sum += x;
      }
      if (!this.#joint) to[r] = sum;
    }
  }

  #score(part: Part): void {
    const { emptyClass } = this.#term;
    const empty = emptyClass !== 'score' && !this.#joint && part.sums[G] === 0;
    part.skipped = empty && emptyClass === 'skip';
    if (!empty) {
      part.value = this.#term.score(part.sums, part.partials, part.where);
      return;
    }
    part.value = part.skipped ? NaN : emptyClass === 'zero' ? 0 : 1;
    part.partials.fill(0);
  }

  /** The coefficients of a part's gradient. */
  #slope({ channels: own, partials, value }: Part, share: number, b: number, affine: Float64Array): void {
    const { channels } = this.#classes;
    // A NaN sum reaches every pixel of its group, also where no other sum's derivative depends on it.
    const factor = Number.isNaN(value) ? NaN : share;
    for (let i = 0; i < own.length; i++) {
      const from = this.#joint ? i * ROWS : 0;
      const at = b * this.width * channels + (own[i] ?? 0);
      affine[at] = factor * (partials[from + 1] ?? 0);
      affine[at + channels] = factor * (partials[from] ?? 0);
      if (this.width === 2) continue;
      affine[at + 2 * channels] = factor * 2 * (partials[from + 3] ?? 0);
      affine[at + 3 * channels] = factor * 2 * (partials[from + 5] ?? 0);
      affine[at + 4 * channels] = factor * 2 * (partials[from + 6] ?? 0);
    }
  }
}
