/** Trains a small network with the engine beside this file: a bright disc of 13 pixels in a noisy picture of 4096. */
import { diceLoss, binaryCrossEntropyLoss, weightedSum } from 'segloss';
import { Adam, constant, linear, lossNode, parameter, relu, reshape, type Tensor } from './engine.js';
import { random } from '../random.js';

const SIZE = 64;
const HIDDEN = 4;

/** A picture as features `[pixels, 2]` (brightness, mean of the 3 × 3 around) and its mask. */
function picture(next: () => number): { features: Float32Array; mask: Uint8Array } {
  const [centreX, centreY] = [4 + next() * (SIZE - 8), 4 + next() * (SIZE - 8)].map(Math.round);
  const mask = new Uint8Array(SIZE * SIZE).map((_, i) =>
    ((i % SIZE) - centreX!) ** 2 + (Math.floor(i / SIZE) - centreY!) ** 2 <= 4 ? 1 : 0,
  );
  const bright = Float32Array.from(mask, (g) => g * 1.5 + (next() + next() + next() - 1.5) * 0.8);
  const features = new Float32Array(2 * mask.length);
  bright.forEach((value, i) => {
    let sum = 0;
    for (const dy of [-1, 0, 1]) for (const dx of [-1, 0, 1]) sum += bright[i + dy * SIZE + dx] ?? 0;
    features.set([value, sum / 9], 2 * i);
  });
  return { features, mask };
}

/** Small random weights for `[inputs, outputs]`. */
function weights(inputs: number, outputs: number, next: () => number): Tensor {
  const scale = Math.sqrt(6 / inputs);
  return parameter(
    Float32Array.from({ length: inputs * outputs }, () => (2 * next() - 1) * scale),
    [inputs, outputs],
  );
}

/** Returns the loss at every step and the network's Dice on a picture it has not seen. */
export function train(steps = 150, seed = 1): { losses: number[]; dice: number } {
  const next = random(seed);
  const [w1, b1] = [weights(2, HIDDEN, next), parameter(new Float32Array(HIDDEN), [HIDDEN])];
  const [w2, b2] = [weights(HIDDEN, 1, next), parameter(new Float32Array(1), [1])];
  const network = (features: Float32Array): Tensor =>
    reshape(linear(relu(linear(constant(features, [SIZE * SIZE, 2]), w1, b1)), w2, b2), [1, 1, SIZE, SIZE]);

  const loss = weightedSum([
    [1, diceLoss()],
    [1, binaryCrossEntropyLoss()],
  ]);
  const adam = new Adam([w1, b1, w2, b2], 0.03);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { features, mask } = picture(next);
    const node = lossNode(loss, network(features), mask);
    node.backward();
    adam.step();
    losses.push(node.data[0]!);
  }

  const { features, mask } = picture(next);
  const found = network(features).data.map((z) => (z > 0 ? 1 : 0));
  const dice = 1 - diceLoss({ activation: 'none' }).value(found, mask, { shape: [1, 1, SIZE, SIZE] });
  return { losses, dice };
}
