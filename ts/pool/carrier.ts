/** How a call is divided, and what brings the parts to the workers. */
import type { Pass } from '../pass.js';
import type { Data, Fault, Range } from '../stream.js';
import { typeName } from '../check/call.js';
import { FLOAT, KINDS } from '../check/kinds.js';
import { chunkPixels } from '../workspace.js';
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
export type Carrier = (pass: Pass) => Shipment;

export const chunksOf = ({ samples, pixels }: Pick<Data, 'samples' | 'pixels'>, size: number): number =>
  samples * Math.ceil(pixels / size);

/**
 * Cuts a call at the bounds of chunks, into parts of so many entries of the prediction at the most, or one chunk. A
 * part is some pixels of one sample, or all pixels of some samples.
 */
export function divide(call: Data, entries: number): Part[] {
  const { samples, channels, pixels } = call;
  const size = chunkPixels(channels);
  const chunksOfSample = Math.ceil(pixels / size);
  const chunks = Math.max(1, Math.floor(entries / (Math.min(size, pixels) * channels)));
  const parts: Part[] = [];
  let chunk = 0;
  const add = (range: Range): void => {
    parts.push({ ...range, chunk });
    chunk += chunksOf(range, size);
  };
  if (chunks >= chunksOfSample) {
    const step = Math.floor(chunks / chunksOfSample);
    for (let sample = 0; sample < samples; sample += step) {
      add({ sample, samples: Math.min(step, samples - sample), start: 0, pixels });
    }
    return parts;
  }
  const step = chunks * size;
  for (let sample = 0; sample < samples; sample++) {
    for (let start = 0; start < pixels; start += step) {
      add({ sample, samples: 1, start, pixels: Math.min(step, pixels - start) });
    }
  }
  return parts;
}

/** What workers need of a call, with other arrays. */
export function dataOf(call: Data, arrays: Partial<Data>): Data {
  const { samples, channels, pixels, last, pred, target, kind, dense } = call;
  const { mask, pixelWeights, elementWeights } = call;
  const own = {
    samples,
    channels,
    pixels,
    last,
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
