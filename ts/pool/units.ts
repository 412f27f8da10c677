/** How a call is divided, and how the parts reach the workers. */
import { KINDS as CODES, typeName } from '../check/call.js';
import type { Pass } from '../pass.js';
import { type Data, eachRun, type Fault, type Range } from '../stream.js';
import { threadsOf } from '../threads.js';
import { KINDS } from '../workspace.js';

type Floats = Float32Array | Float64Array;

/** Entries of the prediction that one message is about: half a millisecond of work or more, and the wait for an abort. */
const ENTRIES = 2 ** 18;
/** Messages a worker gets in a pass where that many have work: what one that is held up leaves to the others. */
const SHARES = 4;

/** Cuts a call at the bounds of chunks. A part is some pixels of one sample, or all pixels of some samples. */
export function divide({ samples, channels, pixels }: Data, chunkPixels: number, threads: number): Range[] {
  const chunksOfSample = Math.ceil(pixels / chunkPixels);
  const entries = Math.min(chunkPixels, pixels) * channels;
  const fair = Math.ceil((samples * chunksOfSample) / (threads * SHARES));
  const chunks = Math.max(1, Math.min(fair, Math.floor(ENTRIES / entries)));
  const ranges: Range[] = [];
  if (chunks >= chunksOfSample) {
    const step = Math.floor(chunks / chunksOfSample);
    for (let sample = 0; sample < samples; sample += step) {
      ranges.push({ sample, samples: Math.min(step, samples - sample), start: 0, pixels });
    }
    return ranges;
  }
  const step = chunks * chunkPixels;
  for (let sample = 0; sample < samples; sample++) {
    for (let start = 0; start < pixels; start += step) {
      ranges.push({ sample, samples: 1, start, pixels: Math.min(step, pixels - start) });
    }
  }
  return ranges;
}

/** A part of a pass's data on its way to a worker. */
export interface Parcel {
  readonly call: Data;
  readonly out: Float32Array | undefined;
  readonly range: Range;
  readonly buffer?: ArrayBuffer | undefined;
}

/** Brings the data of one call to the workers, part by part, and results back. */
export interface Carrier {
  send(pass: Pass, part: number): Parcel;
  /** A worker is done with a part; `use`: its results are wanted. */
  receive(pass: Pass, part: number, buffer: ArrayBuffer | undefined, use: boolean): void;
  /** A fault in the caller's terms. */
  place(fault: Fault, part: number): Fault;
}

const isShared = (array: unknown): boolean =>
  ArrayBuffer.isView(array) && Object.prototype.toString.call(array.buffer) === '[object SharedArrayBuffer]';

/** Whether workers can read the array where it is. */
export const canShare = (array: unknown): boolean => threadsOf() === 'shared' && isShared(array);

export const sharedFloats = (length: number): Float32Array =>
  new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));

/** What is needed of a call, with other arrays. */
function dataOf(call: Data, arrays: Partial<Data>): Data {
  const { samples, channels, pixels, last, kind, dense, elementWeights } = call;
  const { pred, target, mask, pixelWeights } = call;
  const own = { pred, target, mask, pixelWeights };
  return { samples, channels, pixels, last, kind, dense, elementWeights, ...own, ...arrays };
}

/** The code of the array that holds these entries in the core. */
const codeOf = (array: ArrayLike<number>): number => CODES[typeName(array)] ?? 6;

/** Everything stays where it is, on shared memory; what is not yet there is copied once. */
export function shareAll(call: Data, ranges: readonly Range[]): Carrier {
  const share = <T extends ArrayLike<number>>(array: T): T => {
    if (isShared(array)) return array;
    const Kind = KINDS[codeOf(array)] as Float32ArrayConstructor;
    const copy = new Kind(new SharedArrayBuffer(array.length * Kind.BYTES_PER_ELEMENT));
    copy.set(array);
    return copy as unknown as T;
  };
  const data = dataOf(call, {
    target: share(call.target),
    mask: call.mask && share(call.mask),
    pixelWeights: call.pixelWeights && share(call.pixelWeights),
  });
  let results: Float32Array | undefined;
  return {
    send: ({ out }, part) => {
      if (out) results ??= isShared(out) ? out : sharedFloats(out.length);
      return { call: data, out: results, range: ranges[part] as Range };
    },
    receive: ({ out, gradients }, part, _, use) => {
      if (!use || !gradients || !out || !results || out === results) return;
      const [from, to] = [results, out];
      eachPiece(call, ranges[part] as Range, call.channels, (_at, place, length) => {
        to.set(from.subarray(place, place + length), place);
      });
    },
    place: (fault) => fault,
  };
}

/** Calls `copy(at, from, length)` for each piece of a range that lies together; `at`: where it is in a copy of the range. */
function eachPiece(
  call: Data,
  { sample, samples, start, pixels }: Range,
  channels: number,
  copy: (at: number, from: number, length: number) => void,
): void {
  if (pixels === call.pixels) copy(0, sample * pixels * channels, samples * pixels * channels);
  else eachRun(pixels, call, { sample, start, length: pixels }, channels, copy);
}

/** An array on part of a buffer. */
type Slot = (buffer: ArrayBuffer) => Float32Array;

/** Each part is copied once, to memory that goes to a worker and comes back with the results in place of the prediction. */
export function moveParts(call: Data, ranges: readonly Range[]): Carrier {
  const { channels, pred, target, mask, pixelWeights, dense, elementWeights } = call;
  const buffers: (ArrayBuffer | undefined)[] = [];

  /** Where the copies of a range lie. */
  const lay = ({ samples, pixels }: Range) => {
    let bytes = 0;
    const slot = (code: number, planes: number): Slot => {
      const Kind = KINDS[code] as Float32ArrayConstructor;
      const length = samples * pixels * planes;
      const at = bytes;
      bytes = Math.ceil((at + length * Kind.BYTES_PER_ELEMENT) / 8) * 8;
      return (buffer) => new Kind(buffer, at, length);
    };
    const slots = {
      pred: slot(6, channels),
      target: slot(call.kind, dense ? channels : 1),
      mask: mask && slot(codeOf(mask), 1),
      pixelWeights: pixelWeights && slot(6, elementWeights ? channels : 1),
    };
    return { slots, bytes };
  };

  const fill = (range: Range): ArrayBuffer => {
    const { slots, bytes } = lay(range);
    const buffer = new ArrayBuffer(bytes);
    const copyIn = (slot: Slot, source: ArrayLike<number>, planes: number): void => {
      const to = slot(buffer);
      eachPiece(call, range, planes, (at, from, length) => {
        to.set((source as Floats).subarray(from, from + length), at);
      });
    };
    copyIn(slots.pred, pred, channels);
    copyIn(slots.target, target, dense ? channels : 1);
    if (mask && slots.mask) copyIn(slots.mask, mask, 1);
    if (pixelWeights && slots.pixelWeights) {
      copyIn(slots.pixelWeights, pixelWeights, elementWeights ? channels : 1);
    }
    return buffer;
  };

  return {
    send: ({ out }, part) => {
      const range = ranges[part] as Range;
      const buffer = buffers[part] ?? fill(range);
      buffers[part] = undefined;
      const { slots } = lay(range);
      const values = slots.pred(buffer);
      const { samples, pixels } = range;
      const moved = dataOf(call, {
        samples,
        pixels,
        pred: values,
        target: slots.target(buffer),
        mask: slots.mask?.(buffer),
        pixelWeights: slots.pixelWeights?.(buffer),
      });
      return {
        call: moved,
        out: out && values,
        range: { sample: 0, samples, start: 0, pixels },
        buffer,
      };
    },
    receive: ({ out, gradients }, part, buffer, use) => {
      if (!buffer) return;
      if (!gradients) {
        buffers[part] = buffer;
        return;
      }
      // The gradient is the last pass: the memory has served.
      if (!use || !out) return;
      const range = ranges[part] as Range;
      const from = lay(range).slots.pred(buffer);
      eachPiece(call, range, channels, (at, to, length) => {
        out.set(from.subarray(at, at + length), to);
      });
    },
    place: ({ code, chunk, at }, part) => {
      const { sample, start } = ranges[part] as Range;
      const placed = { ...chunk, sample: chunk.sample + sample, start: chunk.start + start };
      return { code, chunk: placed, at };
    },
  };
}
