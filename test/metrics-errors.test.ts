/** The metrics name the mistake; after an error the next call works. */
import { describe, expect, test } from 'vitest';
import {
  ConfusionMatrix,
  confusionMatrix,
  type ConfusionMatrixOptions,
  type LabelArray,
  lesions,
  setup,
  ShapeError,
  surfaceDistances,
} from '../ts/metrics/index.js';

const u8 = (...labels: number[]): Uint8Array => Uint8Array.from(labels);
const any = (value: unknown): never => value as never;
const matrix = confusionMatrix(u8(0, 1), u8(0, 1));

type Thrown = typeof TypeError | typeof RangeError | typeof ShapeError | typeof Error;
type Case = [call: () => unknown, kind: Thrown, text: RegExp];

const pair = (pred: unknown, target: unknown, options?: unknown) => (): unknown =>
  confusionMatrix(pred as LabelArray, target as LabelArray, options as ConfusionMatrixOptions);
const grid =
  (call: unknown, pred: unknown = u8(0, 1, 0, 1)) =>
  (): unknown =>
    surfaceDistances(pred as LabelArray, u8(0, 1, 1, 1), any(call));

const cases: Record<string, Case> = {
  'a plain array': [
    pair([0, 1], u8(0, 1)),
    TypeError,
    /"pred" expected a label map.*Uint8Array.*got a plain array/,
  ],
  nothing: [pair(u8(0), undefined), TypeError, /"target" expected a label map.*got undefined/],
  '64-bit integers': [
    pair(new BigInt64Array(2), u8(0, 1)),
    TypeError,
    /"pred".*got BigInt64Array; Int32Array\.from\(labels, Number\)/,
  ],
  'another length': [
    pair(u8(0, 1, 0), u8(0, 1)),
    ShapeError,
    /"pred" expected length 2, that of "target", got 3/,
  ],
  'an RGBA picture': [
    pair(u8(0, 1), new Uint8Array(8)),
    ShapeError,
    /"target" expected length 2.*got 8; .*RGBA/,
  ],
  'scores for labels': [pair(new Uint8Array(6), u8(0, 1)), ShapeError, /3 times as long: one-hot or scores/],
  'a probability': [
    pair(u8(0, 0), Float32Array.of(0, 0.25)),
    RangeError,
    /"target" expected labels, integers, got 0\.25 at index 1; these look like probabilities/,
  ],
  NaN: [pair(Float64Array.of(1, NaN), u8(0, 1)), RangeError, /"pred" expected labels.*got NaN at index 1/],
  'a label beyond the classes': [
    pair(u8(0, 1), u8(0, 3), { classes: 3 }),
    RangeError,
    /"target" expected labels 0…2, got 3 at index 1/,
  ],
  'the usual void label': [
    pair(u8(0, 1, 0), u8(0, 1, 255), { classes: 3 }),
    RangeError,
    /got 255 at index 2; set ignoreIndex: 255/,
  ],
  'a mask of 0 and 255': [
    pair(u8(0, 1), u8(0, 255), { classes: 2 }),
    RangeError,
    /set ignoreIndex: 255 .*, or divide by 255/,
  ],
  'an ignored label in the prediction': [
    pair(u8(7, 1), u8(0, 1), { classes: [0, 1], ignoreIndex: 7 }),
    RangeError,
    /"pred" expected one of the labels \[0, 1\], got 7 at index 0; ignoreIndex leaves out pixels by their target/,
  ],
  'a misspelt option': [
    pair(u8(0), u8(0), { ignoreLabel: 1 }),
    TypeError,
    /no "ignoreLabel"; did you mean "ignoreIndex"/,
  ],
  'options that are none': [pair(u8(0), u8(0), 3), TypeError, /options object, got 3/],
  'null for options': [pair(u8(0), u8(0), null), TypeError, /options object, got null/],
  'no classes': [pair(u8(0), u8(0), { classes: [] }), RangeError, /"classes" expected at least one label/],
  'a class twice': [
    pair(u8(0), u8(0), { classes: [1, 1] }),
    RangeError,
    /"classes" expected each label once, got 1/,
  ],
  'half a class': [pair(u8(0), u8(0), { classes: 1.5 }), RangeError, /"classes" expected an integer/],
  'classes by name': [
    pair(u8(0), u8(0), { classes: 'all' }),
    TypeError,
    /"classes" expected a number of classes or/,
  ],
  'a short mask': [pair(u8(0, 1), u8(0, 1), { mask: [1] }), ShapeError, /"mask" expected length 2/],
  'NaN in the mask': [pair(u8(0, 1), u8(0, 1), { mask: [1, NaN] }), RangeError, /"mask".*NaN at index 1/],
  'a label that is not there': [
    () => matrix.counts(4),
    RangeError,
    /"label" expected one of \[0, 1\], got 4/,
  ],
  'an average that is none': [
    () => matrix.dice({ average: any('mean') }),
    RangeError,
    /"average" expected one of 'macro'/,
  ],
  'a misspelt score option': [
    () => matrix.dice(any({ avrage: 'none' })),
    TypeError,
    /did you mean "average"/,
  ],
  'beta for Dice': [() => matrix.dice(any({ beta: 2 })), TypeError, /dice options has no "beta"/],
  'no beta at all': [() => matrix.fBeta({ beta: 0 }), RangeError, /"beta" expected/],
  'a merge with something else': [
    () => matrix.merge(any({})),
    TypeError,
    /"other" expected a ConfusionMatrix/,
  ],
  'JSON of something else': [() => ConfusionMatrix.from([1]), TypeError, /ConfusionMatrix.from expected/],
  'JSON with a label too many': [
    () => ConfusionMatrix.from({ labels: [0], pixels: [[0, 1, 2]] }),
    RangeError,
    /"pixels\[0\]" expected \[label, label, integer > 0\], got \[0, 1, 2\]/,
  ],
  'JSON with half a pixel': [
    () => ConfusionMatrix.from({ labels: [0], pixels: [[0, 0, 0.5]] }),
    RangeError,
    /"pixels\[0\]"/,
  ],
  'no call': [grid(undefined), TypeError, /"call" expected an object such as/],
  'no shape': [grid({}), TypeError, /"shape" expected an array of integers/],
  'axes for batch and channels': [
    grid({ shape: [1, 1, 2, 2] }),
    ShapeError,
    /without axes for batch and channels/,
  ],
  'a shape of another size': [grid({ shape: [2, 3] }), ShapeError, /"pred" expected length 6 \(2·3\)/],
  'a negative size': [grid({ shape: [-2, -2] }), ShapeError, /each an integer ≥ 0/],
  'too little spacing': [grid({ shape: [2, 2], spacing: [1] }), ShapeError, /"spacing" expected 2 numbers/],
  'no spacing': [
    grid({ shape: [2, 2], spacing: [1, 0] }),
    RangeError,
    /"spacing" expected finite numbers > 0, got 0/,
  ],
  'one spacing': [grid({ shape: [2, 2], spacing: 1 }), TypeError, /"spacing" expected 2 numbers/],
  'an unknown surface': [
    grid({ shape: [2, 2], surface: 'mesh' }),
    RangeError,
    /"surface" expected one of 'voxels'/,
  ],
  'half a label': [grid({ shape: [2, 2], label: 0.5 }), RangeError, /"label" expected an integer/],
  'a probability map': [
    grid({ shape: [2, 2] }, Float32Array.of(0, 0, 0.5, 1)),
    RangeError,
    /"pred" expected labels, integers, got 0\.5 at index 2; these look like probabilities/,
  ],
  'a percentile beyond 100': [
    () => surfaceDistances(u8(1), u8(1), { shape: [1, 1] }).hausdorff(101),
    RangeError,
    /"percentile" expected/,
  ],
  'a negative tolerance': [
    () => surfaceDistances(u8(1), u8(1), { shape: [1, 1] }).surfaceDice(-1),
    RangeError,
    /"tolerance" expected a number ≥ 0/,
  ],
  'no tolerance': [
    () => surfaceDistances(u8(1), u8(1), { shape: [1, 1] }).surfaceDice(any(undefined)),
    TypeError,
    /"tolerance" expected/,
  ],
  'neighbours of a volume in a picture': [
    () => lesions(u8(1), u8(1), { shape: [1, 1], connectivity: 26 }),
    RangeError,
    /"connectivity" expected 4 or 8, got 26/,
  ],
  'an overlap in percent': [
    () => lesions(u8(1), u8(1), { shape: [1, 1], minOverlap: 50 }),
    RangeError,
    /"minOverlap" expected a finite number in \[0, 1\], got 50/,
  ],
  'a module of something else': [
    () => setup({ module: Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0) }),
    RangeError,
    /not segloss's geometry module/,
  ],
};

describe('errors', () => {
  test.each(Object.entries(cases))('%s', (_, [call, kind, text]) => {
    let thrown: unknown;
    try {
      call();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(kind);
    expect((thrown as Error).message).toMatch(text);
    expect(confusionMatrix(u8(0, 1, 1), u8(0, 1, 0)).toJSON()).toEqual({
      labels: [0, 1],
      pixels: [
        [0, 0, 1],
        [0, 1, 1],
        [1, 1, 1],
      ],
    });
  });
});
