import { describe, expect, test } from 'vitest';
import { copyShared } from '../ts/copy.js';

type Memory = (bytes: number) => ArrayBuffer;
const own: Memory = (bytes) => new ArrayBuffer(bytes);
const shared: Memory = (bytes) => new SharedArrayBuffer(bytes) as unknown as ArrayBuffer;
const KINDS = [Float32Array, Float64Array, Uint8Array, Int32Array] as unknown as Float32ArrayConstructor[];

describe.skipIf(typeof SharedArrayBuffer === 'undefined')('a copy is what set does', () => {
  // Short ones, and those of many bytes, which go another way on shared memory; neither begins its memory.
  for (const length of [0, 1, 17, 5001]) {
    test(`of ${length} entries, whatever the memory and the kinds`, () => {
      for (const From of KINDS) {
        for (const To of KINDS) {
          for (const [source, destination] of [
            [own, own],
            [own, shared],
            [shared, own],
            [shared, shared],
          ] as const) {
            const from = new From(source(8 * (length + 6)), 24, length);
            for (let i = 0; i < length; i++) from[i] = (i * 37) % 251;
            const to = new To(destination(8 * (length + 9)), 16, length + 5).fill(7);
            const expected = Array.from(to);
            expected.splice(3, length, ...from);
            copyShared(from, to, 3);
            expect(Array.from(to)).toEqual(expected);
          }
        }
      }
    });
  }
});
