/** A loss of one's own from a formula of a few sums: value and two partial derivatives, nothing per pixel. */
import assert from 'node:assert/strict';
import { checkGradient, crossEntropyLoss, diceLoss, regionLoss, weightedSum } from 'segloss';

/** How far the predicted volume is from the true one: (P − G)² / (P² + G²). */
const volumeLoss = regionLoss(
  'volumeLoss',
  ({ p, g }, { floor }) => {
    const difference = p - g;
    const size = p * p + g * g + floor;
    return {
      value: difference ** 2 / size,
      partials: {
        p: (2 * difference) / size - (2 * p * difference ** 2) / size ** 2,
        g: (-2 * difference) / size - (2 * g * difference ** 2) / size ** 2,
      },
    };
  },
  { floor: 1e-5 },
);

const shape = [2, 3, 8, 8];
const logits = Float32Array.from({ length: 384 }, (_, i) => Math.sin(7 * i));
const labels = Uint8Array.from({ length: 128 }, (_, i) => (i % 9 === 0 ? 1 : i % 31 === 0 ? 2 : 0));

// It has every option of a region loss, and its own.
const loss = volumeLoss({ includeBackground: false, aggregate: 'batch', floor: 1 });
assert.ok(checkGradient(loss, logits, labels, { shape }).passed);

// The right volume costs nothing, wherever it lies.
const probabilities = new Float32Array([0, 1, 1, 0]);
const elsewhere = new Uint8Array([1, 0, 0, 1]);
assert.equal(volumeLoss({ activation: 'none' }).value(probabilities, elsewhere, { shape: [1, 1, 4] }), 0);

// In a sum it shares the softmax and the passes with the others.
const sum = weightedSum([
  [1, crossEntropyLoss()],
  [1, diceLoss()],
  [0.1, loss],
]);
const parts = sum.evaluate(logits, labels, { shape }).terms!;
const total = parts.reduce((all, { weight, value }) => all + weight * value, 0);
assert.ok(Math.abs(sum.value(logits, labels, { shape }) - total) < 1e-12);
