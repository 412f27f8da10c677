/** Parts on shared memory: all workers see everything, and each takes the next part when it is done with one. */
import { ARRAYS } from '../check/kinds.js';
import type { Pass } from '../pass.js';
import type { Data } from '../stream.js';
import { copyShared } from '../copy.js';
import { isShared, threadsOf } from '../threads.js';
import { type Carrier, chunksOf, codeOf, dataOf, divide, lengthOf, type Shipment } from './carrier.js';
import { ALL, describe, multipliersOf, type Request } from './protocol.js';

/** Entries of a part: a chunk's. To take one costs nothing, and an abort waits for no more. */
const ENTRIES = 2 ** 16;

const allocate = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes);

export const sharedFloats = (length: number): Float32Array => new Float32Array(allocate(4 * length));

/** Whether workers can read the array where it is. */
export const canShare = (array: unknown): boolean => threadsOf() === 'shared' && isShared(array);

/** The array, or a copy of it on shared memory. */
function share<T extends ArrayLike<number>>(array: T): T {
  if (isShared(array)) return array;
  const Kind = ARRAYS[codeOf(array)] as Float32ArrayConstructor;
  const shared = new Kind(allocate(array.length * Kind.BYTES_PER_ELEMENT));
  copyShared(array as unknown as Float32Array, shared, 0);
  return shared as unknown as T;
}

/** Everything stays where it is; what is not yet on shared memory is copied once. */
export function shareAll(call: Data, threads: number): Carrier {
  const parts = divide(call, ENTRIES).count;
  const data = dataOf(call, {
    target: share(call.target),
    mask: call.mask && share(call.mask),
    pixelWeights: call.pixelWeights && share(call.pixelWeights),
  });
  /** In place of an `out` that is not shared, for all passes. */
  let results: Float32Array | undefined;
  const ship = (pass: Pass): Shipment => {
    const { sums, out, groups, gradients } = pass;
    if (out && !isShared(out)) results ??= sharedFloats(out.length);
    const length = lengthOf(call, groups);
    const chunks = chunksOf(call, call);
    const taken = new Int32Array(allocate(4));
    const totals = sums && new Float64Array(allocate(8 * chunks * length));
    const whole = { sample: 0, samples: call.samples, start: 0, pixels: call.pixels };
    const request: Request = {
      ...describe(pass),
      call: data,
      multipliers: multipliersOf(pass, whole, allocate),
      out: out && (results ?? out),
      entries: ENTRIES,
      taken,
      totals,
      buffers: [],
    };
    return {
      deliveries: Math.min(threads, parts),
      totals,
      send: () => ({ request, transfer: [] }),
      receive: (_, { fault }) => fault,
      stop: () => void Atomics.store(taken, 0, ALL),
      finish: () => {
        if (gradients && out && results) copyShared(results, out, 0);
      },
    };
  };
  return { ship, end: () => undefined };
}
