import { describe, expect, test } from 'vitest';
import { copyShared } from '../ts/copy.js';
import { crossEntropyLoss } from '../ts/index.js';
import { chunkStride } from '../ts/workspace.js';

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

test.each([2, 4, 21])('%d planes as long as they lie apart in a chunk, which holds less', (channels) => {
  const pixels = chunkStride(channels);
  const pred = Float32Array.from({ length: channels * pixels }, (_, i) => Math.sin(i));
  const target = Uint8Array.from({ length: pixels }, (_, i) => i % channels);
  const last = new Float32Array(pred.length);
  for (let k = 0; k < channels; k++) {
    for (let i = 0; i < pixels; i++) last[i * channels + k] = pred[k * pixels + i]!;
  }
  const interleaved = crossEntropyLoss({ dataFormat: 'channelsLast' });
  expect(crossEntropyLoss().value(pred, target, { shape: [1, channels, pixels] })).toBe(
    interleaved.value(last, target, { shape: [1, pixels, channels] }),
  );
});
