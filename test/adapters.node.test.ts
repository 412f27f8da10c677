/** The adapters, in the real frameworks: their value and gradient are the loss's own, and nothing leaks. */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { type Array as JaxArray, init, numpy as np, vjp } from '@jax-js/jax';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import {
  binaryCrossEntropyLoss,
  crossEntropyLoss,
  diceLoss,
  focalLoss,
  regionLoss,
  weightedSum,
} from 'segloss';
import { iou } from 'segloss/compat/article';
import { valueAndSeed } from 'segloss/jax';
import { tfjsLoss } from 'segloss/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { random } from '../examples/random.js';

const SHAPE: [number, number, number, number] = [2, 3, 5, 4];
const PIXELS = 2 * 3 * 5;
const next = random(3);
const logits = Float32Array.from({ length: PIXELS * 4 }, () => 4 * next() - 2);
const labels = Uint8Array.from({ length: PIXELS }, () => Math.floor(4 * next()));
const oneHot = Float32Array.from(logits, (_, i) => (labels[Math.floor(i / 4)] === i % 4 ? 1 : 0));
const softmax = Float32Array.from(logits, (z, i) => {
  const pixel = logits.subarray(i - (i % 4), i - (i % 4) + 4);
  return Math.exp(z) / pixel.reduce((sum, other) => sum + Math.exp(other), 0);
});
const own = regionLoss('ownLoss', ({ tp, p, g }) => ({
  value: 1 - tp / (p + g + 1),
  partials: { tp: -1 / (p + g + 1), p: tp / (p + g + 1) ** 2, g: tp / (p + g + 1) ** 2 },
}));
const LAST = { dataFormat: 'channelsLast' } as const;

describe.each(['cpu', 'wasm'])('tfjs, backend %s', (backend) => {
  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true);
  });

  test.each([
    ['a loss with the default layout', diceLoss({ smooth: 1 }), diceLoss({ smooth: 1, ...LAST })],
    ['a loss that says the layout', focalLoss(LAST), focalLoss(LAST)],
    ["a loss of one's own", own(), own(LAST)],
    [
      'a weighted sum',
      weightedSum([
        [1, diceLoss()],
        [0.5, crossEntropyLoss()],
      ]),
      weightedSum([
        [1, diceLoss(LAST)],
        [0.5, crossEntropyLoss(LAST)],
      ]),
    ],
  ])('%s: value and gradient', (_, given, expected) => {
    const of = tfjsLoss(given);
    for (const target of [tf.tensor(oneHot, SHAPE), tf.tensor(labels, SHAPE.slice(0, 3), 'int32')]) {
      const { value, grad } = tf.valueAndGrad((z: tf.Tensor) => tf.mul(of(target, z), 3))(
        tf.tensor(logits, SHAPE),
      );
      const right = expected.valueAndGrad(logits, labels, { shape: SHAPE, upstream: 3 });
      expect(value.dataSync()[0]).toBeCloseTo(3 * right.value, 6);
      expect(grad.shape).toEqual(SHAPE);
      const error = Math.max(...right.grad.map((g, i) => Math.abs(g - grad.dataSync()[i]!)));
      expect(error).toBeLessThan(1e-6);
    }
  });

  test('probabilities, and what comes with a call', () => {
    const mask = labels.map((label) => (label === 2 ? 0 : 1));
    const loss = tfjsLoss(iou());
    const found = loss(tf.tensor(oneHot, SHAPE), tf.tensor(softmax, SHAPE), { mask });
    expect(found.dataSync()[0]).toBeCloseTo(iou().value(softmax, labels, { shape: SHAPE, mask }), 6);
    expect(found.shape).toEqual([]);
  });

  test('no tensor is left over', () => {
    const of = tfjsLoss(diceLoss());
    const [target, z] = [tf.tensor(oneHot, SHAPE), tf.tensor(logits, SHAPE)];
    const before = tf.memory().numTensors;
    for (let step = 0; step < 3; step++) {
      const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => of(target, x))(z);
      tf.dispose([value, grad]);
      of(target, z).dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses what cannot be meant', () => {
    expect(() => tfjsLoss(diceLoss({ dataFormat: 'channelsFirst' }))).toThrow(/"dataFormat".*leave it out/);
    const nested = weightedSum([[1, diceLoss({ dataFormat: 'channelsFirst' })]]);
    expect(() => tfjsLoss(nested)).toThrow(RangeError);
    expect(() => tfjsLoss((() => 0) as never)).toThrow(TypeError);
    const loss = tfjsLoss(diceLoss());
    expect(() => loss(tf.zeros([2, 3, 4]), tf.zeros(SHAPE))).toThrow(/"target" expected length 30/);
  });
});

test('tfjs: model.compile and model.fit train with it, logits and probabilities', async () => {
  await tf.setBackend('cpu');
  for (const activation of ['linear', 'softmax'] as const) {
    const kernelInitializer = layers.initializers.glorotNormal({ seed: 1 });
    const model = layers.sequential({
      layers: [
        layers.layers.conv2d({
          inputShape: [3, 5, 4],
          filters: 4,
          kernelSize: 1,
          activation,
          kernelInitializer,
        }),
      ],
    });
    const loss = tfjsLoss(diceLoss({ activation: activation === 'softmax' ? 'none' : 'softmax' }));
    model.compile({ optimizer: tf.train.adam(0.1), loss });
    const [x, y] = [tf.tensor(oneHot, SHAPE), tf.tensor(oneHot, SHAPE)] as [tf.Tensor4D, tf.Tensor4D];
    await model.fit(x, y, { epochs: 1 });
    const before = tf.memory().numTensors;
    const history = await model.fit(x, y, { epochs: 20, batchSize: 2 });
    expect(tf.memory().numTensors).toBe(before);
    const found = history.history.loss as number[];
    expect(found.at(-1)!).toBeLessThan(found[0]! / 2);
    const evaluated = model.evaluate(x, y) as tf.Scalar;
    expect(evaluated.dataSync()[0]).toBeLessThan(found[0]!);
    model.dispose();
  }
});

test('tfjs: the same cross-entropy as its own', async () => {
  await tf.setBackend('cpu');
  const [mask, z] = [tf.tensor(oneHot, SHAPE), tf.tensor(logits, SHAPE)];
  const [ours, theirs] = [
    tfjsLoss(binaryCrossEntropyLoss({ activation: 'sigmoid' })),
    (y: tf.Tensor, x: tf.Tensor) => tf.losses.sigmoidCrossEntropy<tf.Tensor, tf.Scalar>(y, x),
  ].map((loss) => tf.valueAndGrad((x: tf.Tensor) => loss(mask, x))(z));
  expect(ours!.value.dataSync()[0]).toBeCloseTo(theirs!.value.dataSync()[0]!, 6);
  const right = theirs!.grad.dataSync();
  expect(Math.max(...ours!.grad.dataSync().map((g, i) => Math.abs(g - right[i]!)))).toBeLessThan(1e-7);
});

test('tfjs: model.fit refuses a label map, as the page says', async () => {
  const model = layers.sequential({ layers: [layers.layers.dense({ inputShape: [4], units: 4 })] });
  model.compile({ optimizer: 'sgd', loss: tfjsLoss(crossEntropyLoss()) });
  await expect(model.fit(tf.ones([2, 4]), tf.ones([2]), {})).rejects.toThrow(/shape|dimension/);
});

test('jax-js: value, and the gradient of the parameters by way of vjp', async () => {
  await init('wasm');
  const loss = weightedSum([
    [1, diceLoss()],
    [2, crossEntropyLoss()],
  ]);
  const shape = [2, 4, 3, 5];
  const scale = 1.25;
  const model = (s: JaxArray): JaxArray => np.array(logits).reshape(shape).mul(s);
  const [output, back] = vjp(model, [np.array(scale)]);
  const { value, seed } = await valueAndSeed(loss, output, labels, { upstream: 2 });
  expect(seed.shape).toEqual(shape);
  const [gradient] = back(seed);
  back.dispose();
  const right = loss.valueAndGrad(
    logits.map((z) => scale * z),
    labels,
    { shape, upstream: 2 },
  );
  expect(value).toBeCloseTo(right.value, 6);
  const expected = right.grad.reduce((sum, g, i) => sum + g * logits[i]!, 0);
  expect(((await gradient.data()) as Float32Array)[0]).toBeCloseTo(expected, 4);
});
