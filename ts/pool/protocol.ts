/** What a pool and its workers tell each other: plain data. */
import type { Pass } from '../pass.js';
import type { CoreGroup, Data, Fault, GroupGradient, Range, Work } from '../stream.js';
import { ROWS } from '../term.js';

/** A range that starts and ends with a chunk. */
export interface Part extends Range {
  /** The number of its first chunk, counted over the call that was divided. */
  readonly chunk: number;
}

/** The gradient's multipliers of a group, sample after sample. */
interface Multipliers {
  readonly scales: Float64Array;
  /** Of region terms: a table each, and whether it has more than a and b. */
  readonly affine: { readonly tables: Float32Array; readonly curved: Uint8Array } | undefined;
}

/** The first message: the core to run, and the lock that tells of the worker's end. */
export interface Start {
  readonly module: WebAssembly.Module;
  readonly lock: string | undefined;
}

/** Parts of a pass. */
export interface Request {
  readonly call: Data;
  readonly groups: readonly CoreGroup[];
  readonly stages: readonly number[];
  readonly multipliers: readonly Multipliers[] | undefined;
  readonly out: Float32Array | undefined;
  readonly stored: boolean;
  /** Most entries of a part of the call, as `divide` cuts it. */
  readonly entries: number;
  /** Shared by all workers: how many parts are taken. Without it all parts are this worker's. */
  readonly taken: Int32Array | undefined;
  /** For the results of the chunks, where they are wanted. */
  readonly totals: Float64Array | undefined;
  /** Memory to be given back: that of the call's arrays, and of the totals. */
  readonly buffers: readonly ArrayBuffer[];
}

/** In place of it, once, `undefined`: the worker is ready. */
export interface Reply {
  readonly fault: Fault | undefined;
  readonly buffers: readonly ArrayBuffer[];
  /** What went wrong in the worker itself. */
  readonly error: string | undefined;
}

/** More than any call has parts. */
export const ALL = 2 ** 30;

/** The part of a request that is the same for all workers, its call and memory aside. */
export function describe({ groups, stages, stored }: Pass): Pick<Request, 'groups' | 'stages' | 'stored'> {
  const plain = groups.map(({ activation, ignoreIndex, kernels, distances }) => ({
    activation,
    ignoreIndex,
    kernels,
    distances,
  }));
  return { groups: plain, stages, stored };
}

/** The multipliers of some samples, on memory from `allocate`. */
export function multipliersOf(
  { call, groups, gradients }: Pass,
  { sample: first, samples }: Range,
  allocate: (bytes: number) => ArrayBufferLike,
): Multipliers[] | undefined {
  return gradients?.map(({ scales, affine }, at) => {
    const terms = groups[at]?.kernels.length ?? 0;
    const row = ROWS * call.channels;
    const all = new Float64Array(allocate(8 * terms * samples));
    const tables = new Float32Array(allocate(affine ? 4 * row * samples : 0));
    const curved = new Uint8Array(allocate(affine ? samples : 0));
    const { together } = call;
    for (let b = 0; b < samples; b++) if (terms > 0) all.set(scales(first + b), b * terms);
    for (let b = 0; affine && b < samples; b += together) {
      const count = Math.min(together, samples - b);
      curved[b] = Number(affine(first + b, count, tables.subarray(b * row, (b + count) * row)));
    }
    return { scales: all, affine: affine && { tables, curved } };
  });
}

/** The request as the loop over chunks takes it. */
export function workOf({ call, groups, stages, multipliers, out, stored }: Request): Work {
  const row = ROWS * call.channels;
  const gradients = multipliers?.map(({ scales, affine }, at): GroupGradient => {
    const terms = groups[at]?.kernels.length ?? 0;
    return {
      scales: (sample) => scales.subarray(sample * terms, (sample + 1) * terms),
      affine:
        affine &&
        ((sample, samples, table) => {
          table.set(affine.tables.subarray(sample * row, (sample + samples) * row));
          return affine.curved[sample] === 1;
        }),
    };
  });
  return { call, groups, stages, gradients, out, stored };
}
