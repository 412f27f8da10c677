/**
 * Trains a small convnet of jax-js on real slices: `vjp` gives the logits and the way back, `valueAndSeed` the loss and
 * what goes that way. `npx tsx examples/jax/train.ts`.
 */
import { type Array as JaxArray, init, lax, nn, numpy as np, vjp } from '@jax-js/jax';
import { binaryCrossEntropyLoss, diceLoss, type Loss, weightedSum } from 'segloss';
import { valueAndSeed } from 'segloss/jax';
import { random } from '../random.js';
import { lesionDice, readWindows, SIZE, type Windows } from '../windows.js';

const FILTERS = 4;
const BATCH = 4;
const RATE = 0.5;

type Weights = [first: JaxArray, second: JaxArray, third: JaxArray];

/** Kernels `[out, in, size, size]`, the same for the same seed. */
function initial(): Weights {
  const next = random(3);
  const kernel = (...shape: [number, number, number, number]): JaxArray => {
    const count = shape.reduce((a, b) => a * b, 1);
    const scale = Math.sqrt((6 * shape[0]) / count);
    return np.array(Float32Array.from({ length: count }, () => scale * (2 * next() - 1))).reshape(shape);
  };
  return [kernel(FILTERS, 1, 5, 5), kernel(FILTERS, FILTERS, 1, 1), kernel(1, FILTERS + 1, 1, 1)];
}

/** Logits `[N, 1, SIZE, SIZE]`; uses up what it is given. */
function network([first, second, third]: Weights, x: JaxArray): JaxArray {
  const features = nn.relu(lax.conv(x, first, [1, 1], 'SAME'));
  const hidden = nn.relu(lax.conv(features, second, [1, 1], 'SAME'));
  // A channel of ones is the bias.
  const ones = np.ones([hidden.shape[0] ?? 0, 1, SIZE, SIZE]);
  return lax.conv(np.concatenate([hidden, ones], 1), third, [1, 1], 'SAME');
}

const images = ({ images: all }: Windows, from: number, to: number): JaxArray =>
  np.array(all.slice(from * SIZE * SIZE, to * SIZE * SIZE)).reshape([to - from, 1, SIZE, SIZE]);

/** Trains by steepest descent; returns the loss of each step and lesion Dice in the windows of each patient. */
export async function train(
  loss: Loss = weightedSum([
    [1, diceLoss({ aggregate: 'batch' })],
    [1, binaryCrossEntropyLoss()],
  ]),
  { count = 16, epochs = 15 } = {},
): Promise<{ values: number[]; dice: Record<string, number> }> {
  await init('wasm');
  const data = readWindows(count);
  let weights = initial();
  const values: number[] = [];
  for (let step = 0; step < (epochs * count) / BATCH; step++) {
    const from = (step * BATCH) % count;
    const x = images(data.train, from, from + BATCH);
    const masks = data.train.masks.subarray(from * SIZE * SIZE, (from + BATCH) * SIZE * SIZE);
    const [logits, back] = vjp((...w: Weights) => network(w, x.ref), weights.map((w) => w.ref) as Weights);
    const { value, seed } = await valueAndSeed(loss, logits, masks);
    const gradients = back(seed);
    back.dispose();
    x.dispose();
    weights = weights.map((w, i) => w.sub(gradients[i]!.mul(RATE))) as Weights;
    values.push(value);
  }
  const dice: Record<string, number> = {};
  for (const windows of [data.train, ...data.test]) {
    const logits = network(weights.map((w) => w.ref) as Weights, images(windows, 0, count));
    dice[windows.name] = lesionDice((await logits.data()) as Float32Array, windows.masks);
  }
  weights.forEach((w) => w.dispose());
  return { values, dice };
}

if (process.argv[1]?.endsWith('jax/train.ts')) {
  const start = performance.now();
  const { values, dice } = await train();
  const scores = Object.entries(dice).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  console.log(`loss ${values[0]?.toFixed(3)} -> ${values.at(-1)?.toFixed(3)}, Dice: ${scores.join(', ')}`);
  console.log(`${((performance.now() - start) / 1000).toFixed(0)} s`);
}
