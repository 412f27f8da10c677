/**
 * Phase 1 of a loss as a value: a few numbers that add over pixels, samples, workers and machines.
 *
 * @module
 */
import { checkNames } from './check/nearest.js';
import { show } from './check/options.js';
import { brief, callOf, first, INSPECT } from './inspect.js';
import { ROWS, SUM_NAMES } from './term.js';
import type { LossConfig } from './types.js';

/** Rows of a region term: each is of a sample, or of the whole batch (sample −1). */
export interface Rows {
  /** The sample of each row, ascending. */
  readonly samples: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
  /** Of each row `ROWS` sums, each of one number a channel. */
  readonly sums: Float64Array;
}

export interface PixelSums {
  readonly sum: number;
  readonly divisor: number;
}

/** The sums of one term. */
export type TermSums = PixelSums | Rows;

/** A number as JSON can hold it. */
type Written = number | string;

function write(x: number): Written {
  return Number.isFinite(x) && !Object.is(x, -0) ? x : Object.is(x, -0) ? '-0' : String(x);
}

function read(x: unknown, name: string): number {
  if (typeof x === 'number') return x;
  if (x === 'NaN' || x === 'Infinity' || x === '-Infinity' || x === '-0') return Number(x);
  throw new TypeError(`"${name}" of Sums expected a number, got ${show(x)}`);
}

/** The configuration as text, whatever the order of its keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`;
}

function mergeRows(a: Rows, b: Rows, size: number): Rows {
  const samples = [...new Set([...Array.from(a.samples), ...Array.from(b.samples)])].sort((x, y) => x - y);
  const positions = new Map(samples.map((sample, position) => [sample, position]));
  const weights = new Array<number | undefined>(samples.length).fill(undefined);
  const sums = new Float64Array(samples.length * size);
  for (const rows of [a, b]) {
    for (let from = 0; from < rows.samples.length; from++) {
      const sample = rows.samples[from] ?? NaN;
      const weight = rows.weights[from] ?? NaN;
      const to = positions.get(sample) ?? NaN;
      const other = (weights[to] ??= weight);
      if (other !== weight) {
        throw new RangeError(
          `"sampleWeights" of the parts of sample ${sample} differ: ${other} and ${weight}`,
        );
      }
      for (let i = 0; i < size; i++) sums[to * size + i]! += rows.sums[from * size + i]!;
    }
  }
  return { samples, weights: weights as number[], sums };
}

function mergeTerms(a: TermSums, b: TermSums, channels: number): TermSums {
  if ('samples' in a && 'samples' in b) return mergeRows(a, b, ROWS * channels);
  const [x, y] = [a as PixelSums, b as PixelSums];
  return { sum: x.sum + y.sum, divisor: x.divisor + y.divisor };
}

/** The sums of a term in a few lines: of region sums those that every overlap reads. */
function written(term: TermSums, channels: number): string {
  if (!('samples' in term)) return `sum ${brief(term.sum)}, divisor ${brief(term.divisor)}`;
  const row = (sample: number, b: number): string => {
    const parts = SUM_NAMES.slice(0, 3).map((name, r) => {
      const from = (b * ROWS + r) * channels;
      return `${name} ${first([...term.sums.subarray(from, from + channels)], brief, ' ')}`;
    });
    return `${sample < 0 ? 'batch' : `sample ${sample}`}: ${parts.join(', ')}`;
  };
  return first(Array.from(term.samples), row, '\n  ');
}

/**
 * The sums of a loss over part of the data, from `loss.accumulate`.
 *
 * Formula: per (sample, class) Σw p g, Σw p, Σw g, … of a region loss, Σ and divisor of a pixel loss, in f64. They add:
 * `merge` in any order gives the sums of the whole, and `loss.valueFrom` of them the loss of the whole.
 * Errors: `Error` for sums of another loss or another number of channels; `TypeError` for JSON that is no Sums.
 *
 * @example
 * ```ts
 * import { diceLoss, Sums } from 'segloss';
 *
 * const loss = diceLoss({ aggregate: 'batch' });
 * const logits = new Float32Array([2, -1, 3, -2]);
 * const mask = new Uint8Array([1, 0, 1, 0]);
 * const left = loss.accumulate(logits.subarray(0, 2), mask.subarray(0, 2), { shape: [1, 1, 2] });
 * const right = loss.accumulate(logits.subarray(2), mask.subarray(2), { shape: [1, 1, 2], sample: 1 });
 * const text = JSON.stringify(left.merge(right));
 * const whole = loss.value(logits, mask, { shape: [2, 1, 2] });
 * Math.abs(loss.valueFrom(Sums.from(JSON.parse(text))) - whole) < 1e-9; // => true
 * ```
 */
export class Sums {
  /** The loss these are the sums of. */
  readonly config: LossConfig;
  readonly channels: number;
  readonly #terms: readonly TermSums[];

  /** @internal */
  constructor(config: LossConfig, channels: number, terms: readonly TermSums[]) {
    this.config = config;
    this.channels = channels;
    this.#terms = terms;
  }

  /** @internal The sums of each term, in order. */
  get terms(): readonly TermSums[] {
    return this.#terms;
  }

  /** @internal Throws unless these are of that loss, and of so many channels. */
  expect(config: LossConfig, channels = this.channels): void {
    const [found, wanted] = [canonical(this.config), canonical(config)];
    if (found !== wanted) throw new Error(`these are the sums of another loss: ${found}, not ${wanted}`);
    if (this.channels !== channels) {
      throw new Error(`these are the sums of ${this.channels} channels, not ${channels}`);
    }
  }

  /** The sums of both parts together; neither operand changes. */
  merge(other: Sums): Sums {
    if (!(other instanceof Sums)) throw new TypeError(`"other" expected Sums, got ${show(other)}`);
    other.expect(this.config, this.channels);
    const terms = this.#terms.map((term, i) => mergeTerms(term, other.#terms[i] as TermSums, this.channels));
    return new Sums(this.config, this.channels, terms);
  }

  /** Plain data; numbers exact, those that are not finite as strings. */
  toJSON(): unknown {
    const size = ROWS * this.channels;
    const terms = this.#terms.map((term) =>
      'samples' in term
        ? {
            rows: Array.from(term.samples, (sample, b) => ({
              sample,
              weight: write(term.weights[b] ?? NaN),
              sums: Array.from(term.sums.subarray(b * size, (b + 1) * size), write),
            })),
          }
        : { sum: write(term.sum), divisor: write(term.divisor) },
    );
    return { config: this.config, channels: this.channels, terms };
  }

  /** @internal */
  [INSPECT](): string {
    const channels = `${this.channels} channel${this.channels === 1 ? '' : 's'}`;
    return [
      `Sums of ${callOf(this.config)}, ${channels}`,
      ...this.#terms.map((term) => written(term, this.channels)),
    ].join('\n  ');
  }

  /** The sums whose `toJSON` gave this. */
  static from(json: unknown): Sums {
    const { config, channels, terms } = (json ?? {}) as Record<string, unknown>;
    if (typeof json !== 'object' || typeof channels !== 'number' || !Array.isArray(terms) || !config) {
      throw new TypeError(`Sums.from expected what JSON.parse gives of written Sums, got ${show(json)}`);
    }
    checkNames(json as object, ['config', 'channels', 'terms'], 'Sums');
    const parsed = terms.map((term: Record<string, unknown>): TermSums => {
      if (!Array.isArray(term.rows)) {
        return { sum: read(term.sum, 'sum'), divisor: read(term.divisor, 'divisor') };
      }
      const rows = term.rows as Record<string, unknown>[];
      const size = ROWS * channels;
      const sums = new Float64Array(rows.length * size);
      rows.forEach((row, b) => {
        const own = Float64Array.from(row.sums as unknown[], (x) => read(x, 'sums'));
        if (own.length !== size) {
          throw new TypeError(`"sums" of Sums expected ${size} numbers, got ${own.length}`);
        }
        sums.set(own, b * size);
      });
      return {
        samples: rows.map(({ sample }) => read(sample, 'sample')),
        weights: rows.map(({ weight }) => read(weight, 'weight')),
        sums,
      };
    });
    return new Sums(config as LossConfig, channels, parsed);
  }
}
