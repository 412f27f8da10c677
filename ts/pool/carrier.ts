/** How a call is divided, and what brings the parts to the workers. */
import type { Pass } from '../pass.js';
import { chunkStep, type CoreGroup, type Data, type Fault } from '../stream.js';
import { typeName } from '../check/call.js';
import { FLOAT, KINDS } from '../check/kinds.js';
import { resultsLength } from '../workspace.js';
import type { Part, Reply, Request } from './protocol.js';

/** A pass on its way: so many deliveries, to any workers. */
export interface Shipment {
  readonly deliveries: number;
  /** The results of all chunks, in order, when all deliveries are back. */
  readonly totals: Float64Array | undefined;
  send(delivery: number): { readonly request: Request; readonly transfer: readonly ArrayBuffer[] };
  /** What came back; `use`: it is wanted. Gives the fault in the caller's terms. */
  receive(delivery: number, reply: Reply, use: boolean): Fault | undefined;
  /** No part is to be begun any more. */
  stop(): void;
  /** All is done. */
  finish(): void;
}

/** Ships the passes of one call. */
export interface Carrier {
  ship(pass: Pass): Shipment;
  /** The call is over, whatever came of it. */
  end(): void;
}

/** How many chunks some samples of a call are, of each so many pixels. */
export const chunksOf = (call: Data, { samples, pixels }: Pick<Data, 'samples' | 'pixels'>): number =>
  call.together > 1 ? Math.ceil(samples / call.together) : samples * Math.ceil(pixels / chunkStep(call));

/** How many results each chunk has. */
export const lengthOf = ({ channels, together }: Data, [group]: readonly CoreGroup[]): number =>
  resultsLength(channels, group?.kernels.length ?? 0, together > 1 ? together : 0);

/** The parts of a call, in order. */
export interface Parts {
  readonly count: number;
  readonly at: (index: number) => Part;
}

/**
 * Cuts a call at the bounds of chunks, into parts of so many entries of the prediction at the most, or one chunk. A
 * part is some pixels of one sample, or all pixels of some samples.
 */
export function divide(call: Data, entries: number): Parts {
  const { samples, channels, pixels, together } = call;
  const size = chunkStep(call);
  const ofSample = Math.ceil(pixels / size);
  const chunks = Math.max(1, Math.floor(entries / (Math.min(size, together * pixels) * channels)));
  if (chunks >= ofSample) {
    const step = together * Math.min(Math.floor(chunks / ofSample), Math.ceil(samples / together));
    const at = (index: number): Part => {
      const sample = index * step;
      const chunk = chunksOf(call, { samples: sample, pixels });
      return { sample, samples: Math.min(step, samples - sample), start: 0, pixels, chunk };
    };
    return { count: Math.ceil(samples / step), at };
  }
  const step = chunks * size;
  const inSample = Math.ceil(pixels / step);
  const at = (index: number): Part => {
    const [sample, start] = [Math.floor(index / inSample), (index % inSample) * step];
    const chunk = sample * ofSample + start / size;
    return { sample, samples: 1, start, pixels: Math.min(step, pixels - start), chunk };
  };
  return { count: samples * inSample, at };
}

/** What workers need of a call, with other arrays. */
export function dataOf(call: Data, arrays: Partial<Data>): Data {
  const { samples, channels, pixels, run, together, pred, target, kind, dense } = call;
  const { mask, pixelWeights, elementWeights } = call;
  const own = {
    samples,
    channels,
    pixels,
    run,
    together,
    pred,
    target,
    kind,
    dense,
    mask,
    pixelWeights,
    elementWeights,
  };
  return { ...own, ...arrays };
}

/** The code of the array that holds such entries in the core. */
export const codeOf = (array: ArrayLike<number>): number => KINDS[typeName(array)] ?? FLOAT;
