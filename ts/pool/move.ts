/** Parts on memory that moves: each is copied once, goes to a worker, and comes back with results for the prediction. */
import { ARRAYS, FLOAT } from '../check/kinds.js';
import type { Pass } from '../pass.js';
import { type Data, eachRun, type Range } from '../stream.js';
import { type Carrier, chunksOf, codeOf, dataOf, divide, lengthOf, type Shipment } from './carrier.js';
import { describe, multipliersOf, type Request } from './protocol.js';

/** Most entries of a part: work of a few milliseconds, beside which a message is cheap, and the wait for an abort. */
const ENTRIES = 2 ** 20;
/** Parts of each worker, where there are entries enough: what one that is held up leaves to the others. */
const SHARES = 4;

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

/** Most bytes that are kept for calls to come: to take new memory is half the cost of a copy. */
const MOST_SPARE = 2 ** 26;

/** Memory of parts that are done with. */
export class Spare {
  #buffers: ArrayBuffer[] = [];
  #bytes = 0;

  take(bytes: number): ArrayBuffer {
    const at = this.#buffers.findIndex((buffer) => buffer.byteLength === bytes);
    if (at < 0) return new ArrayBuffer(bytes);
    this.#bytes -= bytes;
    return this.#buffers.splice(at, 1)[0]!;
  }

  /** The oldest goes first where it is too much. */
  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength > MOST_SPARE) return;
    this.#buffers.push(buffer);
    this.#bytes += buffer.byteLength;
    while (this.#bytes > MOST_SPARE) this.#bytes -= this.#buffers.shift()!.byteLength;
  }
}

/** An array of the call, by the place of its copy. */
interface Slot {
  readonly source: Float32Array;
  /** Entries a pixel. */
  readonly planes: number;
  /** The copy, of so many pixels. */
  readonly view: (buffer: ArrayBuffer) => Float32Array;
}

/** Where the copies of a range lie in its buffer. */
function slotsOf(call: Data, { samples, pixels }: Range) {
  const { channels, pred, target, mask, pixelWeights, dense, elementWeights } = call;
  let bytes = 0;
  const slot = (source: ArrayLike<number>, code: number, planes: number): Slot => {
    const Kind = ARRAYS[code] as Float32ArrayConstructor;
    const [at, length] = [bytes, samples * pixels * planes];
    bytes = Math.ceil((at + length * Kind.BYTES_PER_ELEMENT) / 8) * 8;
    return { source: source as Float32Array, planes, view: (buffer) => new Kind(buffer, at, length) };
  };
  const slots = {
    pred: slot(pred, FLOAT, channels),
    target: slot(target, call.kind, dense ? channels : 1),
    mask: mask && slot(mask, codeOf(mask), 1),
    pixelWeights: pixelWeights && slot(pixelWeights, FLOAT, elementWeights ? channels : 1),
  };
  return { slots, bytes };
}

export function moveParts(call: Data, threads: number, spare: Spare): Carrier {
  const entries = call.samples * call.pixels * call.channels;
  const parts = divide(call, Math.min(ENTRIES, entries / (SHARES * threads)));
  /** Those at home. The gradient takes the place of the prediction, so the pass that gives it is the last. */
  const buffers: (ArrayBuffer | undefined)[] = [];

  const copyIn = (range: Range): ArrayBuffer => {
    const { slots, bytes } = slotsOf(call, range);
    const buffer = spare.take(bytes);
    for (const slot of Object.values(slots)) {
      if (slot === undefined) continue;
      const to = slot.view(buffer);
      eachPiece(call, range, slot.planes, (at, from, length) => {
        to.set(slot.source.subarray(from, from + length), at);
      });
    }
    return buffer;
  };

  const ship = (pass: Pass): Shipment => {
    const { sums, out, groups, gradients } = pass;
    const length = lengthOf(call, groups);
    const totals = sums && new Float64Array(chunksOf(call, call) * length);
    return {
      deliveries: parts.count,
      totals,
      send: (delivery) => {
        const part = parts.at(delivery);
        const { samples, pixels } = part;
        const buffer = buffers[delivery] ?? copyIn(part);
        buffers[delivery] = undefined;
        const { slots } = slotsOf(call, part);
        const values = slots.pred.view(buffer);
        const own = sums && new Float64Array(chunksOf(call, part) * length);
        const transfer = own ? [buffer, own.buffer] : [buffer];
        const request: Request = {
          ...describe(pass),
          call: dataOf(call, {
            samples,
            pixels,
            pred: values,
            target: slots.target.view(buffer),
            mask: slots.mask?.view(buffer),
            pixelWeights: slots.pixelWeights?.view(buffer),
          }),
          multipliers: multipliersOf(pass, part, (bytes) => new ArrayBuffer(bytes)),
          out: out && values,
          entries: Infinity,
          taken: undefined,
          totals: own,
          buffers: transfer,
        };
        return { request, transfer };
      },
      receive: (delivery, { fault, buffers: [buffer, own] }, use) => {
        const part = parts.at(delivery);
        if (fault) {
          const { code, chunk, at } = fault;
          const place = { sample: part.sample + chunk.sample, start: part.start + chunk.start };
          return { code, chunk: { ...chunk, ...place }, at };
        }
        if (!use || !buffer) return undefined;
        if (own) totals?.set(new Float64Array(own), part.chunk * length);
        if (!gradients) buffers[delivery] = buffer;
        else if (out) {
          const from = slotsOf(call, part).slots.pred.view(buffer);
          eachPiece(call, part, call.channels, (at, to, count) => {
            out.set(from.subarray(at, at + count), to);
          });
          spare.give(buffer);
        }
        return undefined;
      },
      stop: () => undefined,
      finish: () => undefined,
    };
  };
  const end = (): void => {
    for (const buffer of buffers) if (buffer) spare.give(buffer);
    buffers.length = 0;
  };
  return { ship, end };
}
