/** A pixel loss divided by the sum of its focal factors, which the gradient goes through as well. */
import { runPass, sumsPass } from '../pass.js';
import { makeGroup } from '../plan.js';
import type { PixelSums } from '../sums.js';
import type { Common, PixelTerm, Whole, WholeTerm } from '../term.js';
import type { PixelOptions } from '../types.js';
import { unreducedData } from '../unreduced.js';
import { pixelFactor, pixelValue } from './pixel.js';

/** The least the factors come to; below it they are a constant. */
const LEAST = 1e-6;

type Parts = Pick<PixelTerm, 'kernel' | 'exponent' | 'fill'>;

export function normalized(options: PixelOptions, loss: Parts, factor: Parts): WholeTerm['run'] {
  const term = (common: Common, parts: Parts): PixelTerm => ({
    ...common,
    ...parts,
    family: 'pixel',
    needsLogits: false,
    normalizer: options.normalizer ?? 'valid',
    meanOver: options.meanOver ?? 'elements',
    alpha: undefined,
    perClass: {},
  });
  return (call, classes, activation, common): Whole => {
    const plain = { ...classes, weights: classes.weights.map(() => 1) };
    const members = [
      { term: term(common, loss), classes, index: 0 },
      { term: term(common, factor), classes: plain, index: 1 },
    ] as const;
    const pass = sumsPass(call, makeGroup(activation, common.ignoreIndex, members));
    runPass(pass);
    const [found, { sum: mass }] = pass.sums.pixel as [PixelSums, PixelSums];
    // Written so that a NaN stays one.
    const clamped = mass < LEAST;
    const by = clamped ? LEAST : mass;
    const scale = pixelFactor(members[0].term, classes, activation, found.divisor);
    const value = pixelValue(members[0].term, classes, activation, found) / by;
    return {
      value,
      gradient: [
        {
          call,
          activation,
          pixel: [
            { ...members[0], scale: scale / by },
            { ...members[1], scale: clamped ? 0 : (-scale * found.sum) / by ** 2 },
          ],
        },
      ],
      get unreduced() {
        const { data, shape } = unreducedData(call, makeGroup(activation, common.ignoreIndex, [members[0]]));
        return { data: data.map((x) => x / by), shape };
      },
    };
  };
}

/** Σ_k w_k L_k / Σ_k w_k, L_k the loss of channel k divided by the sum of its own factors. */
export function normalizedByClass(options: PixelOptions, loss: Parts, factor: Parts): WholeTerm['run'] {
  const run = normalized(options, loss, factor);
  return (call, classes, activation, common): Whole => {
    const plain = classes.weights.map(() => 1);
    const total = classes.kept.reduce((sum, k) => sum + (classes.weights[k] ?? 1), 0);
    const runs = classes.kept.map((k) => ({
      share: total > 0 ? (classes.weights[k] ?? 1) / total : 0,
      own: run(call, { ...classes, kept: [k], weights: plain }, activation, common),
    }));
    return {
      value: runs.reduce((sum, { share, own }) => sum + share * own.value, 0),
      gradient: runs.flatMap(({ share, own }) =>
        own.gradient.map((group) => ({
          ...group,
          pixel: group.pixel.map((one) => ({ ...one, scale: share * one.scale })),
        })),
      ),
      unreduced: { data: Float64Array.from(runs, ({ own }) => own.value), shape: [runs.length] },
    };
  };
}
