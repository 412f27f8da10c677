/** What a pool and its workers tell each other: plain data. */
import type { Data, Fault, GroupGradient, Kernels, Range, Work } from '../stream.js';

/** The gradient's multipliers of a group, for the samples of a range, in order. */
interface Multipliers {
  readonly scales: readonly (readonly number[])[];
  /** Of region terms: one table a sample, and whether it has more than a and b. */
  readonly tables?: readonly Float32Array[] | undefined;
  readonly curved?: readonly boolean[] | undefined;
}

/** The first message: the core to run, and the lock that tells of the worker's end. */
export interface Start {
  readonly module: WebAssembly.Module;
  readonly lock: string | undefined;
}

/** A range of a pass. */
export interface Request {
  readonly call: Data;
  readonly groups: readonly Kernels[];
  readonly stages: readonly number[];
  readonly multipliers: readonly Multipliers[] | undefined;
  readonly out: Float32Array | undefined;
  readonly stored: boolean;
  readonly range: Range;
  /** How many chunks' results are wanted; 0: none. */
  readonly chunks: number;
  /** Memory that the call's arrays lie on, to be given back. */
  readonly buffer: ArrayBuffer | undefined;
}

/** `undefined` in place of results: the worker is ready. */
export interface Reply {
  /** Each chunk's results, one after the other. */
  readonly totals: Float64Array | undefined;
  readonly fault: Fault | undefined;
  readonly buffer: ArrayBuffer | undefined;
  /** What went wrong in the worker itself. */
  readonly error: string | undefined;
}

/** Of the samples of a range. */
export function multipliersOf(gradient: GroupGradient, range: Range, tableLength: number): Multipliers {
  const samples = Array.from({ length: range.samples }, (_, b) => range.sample + b);
  const scales = samples.map(gradient.scales);
  const { affine } = gradient;
  if (affine === undefined) return { scales };
  const tables = samples.map(() => new Float32Array(tableLength));
  const curved = samples.map((sample, b) => affine(sample, tables[b] as Float32Array));
  return { scales, tables, curved };
}

/** The request as the loop over chunks takes it; `first`: the sample of the first multipliers. */
export function workOf({ call, groups, stages, multipliers, out, stored, range }: Request): Work {
  const gradients = multipliers?.map(({ scales, tables, curved }): GroupGradient => ({
    scales: (sample) => scales[sample - range.sample] ?? [],
    affine:
      tables &&
      ((sample, table) => {
        table.set(tables[sample - range.sample] as Float32Array);
        return curved?.[sample - range.sample] ?? true;
      }),
  }));
  return { call, groups, stages, gradients, out, stored };
}
