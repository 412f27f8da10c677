/**
 * The core's memory: the only file that reads or writes it. Copies chunks in and out; holds no data between calls.
 */
import { start } from './backend.js';
import { ARRAYS } from './check/kinds.js';
import { copyShared } from './copy.js';
import { RawWorkspace } from './raw.js';
import { ROWS } from './term.js';

type Raw = InstanceType<typeof RawWorkspace>;
type View = InstanceType<(typeof ARRAYS)[number]>;

/** How many results a run has before those of single samples. */
export const totalsLength = (channels: number, terms: number): number => (ROWS + 2) * channels + terms;

/** How many results a run has, of so many samples in a chunk of many. */
export const resultsLength = (channels: number, terms: number, samples: number): number =>
  totalsLength(channels, terms) + ROWS * channels * samples;

export class Workspace {
  readonly raw: Raw;
  readonly #memory: WebAssembly.Memory;
  #buffer: ArrayBufferLike | undefined;
  #views: View[] = [];
  #floats = new Float32Array(0);
  /**
   * Results of the last run: `ROWS` + 2 rows of one number a channel, then one a term; in a chunk of many samples `ROWS`
   * rows more of each.
   */
  totals = new Float64Array(0);
  #channels = -1;
  #terms = 0;
  #samples = 0;
  /** Entries from plane to plane of a chunk; of no matter where its pixels lie together. */
  stride = 0;
  /** Whether what is copied may lie on shared memory. */
  shared = false;
  /** Views of the slots of the table that were asked for, and of parts of `out` by where they begin: made once. */
  #slots: (Float32Array | undefined)[] = [];
  readonly #outs = new Map<number, Float32Array>();
  /** Positions of the buffers, in entries; of `target` in bytes. */
  #at = { values: 0, target: 0, mask: 0, weight: 0, out: 0, table: 0 };

  constructor() {
    this.#memory = start();
    this.raw = new RawWorkspace();
  }

  /** Makes room, also for so many samples of a chunk of many. Views are renewed when memory grew or buffers moved. */
  reserve(channels: number, terms: number, samples: number): void {
    const same = channels === this.#channels && terms === this.#terms && samples === this.#samples;
    if (same && this.#buffer === this.#memory.buffer) return;
    const { raw } = this;
    this.#channels = channels;
    this.#terms = terms;
    this.#samples = samples;
    raw.reserve(channels, terms, samples);
    this.#at = {
      values: raw.values() / 4,
      target: raw.target(),
      mask: raw.mask() / 4,
      weight: raw.weight() / 4,
      out: raw.out() / 4,
      table: raw.table() / 4,
    };
    this.#renew();
  }

  /** Renews the views that moved or were cut off. */
  #renew(): void {
    const { buffer } = this.#memory;
    const length = resultsLength(this.#channels, this.#terms, this.#samples);
    this.totals = new Float64Array(buffer, this.raw.totals(), length);
    this.#slots = [];
    this.#outs.clear();
    if (this.#buffer === buffer) return;
    this.#buffer = buffer;
    this.#views = ARRAYS.map((Kind) => new Kind(buffer));
    this.#floats = new Float32Array(buffer);
  }

  /** Makes room to hold what a pass leaves of so many chunks; how many there is room for. */
  reserveHeld(chunks: number): number {
    const room = this.raw.reserve_held(chunks);
    if (this.#buffer !== this.#memory.buffer) this.#renew();
    return room;
  }

  /** Room for a row and a column a class. */
  matrix(): Float32Array {
    this.raw.reserve_matrix(this.#channels);
    this.#renew();
    const from = this.raw.matrix() / 4;
    return this.#floats.subarray(from, from + this.#channels ** 2);
  }

  /** Room for the errors of a group that is to be ranked, and for their weights. */
  order(
    length: number,
    weighted: boolean,
  ): { readonly errors: Float32Array; readonly weights: Float32Array } {
    this.raw.reserve_order(length, weighted);
    this.#renew();
    const [errors, weights] = [this.raw.order_errors() / 4, this.raw.order_weights() / 4];
    return {
      errors: this.#floats.subarray(errors, errors + length),
      weights: this.#floats.subarray(weights, weights + (weighted ? length : 0)),
    };
  }

  /** The errors as the last ranking left them. */
  ranked(length: number): Float32Array {
    this.#renew();
    const from = this.raw.order_errors() / 4;
    return this.#floats.subarray(from, from + length);
  }

  /** Table slot `slot`, as it was left, to be written before the run that reads it. */
  table(slot: number): Float32Array {
    const length = ROWS * this.#channels;
    const from = this.#at.table + slot * length;
    return (this.#slots[slot] ??= this.#floats.subarray(from, from + length));
  }

  /** The tables of the samples of a chunk of many, as the run before left them. */
  tables(): Float32Array {
    const length = ROWS * this.#channels;
    const from = this.#at.table + (1 + this.#terms) * length;
    return this.#floats.subarray(from, from + this.#samples * length);
  }

  /** Copies `length` entries of `source` to position `at` of a buffer. */
  load(
    to: 'values' | 'mask' | 'weight',
    at: number,
    source: ArrayLike<number>,
    from: number,
    length: number,
  ): void {
    this.#copy(part(source as Float32Array, from, length), this.#floats, this.#at[to] + at);
  }

  /** The same of a target, whose entries are of the given kind. */
  loadTarget(kind: number, at: number, source: ArrayLike<number>, from: number, length: number): void {
    const view = this.#views[kind] as Float32Array;
    this.#copy(
      part(source as Float32Array, from, length),
      view,
      this.#at.target / view.BYTES_PER_ELEMENT + at,
    );
  }

  /** Copies `length` results from position `at` to `to`. */
  unload(at: number, to: Float32Array, from: number, length: number): void {
    let view = this.#outs.get(at);
    if (view?.length !== length) {
      const start = this.#at.out + at;
      this.#outs.set(at, (view = this.#floats.subarray(start, start + length)));
    }
    this.#copy(view, to, from);
  }

  #copy(from: Float32Array, to: Float32Array, at: number): void {
    if (this.shared) copyShared(from, to, at);
    else to.set(from, at);
  }
}

/** Some entries of an array: itself, where it is all of them. */
const part = (source: Float32Array, from: number, length: number): Float32Array =>
  length === source.length ? source : source.subarray(from, from + length);

let shared: Workspace | undefined;

/** The workspace of this module instance; made at the first call. */
export function workspace(): Workspace {
  return (shared ??= new Workspace());
}

/** Pixels of a tile of so many channels: what the core works on at once. */
export function tilePixels(channels: number): number {
  return sizes(channels).tile;
}

/** Pixels of a full chunk of so many channels. */
export function chunkPixels(channels: number): number {
  return sizes(channels).chunk;
}

/** Entries from plane to plane of a full chunk. */
export function chunkStride(channels: number): number {
  return sizes(channels).stride;
}

let known = { channels: -1, tile: 0, chunk: 0, stride: 0 };

function sizes(channels: number): typeof known {
  if (known.channels === channels) return known;
  start();
  return (known = {
    channels,
    tile: RawWorkspace.tile_pixels(channels),
    chunk: RawWorkspace.chunk_pixels(channels),
    stride: RawWorkspace.chunk_stride(channels),
  });
}
