/** nnU-Net's loss: Dice over the batch without the background, smooth 1e-5, plus cross-entropy, both with an ignore label. */
import assert from 'node:assert/strict';
import { crossEntropyLoss, diceLoss, type Loss, weightedSum } from 'segloss';

/** nnU-Net minimises -Dice + cross-entropy, so that its best value is -1. */
export function nnunetLoss(options: { batchDice: boolean; ignoreIndex?: number }): Loss {
  const { batchDice, ignoreIndex } = options;
  const dice = diceLoss({
    activation: 'softmax',
    transform: 'negative',
    aggregate: batchDice ? 'batch' : 'sample',
    includeBackground: false,
    smooth: 1e-5,
    ignoreIndex,
  });
  return weightedSum(
    [
      [1, dice],
      [1, crossEntropyLoss({ ignoreIndex })],
    ],
    { name: 'nnunetLoss' },
  );
}

const shape = [2, 3, 4, 4];
const labels = Uint8Array.from({ length: 32 }, (_, i) =>
  i % 11 === 0 ? 255 : i % 7 === 0 ? 2 : i % 5 === 0 ? 1 : 0,
);
const logits = Float32Array.from({ length: 96 }, (_, i) => Math.cos(i * i));

const loss = nnunetLoss({ batchDice: true, ignoreIndex: 255 });
const { value, terms } = loss.evaluate(logits, labels, { shape });

// By hand: softmax, sums over the batch, classes 1 and 2.
let crossEntropy = 0;
const sums = [0, 1, 2].map(() => ({ overlap: 0, predicted: 0, labelled: 0 }));
const valid = labels.filter((label) => label !== 255).length;
labels.forEach((label, i) => {
  if (label === 255) return;
  const z = [0, 1, 2].map((k) => logits[(i < 16 ? 0 : 48) + 16 * k + (i % 16)]!);
  const total = z.reduce((sum, v) => sum + Math.exp(v), 0);
  crossEntropy -= Math.log(Math.exp(z[label]!) / total) / valid;
  sums.forEach((sum, k) => {
    sum.predicted += Math.exp(z[k]!) / total;
    if (k !== label) return;
    sum.overlap += Math.exp(z[k]!) / total;
    sum.labelled++;
  });
});
const scores = sums.slice(1).map((s) => (2 * s.overlap + 1e-5) / (s.predicted + s.labelled + 1e-5));
const dice = (scores[0]! + scores[1]!) / 2;

assert.ok(Math.abs(value - (crossEntropy - dice)) < 1e-6);
assert.deepEqual(
  terms?.map(({ name }) => name),
  ['diceLoss', 'crossEntropyLoss'],
);

// A perfect prediction comes to -1, as in nnU-Net.
const certain = new Float32Array(96);
labels.forEach((label, i) => {
  if (label !== 255) certain[(i < 16 ? 0 : 48) + 16 * label + (i % 16)] = 40;
});
assert.ok(Math.abs(loss.value(certain, labels, { shape }) + 1) < 1e-6);
