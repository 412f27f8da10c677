/** Copies between typed arrays of which one lies on shared memory; of others `set` is as fast. */
import { builtin, runtime } from './threads.js';

/** Bytes below which it does not matter where they lie. */
export const SHORT = 4096;

interface Bytes {
  fill(bytes: Bytes): void;
}
interface Buffers {
  from(memory: ArrayBufferLike, at: number, length: number): Bytes;
}

/** Node's own; that of Deno fills byte by byte. */
const buffers =
  runtime.process?.versions?.deno === undefined
    ? (builtin('node:buffer') as { readonly Buffer: Buffers } | undefined)?.Buffer
    : undefined;

/**
 * `to.set(from, at)`. Before Node 26 `set` moves shared memory word by word, at 0.6 times the speed of other memory; to
 * fill a `Buffer` with another of its length is a copy at full speed.
 */
export function copyShared(from: Float32Array, to: Float32Array, at: number): void {
  const bytes = from.byteLength;
  if (buffers && bytes >= SHORT && from.constructor === to.constructor) {
    const place = to.byteOffset + at * to.BYTES_PER_ELEMENT;
    buffers.from(to.buffer, place, bytes).fill(buffers.from(from.buffer, from.byteOffset, bytes));
  } else to.set(from, at);
}
