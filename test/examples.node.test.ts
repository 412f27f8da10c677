/** What the examples claim: the autograd's gradient, its training, every recipe. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { diceLoss, focalLoss, weightedSum } from 'segloss';
import { describe, expect, it } from 'vitest';
import {
  Adam,
  constant,
  linear,
  lossNode,
  parameter,
  relu,
  reshape,
  type Tensor,
} from '../examples/autograd/engine.js';
import { memory } from '@tensorflow/tfjs-core';
import { train } from '../examples/autograd/train.js';
import { train as trainJax } from '../examples/jax/train.js';
import { train as trainTfjs } from '../examples/tfjs/train.js';
import { random } from '../examples/random.js';

const folder = fileURLToPath(new URL('../examples/', import.meta.url));

describe('autograd', () => {
  const next = random(5);
  const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, () => 2 * next() - 1);
  const x = constant(numbers(40 * 3), [40, 3]);
  const mask = Uint8Array.from({ length: 40 }, () => (next() < 0.3 ? 1 : 0));
  const parameters = [
    parameter(numbers(3 * 5), [3, 5]),
    parameter(numbers(5), [5]),
    parameter(numbers(5), [5, 1]),
    parameter(numbers(1), [1]),
  ] as const;
  const loss = weightedSum([
    [1, diceLoss()],
    [2, focalLoss({ gamma: 1.5 })],
  ]);
  const run = (): Tensor => {
    const [w1, b1, w2, b2] = parameters;
    return lossNode(loss, reshape(linear(relu(linear(x, w1, b1)), w2, b2), [2, 1, 4, 5]), mask);
  };

  it('gives the gradient of every parameter, against central differences', () => {
    run().backward();
    const step = 2 ** -8;
    const all = parameters.flatMap(({ grad }) => [...grad!]);
    expect(all.filter((g) => Math.abs(g) > 0.01).length).toBeGreaterThan(10);
    for (const { data, grad } of parameters) {
      data.forEach((kept, i) => {
        const [above, below] = [kept + step, kept - step].map((moved) => {
          data[i] = moved;
          return run().data[0]!;
        });
        data[i] = kept;
        expect(Math.abs(grad![i]! - (above! - below!) / (2 * step))).toBeLessThan(2e-3);
      });
    }
  });

  it('adds up what reaches a tensor along two paths', () => {
    const z = parameter(Float32Array.of(0.5, -1), [2, 1]);
    const twice = parameter(Float32Array.of(1, 1), [1, 2]);
    const none = constant(new Float32Array(2), [2]);
    const node = lossNode(diceLoss(), reshape(linear(z, twice, none), [1, 1, 4]), Uint8Array.of(1, 1, 0, 0));
    node.backward();
    const direct = diceLoss().valueAndGrad(Float32Array.of(0.5, 0.5, -1, -1), Uint8Array.of(1, 1, 0, 0), {
      shape: [1, 1, 4],
    });
    expect(node.data[0]).toBeCloseTo(direct.value, 6);
    expect(z.grad![0]).toBeCloseTo(direct.grad[0]! + direct.grad[1]!, 6);
    expect(z.grad![1]).toBeCloseTo(direct.grad[2]! + direct.grad[3]!, 6);
  });

  it('keeps no gradient for data, refuses to go back from what is no scalar, and Adam clears gradients', () => {
    expect(x.grad).toBeUndefined();
    expect(() => linear(x, parameters[0], parameters[1]).backward()).toThrow('scalar');
    expect(() => constant(Float32Array.of(1), []).backward()).toThrow('parameter');
    const before = run();
    before.backward();
    new Adam(parameters, 0.01).step();
    expect(parameters.every(({ grad }) => grad!.every((g) => g === 0))).toBe(true);
    expect(run().data[0]).toBeLessThan(before.data[0]!);
  });

  it('is at most 150 lines', () => {
    const lines = readFileSync(`${folder}autograd/engine.ts`, 'utf8').trimEnd().split('\n').length;
    expect(lines).toBeLessThanOrEqual(150);
  });

  it('trains: the loss falls and the lesion of 13 pixels is found', () => {
    const { losses, dice } = train();
    expect(losses.every(Number.isFinite)).toBe(true);
    const [first, last] = [losses.slice(0, 10), losses.slice(-10)].map(
      (part) => part.reduce((a, b) => a + b) / 10,
    );
    expect(last!).toBeLessThan(first! / 2);
    expect(dice).toBeGreaterThan(0.8);
  });
});

describe('frameworks', () => {
  const scores = (dice: Readonly<Record<string, number>>): number[] => Object.values(dice);

  it('tfjs: trains with both losses, and no tensor is left', async () => {
    await trainTfjs({ count: 1, epochs: 1 });
    const before = memory().numTensors;
    const results = await trainTfjs({ count: 2, epochs: 3 });
    expect(memory().numTensors).toBe(before);
    expect(results).toHaveLength(2);
    for (const { values, dice } of results) {
      expect(values.at(-1)!).toBeLessThan(values[0]!);
      expect(scores(dice)).toHaveLength(3);
      expect(scores(dice).every((score) => score >= 0 && score <= 1)).toBe(true);
    }
  });

  it('jax-js: trains, and finds something of the lesions', async () => {
    const { values, dice } = await trainJax(undefined, { epochs: 8 });
    expect(values.at(-1)!).toBeLessThan(values[0]! / 2);
    expect(scores(dice)[0]!).toBeGreaterThan(0.3);
  });
});

describe('recipes', () => {
  const recipes = readdirSync(`${folder}recipes`).filter((name) => name.endsWith('.ts'));
  it.each(recipes)('%s holds what it asserts', async (name) => {
    expect(readFileSync(`${folder}recipes/${name}`, 'utf8')).toMatch(/^\/\*\* .+ \*\/\n/);
    await import(`../examples/recipes/${name.replace('.ts', '')}.ts`);
  });
});
