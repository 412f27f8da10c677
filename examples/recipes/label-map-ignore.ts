/** A label map of bytes in which 255 means "nobody knows": those pixels count nowhere. */
import assert from 'node:assert/strict';
import { crossEntropyLoss, diceLoss, weightedSum } from 'segloss';

const shape = [1, 3, 2, 4]; // one picture, three classes, 2 x 4 pixels
const logits = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
const labels = new Uint8Array([0, 0, 1, 255, 0, 2, 1, 255]);

const loss = weightedSum([
  [1, diceLoss({ ignoreIndex: 255 })],
  [1, crossEntropyLoss({ ignoreIndex: 255 })],
]);
const { value, grad } = loss.valueAndGrad(logits, labels, { shape });

// The ignored pixels have gradient 0 in all three classes, and what the network says there does not matter.
for (const pixel of [3, 7]) for (const k of [0, 1, 2]) assert.equal(grad[8 * k + pixel], 0);
const elsewhere = logits.map((z, i) => (i % 8 === 3 ? NaN : z));
assert.equal(loss.value(elsewhere, labels, { shape }), value);

// Without ignoreIndex 255 is a mistake, and the message says what to do.
assert.throws(() => crossEntropyLoss().value(logits, labels, { shape }), /set ignoreIndex: 255/);
