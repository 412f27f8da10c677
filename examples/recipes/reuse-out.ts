/** A training loop that allocates nothing: the gradient goes where the logits were. */
import assert from 'node:assert/strict';
import { focalLoss } from 'segloss';

const pixels = 64 * 64;
const shape = [1, 1, 64, 64];
const brightness = Float32Array.from({ length: pixels }, (_, i) => Math.sin(i) + (i % 500 < 3 ? 3 : 0));
const mask = Uint8Array.from({ length: pixels }, (_, i) => (i % 500 < 3 ? 1 : 0));

const loss = focalLoss({ gamma: 2, alpha: 0.75 });
const buffer = new Float32Array(pixels); // logits on the way in, gradient on the way out
let [slope, offset] = [0, 0];
const values: number[] = [];
for (let step = 0; step < 300; step++) {
  for (let i = 0; i < pixels; i++) buffer[i] = slope * brightness[i]! + offset;
  const { value, grad } = loss.valueAndGrad(buffer, mask, { shape, out: buffer });
  assert.equal(grad, buffer);
  let [toSlope, toOffset] = [0, 0];
  for (let i = 0; i < pixels; i++) {
    toSlope += grad[i]! * brightness[i]!;
    toOffset += grad[i]!;
  }
  slope -= 10 * toSlope;
  offset -= 10 * toOffset;
  values.push(value);
}

assert.ok(values.at(-1)! < values[0]! / 10, `the loss fell from ${values[0]} to ${values.at(-1)}`);
