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

/** One row of a region term: a sample, or the whole batch (sample −1). */
export interface Row {
  readonly sample: number;
  readonly weight: number;
  /** `ROWS` sums, each of one number a channel. */
  readonly sums: Float64Array;
}

export interface PixelSums {
  readonly sum: number;
  readonly divisor: number;
}

/** The sums of one term. */
export type TermSums = PixelSums | { readonly rows: readonly Row[] };

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

function mergeRows(a: readonly Row[], b: readonly Row[]): Row[] {
  const rows = new Map(a.map((row) => [row.sample, row]));
  for (const row of b) {
    const mine = rows.get(row.sample);
    if (mine === undefined) {
      rows.set(row.sample, row);
      continue;
    }
    if (mine.weight !== row.weight) {
      throw new RangeError(
        `"sampleWeights" of the parts of sample ${row.sample} differ: ${mine.weight} and ${row.weight}`,
      );
    }
    const sums = mine.sums.map((sum, i) => sum + (row.sums[i] ?? 0));
    rows.set(row.sample, { ...mine, sums });
  }
  return [...rows.values()].sort((x, y) => x.sample - y.sample);
}

function mergeTerms(a: TermSums, b: TermSums): TermSums {
  if ('rows' in a && 'rows' in b) return { rows: mergeRows(a.rows, b.rows) };
  const [x, y] = [a as PixelSums, b as PixelSums];
  return { sum: x.sum + y.sum, divisor: x.divisor + y.divisor };
}

/** The sums of a term in a few lines: of region sums those that every overlap reads. */
function written(term: TermSums): string {
  if (!('rows' in term)) return `sum ${brief(term.sum)}, divisor ${brief(term.divisor)}`;
  const row = ({ sample, sums }: Row): string => {
    const channels = sums.length / ROWS;
    const parts = SUM_NAMES.slice(0, 3).map(
      (name, i) => `${name} ${first([...sums.subarray(i * channels, (i + 1) * channels)], brief, ' ')}`,
    );
    return `${sample < 0 ? 'batch' : `sample ${sample}`}: ${parts.join(', ')}`;
  };
  return first(term.rows, row, '\n  ');
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
    const terms = this.#terms.map((term, i) => mergeTerms(term, other.#terms[i] as TermSums));
    return new Sums(this.config, this.channels, terms);
  }

  /** Plain data; numbers exact, those that are not finite as strings. */
  toJSON(): unknown {
    const terms = this.#terms.map((term) =>
      'rows' in term
        ? {
            rows: term.rows.map(({ sample, weight, sums }) => ({
              sample,
              weight: write(weight),
              sums: Array.from(sums, write),
            })),
          }
        : { sum: write(term.sum), divisor: write(term.divisor) },
    );
    return { config: this.config, channels: this.channels, terms };
  }

  /** @internal */
  [INSPECT](): string {
    const channels = `${this.channels} channel${this.channels === 1 ? '' : 's'}`;
    return [`Sums of ${callOf(this.config)}, ${channels}`, ...this.#terms.map(written)].join('\n  ');
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
      const rows = term.rows.map((row: Record<string, unknown>): Row => {
        const sums = Float64Array.from(row.sums as unknown[], (x) => read(x, 'sums'));
        if (sums.length !== ROWS * channels) {
          throw new TypeError(`"sums" of Sums expected ${ROWS * channels} numbers, got ${sums.length}`);
        }
        return { sample: read(row.sample, 'sample'), weight: read(row.weight, 'weight'), sums };
      });
      return { rows };
    });
    return new Sums(config as LossConfig, channels, parsed);
  }
}
