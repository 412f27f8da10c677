/**
 * Trains a small convnet of tfjs on real slices, with a loss of segloss and with tfjs's own cross-entropy, from the same
 * weights and in the same order: `npx tsx examples/tfjs/train.ts`.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { initializers, layers, sequential, type Sequential } from '@tensorflow/tfjs-layers';
import { binaryCrossEntropyLoss, diceLoss, weightedSum } from 'segloss';
import { type TfjsLoss, tfjsLoss } from 'segloss/tfjs';
import { lesionDice, readWindows, SIZE, type Windows } from '../windows.js';

const FILTERS = 4;

function network(): Sequential {
  let seed = 0;
  const convolution = (filters: number, kernelSize: number, activation: 'relu' | 'linear', more = {}) =>
    layers.conv2d({
      filters,
      kernelSize,
      activation,
      padding: 'same',
      kernelInitializer: initializers.heNormal({ seed: ++seed }),
      ...more,
    });
  return sequential({
    layers: [
      convolution(FILTERS, 5, 'relu', { inputShape: [SIZE, SIZE, 1] }),
      convolution(FILTERS, 1, 'relu'),
      convolution(1, 1, 'linear'),
    ],
  });
}

const LOSSES: Readonly<Record<string, TfjsLoss>> = {
  'tfjs sigmoidCrossEntropy': (yTrue, yPred) =>
    tf.losses.sigmoidCrossEntropy<tf.Tensor, tf.Scalar>(yTrue, yPred),
  'segloss Dice + cross-entropy': tfjsLoss(
    weightedSum([
      [1, diceLoss({ aggregate: 'batch' })],
      [1, binaryCrossEntropyLoss()],
    ]),
  ),
};

const toTensor = (data: Float32Array, { count }: Windows): tf.Tensor4D =>
  tf.tensor4d(data, [count, SIZE, SIZE, 1]);

export interface Trained {
  readonly loss: string;
  /** The loss's value over each epoch. */
  readonly values: readonly number[];
  /** Lesion Dice in the windows of each patient. */
  readonly dice: Readonly<Record<string, number>>;
}

/** Trains once with each loss; at the end no more tensors are there than before. */
export async function train({ count = 12, epochs = 10 } = {}): Promise<Trained[]> {
  await tf.setBackend('cpu');
  const data = readWindows(count);
  const results: Trained[] = [];
  for (const [loss, function_] of Object.entries(LOSSES)) {
    const model = network();
    const optimizer = tf.train.adam(0.03);
    model.compile({ optimizer, loss: function_ });
    const [x, y] = [toTensor(data.train.images, data.train), toTensor(data.train.masks, data.train)];
    const { history } = await model.fit(x, y, { epochs, batchSize: 2, shuffle: false });
    const dice: Record<string, number> = {};
    for (const windows of [data.train, ...data.test]) {
      const images = toTensor(windows.images, windows);
      const logits = model.predict(images, { batchSize: 4 }) as tf.Tensor;
      dice[windows.name] = lesionDice(logits.dataSync(), windows.masks);
      tf.dispose([images, logits]);
    }
    results.push({ loss, values: history.loss as number[], dice });
    tf.dispose([x, y]);
    model.dispose();
    optimizer.dispose();
  }
  return results;
}

if (process.argv[1]?.endsWith('tfjs/train.ts')) {
  const start = performance.now();
  for (const { loss, values, dice } of await train()) {
    const scores = Object.entries(dice).map(([name, value]) => `${name} ${value.toFixed(3)}`);
    console.log(
      `${loss.padEnd(30)} loss ${values[0]?.toFixed(3)} -> ${values.at(-1)?.toFixed(3)}, Dice: ${scores.join(', ')}`,
    );
  }
  console.log(`${((performance.now() - start) / 1000).toFixed(0)} s`);
}
