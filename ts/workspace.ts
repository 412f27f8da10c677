/**
 * The core's memory: the only file that reads or writes it. Copies tiles in and out; holds no data between calls.
 */
import { start } from './backend.js';
import { RawWorkspace } from './raw.js';
import { ROWS } from './term.js';

type Raw = InstanceType<typeof RawWorkspace>;
type View =
  Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** The typed array each entry kind of the core is staged through. */
const STAGES = [Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array];

export class Workspace {
  readonly raw: Raw;
  readonly #memory: WebAssembly.Memory;
  #buffer: ArrayBufferLike | undefined;
  #stages: View[] = [];
  #floats = new Float32Array(0);
  #doubles = new Float64Array(0);
  #channels = 0;
  #slots = 0;
  /** Floats between two planes. */
  stride = 0;
  /** Pixels of a full tile. */
  tilePixels = 0;
  /** Positions, in floats, of the planes. */
  #at = {
    values: 0,
    act: 0,
    aux: 0,
    grad: 0,
    target: 0,
    mask: 0,
    weight: 0,
    staging: 0,
    table: 0,
    totals: 0,
  };

  constructor() {
    this.#memory = start();
    this.raw = new RawWorkspace();
  }

  /** Makes room; views are renewed when memory grew, positions when buffers moved. */
  reserve(channels: number, slots: number): void {
    if (channels === this.#channels && slots <= this.#slots && this.#buffer === this.#memory.buffer) return;
    const { raw } = this;
    this.#slots = channels === this.#channels ? Math.max(slots, this.#slots) : slots;
    this.#channels = channels;
    raw.reserve(channels, this.#slots);
    this.stride = RawWorkspace.stride(channels);
    this.tilePixels = RawWorkspace.tile_pixels(channels);
    this.#at = {
      values: raw.values() / 4,
      act: raw.act() / 4,
      aux: raw.aux() / 4,
      grad: raw.grad() / 4,
      target: raw.target() / 4,
      mask: raw.mask() / 4,
      weight: raw.weight() / 4,
      staging: raw.staging(),
      table: raw.table() / 4,
      totals: raw.totals() / 8,
    };
    if (this.#buffer === this.#memory.buffer) return;
    this.#buffer = this.#memory.buffer;
    const buffer = this.#memory.buffer;
    this.#stages = STAGES.map((Stage) => new Stage(buffer));
    this.#floats = new Float32Array(buffer);
    this.#doubles = new Float64Array(buffer);
  }

  /** The core's results: `ROWS` rows of one number a channel. */
  total(row: number, channel: number): number {
    return this.#doubles[this.#at.totals + row * this.#channels + channel] ?? NaN;
  }

  /** Table slot `slot`, to be written before the kernels that read it. */
  table(slot: number): Float32Array {
    const length = ROWS * this.#channels;
    const from = this.#at.table + slot * length;
    return this.#floats.subarray(from, from + length);
  }

  /** Copies `length` entries from `from` into plane `channel` of a buffer. */
  load(
    to: 'values' | 'act' | 'aux' | 'target' | 'mask' | 'weight',
    channel: number,
    source: ArrayLike<number>,
    from: number,
    length: number,
  ): void {
    const part = (source as Float32Array).subarray(from, from + length);
    this.#floats.set(part, this.#at[to] + channel * this.stride);
  }

  /** Copies entries as they are, of the given kind, to `offset` entries into the staging area. */
  stage(kind: number, source: ArrayLike<number>, from: number, length: number, offset = 0): void {
    const view = this.#stages[kind] as Float32Array;
    view.set(
      (source as Float32Array).subarray(from, from + length),
      this.#at.staging / view.BYTES_PER_ELEMENT + offset,
    );
  }

  /** Copies plane `channel` of a buffer out. */
  unload(from: 'act' | 'grad', channel: number, to: Float32Array, at: number, length: number): void {
    const start = this.#at[from] + channel * this.stride;
    to.set(this.#floats.subarray(start, start + length), at);
  }

  /** Copies `length` staged floats out. */
  unstage(to: Float32Array, at: number, length: number): void {
    const start = this.#at.staging / 4;
    to.set(this.#floats.subarray(start, start + length), at);
  }
}

let shared: Workspace | undefined;

/** The workspace of this module instance; made at the first call. */
export function workspace(): Workspace {
  return (shared ??= new Workspace());
}
