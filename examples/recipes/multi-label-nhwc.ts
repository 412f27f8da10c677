/** Several labels a pixel (sigmoid), channels last as in tfjs and Keras, with only one class of interest. */
import assert from 'node:assert/strict';
import { binaryCrossEntropyLoss, diceLoss } from 'segloss';

const shape = [2, 4, 4, 3]; // [N, H, W, C]
const count = 2 * 4 * 4 * 3;
const logits = Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(3 * i));
const masks = Uint8Array.from({ length: count }, (_, i) => (i % 5 === 0 || i % 7 === 0 ? 1 : 0));

// Softmax is the default for several channels; overlapping labels need sigmoid.
const nhwc = { activation: 'sigmoid', dataFormat: 'channelsLast' } as const;
const dice = diceLoss(nhwc).evaluate(logits, masks, { shape });
assert.equal(dice.perClass?.length, 3);

// Rare channels may weigh more, each by its own factor.
const weighted = binaryCrossEntropyLoss({ dataFormat: 'channelsLast', positiveWeight: [1, 5, 20] });
assert.ok(
  weighted.value(logits, masks, { shape }) > binaryCrossEntropyLoss(nhwc).value(logits, masks, { shape }),
);

// A channel that is left out gets no gradient; the layout of the gradient is that of the prediction.
const { grad } = diceLoss({ ...nhwc, classes: [1] }).valueAndGrad(logits, masks, { shape });
assert.ok(grad.every((g, i) => (i % 3 === 1 ? g !== 0 : g === 0)));
