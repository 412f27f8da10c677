/** The mistakes a call can hold, and what is to be said of each. */
import { ShapeError } from 'segloss';
import { type Case, CASES, data, oneHot } from './contract-cases.js';

type Call = Record<string, unknown>;
interface Input {
  pred: unknown;
  target: unknown;
  call: Call;
}

interface Mistake {
  readonly title: string;
  readonly make: (good: Input, of: Case) => Input;
  readonly kind: typeof TypeError | typeof RangeError | typeof ShapeError;
  /** All must be found in the text. */
  readonly says: readonly (RegExp | string)[];
  /** Cases this can happen to; default all. */
  readonly when?: (of: Case) => boolean;
}

const [SAMPLES, HEIGHT, WIDTH] = [2, 3, 5];
const PIXELS = HEIGHT * WIDTH;

/** A right call of a case. */
export function good(of: Case): Input {
  const { pred, labels, shape } = data(of, SAMPLES, [HEIGHT, WIDTH]);
  return { pred, target: labels, call: { shape } };
}

const withCall = (extra: (of: Case) => Call) => (input: Input, of: Case) => ({
  ...input,
  call: { ...input.call, ...extra(of) },
});
const withTarget = (target: (of: Case) => unknown) => (input: Input, of: Case) => ({
  ...input,
  target: target(of),
});
const withPred = (pred: (input: Input) => unknown) => (input: Input) => ({ ...input, pred: pred(input) });
const withEntry = (at: number, value: number, of: 'labels' | 'float' | 'dense') =>
  withTarget((c) => {
    const made = data(c, SAMPLES, [HEIGHT, WIDTH]);
    const target =
      of === 'labels' ? made.labels : Float32Array.from(of === 'dense' ? oneHot(made) : made.labels);
    target[at] = value;
    return target;
  });
const weights = (at: number, value: number) => {
  const all = new Float32Array(SAMPLES * PIXELS).fill(1);
  all[at] = value;
  return all;
};
const many = ({ channels }: Case) => channels > 1;
const one = ({ channels }: Case) => channels === 1;
const sparse: number[] = [SAMPLES, 3];
sparse[3] = 5;

export const MISTAKES: readonly Mistake[] = [
  // shape
  ...[null, undefined, 7, '2,3', new Int32Array(4), { length: 2 }].map((shape): Mistake => ({
    title: `shape ${String(shape)}`,
    make: withCall(() => ({ shape })),
    kind: TypeError,
    says: ['"shape"', 'array'],
  })),
  ...[[2.5, 3, 5], [-2, 3, 5], [2, NaN, 5], [Infinity, 3, 5], [2, '3', 5], [2, undefined, 5], sparse].map(
    (shape): Mistake => ({
      title: `shape [${shape.join(', ')}]`,
      make: withCall(() => ({ shape })),
      kind: ShapeError,
      says: ['"shape"', 'integer', 'got'],
    }),
  ),
  ...[[], [30]].map((shape): Mistake => ({
    title: `shape [${shape.join(', ')}] of too few entries`,
    make: withCall(() => ({ shape })),
    kind: ShapeError,
    says: ['"shape"', 'N, C', '2'],
  })),
  {
    title: 'more than 65,536 channels',
    make: () => ({ pred: new Float32Array(65_537), target: new Uint8Array(1), call: { shape: [1, 65_537] } }),
    kind: RangeError,
    says: ['"shape"', '65536', '65537'],
    when: ({ title }) => title === CASES[0]?.title,
  },
  // pred
  ...[null, undefined, 3, 'logits', [0, 1], new DataView(new ArrayBuffer(8)), new Int32Array(4), {}].map(
    (pred): Mistake => ({
      title: `pred ${Object.prototype.toString.call(pred)}`,
      make: withPred(() => pred),
      kind: TypeError,
      says: ['"pred"', 'Float32Array', 'Float64Array', 'Float16Array', 'got'],
    }),
  ),
  {
    title: 'pred one entry short',
    make: withPred(({ pred }) => (pred as Float32Array).slice(1)),
    kind: ShapeError,
    says: [/^"pred" expected length (30 \(2·3·5\)|90 \(2·3·3·5\)), .*got (29|89)/],
  },
  {
    title: 'pred one entry long',
    make: withPred(({ pred }) => new Float32Array((pred as Float32Array).length + 1)),
    kind: ShapeError,
    says: ['"pred"', /got (31|91)/],
  },
  // target
  ...[null, undefined, [0, 1], new DataView(new ArrayBuffer(8)), new BigInt64Array(30), 'mask'].map(
    (target): Mistake => ({
      title: `target ${Object.prototype.toString.call(target)}`,
      make: withTarget(() => target),
      kind: TypeError,
      says: ['"target"', 'typed array', 'Uint8Array', 'Int32Array', 'Float64Array', 'got'],
    }),
  ),
  {
    title: 'target one entry short',
    make: withTarget(() => new Uint8Array(29)),
    kind: ShapeError,
    says: [/^"target" expected length 30 \(2·3·5\)( or 90 \(2·3·3·5\))?, got 29$/],
  },
  {
    title: 'label beyond the classes',
    make: withEntry(17, 3, 'labels'),
    kind: RangeError,
    says: ['"target"', /0…(1|2)\b/, 'got 3', 'index 17'],
  },
  {
    title: 'the first of two bad labels',
    make: withTarget(() => new Uint8Array(30).fill(9, 11)),
    kind: RangeError,
    says: ['got 9', 'index 11'],
  },
  {
    title: 'a negative label',
    make: withTarget(() => Int16Array.from({ length: 30 }, (_, i) => (i === 29 ? -1 : 0))),
    kind: RangeError,
    says: ['"target"', 'got -1', 'index 29'],
  },
  {
    title: 'label 255 among classes',
    make: withEntry(4, 255, 'labels'),
    kind: RangeError,
    says: ['got 255', 'index 4', 'set ignoreIndex: 255'],
  },
  {
    title: 'a mask of 0 and 255',
    make: withEntry(4, 255, 'labels'),
    kind: RangeError,
    says: ['got 255', 'index 4', 'set ignoreIndex: 255', 'divide by 255'],
    when: one,
  },
  ...[0.5, NaN, -1, 3].map((label): Mistake => ({
    title: `a float label map with ${label}`,
    make: withEntry(20, label, 'float'),
    kind: RangeError,
    says: ['"target"', `got ${label}`, 'index 20'],
    when: many,
  })),
  ...[1.5, -0.25, NaN, Infinity, -Infinity].map((value): Mistake => ({
    title: `a dense target with ${value}`,
    make: withEntry(13, value, 'dense'),
    kind: RangeError,
    says: ['"target"', '[0, 1]', `got ${value}`, 'index 13', ...(Math.abs(value) > 1 ? ['logits'] : [])],
  })),
  {
    title: 'a dense integer target with 2',
    make: withTarget((of) => {
      const dense = oneHot(data(of, SAMPLES, [HEIGHT, WIDTH]));
      dense[23] = 2;
      return dense;
    }),
    kind: RangeError,
    says: ['"target"', 'got 2', 'index 23'],
  },
  // probabilities
  ...[1.1, -0.1, 7].map((value): Mistake => ({
    title: `a probability of ${value}`,
    make: withPred(({ pred }) => Float64Array.from(pred as Float32Array, (p, i) => (i === 12 ? value : p))),
    kind: RangeError,
    says: ['"pred"', '[0, 1]', `got ${value}`, 'index 12', 'these look like logits'],
    when: ({ activation }) => activation === 'none',
  })),
  // mask
  ...[3, 'mask', true, null, {}].map((mask): Mistake => ({
    title: `mask ${JSON.stringify(mask)}`,
    make: withCall(() => ({ mask })),
    kind: TypeError,
    says: ['"mask"', 'array', 'got'],
  })),
  {
    title: 'mask one entry short',
    make: withCall(() => ({ mask: new Uint8Array(29) })),
    kind: ShapeError,
    says: ['"mask"', '30 (2·3·5)', 'got 29'],
  },
  {
    title: "mask of the prediction's shape",
    make: withCall(() => ({ mask: new Uint8Array(90) })),
    kind: ShapeError,
    says: ['"mask"', '30 (2·3·5)', 'got 90'],
    when: many,
  },
  // weights
  ...[[1, 1], new Int32Array(30), 'w', null].map((pixelWeights): Mistake => ({
    title: `pixelWeights ${Object.prototype.toString.call(pixelWeights)}`,
    make: withCall(() => ({ pixelWeights })),
    kind: TypeError,
    says: ['"pixelWeights"', 'Float32Array', 'Float64Array', 'got'],
  })),
  {
    title: 'pixelWeights of a wrong length',
    make: withCall(() => ({ pixelWeights: new Float32Array(31) })),
    kind: ShapeError,
    says: ['"pixelWeights"', '30 (2·3·5)', 'got 31'],
  },
  ...[-1, NaN, Infinity].map((value): Mistake => ({
    title: `a pixel weight of ${value}`,
    make: withCall(() => ({ pixelWeights: weights(19, value) })),
    kind: RangeError,
    says: ['"pixelWeights"', '≥ 0', `got ${value}`, 'index 19'],
  })),
  {
    title: 'an element weight of -1',
    make: withCall(() => ({ pixelWeights: new Float32Array(90).fill(1).fill(-1, 37, 38) })),
    kind: RangeError,
    says: ['"pixelWeights"', 'got -1', 'index 37'],
    when: many,
  },
  ...[3, 'w', null].map((sampleWeights): Mistake => ({
    title: `sampleWeights ${String(sampleWeights)}`,
    make: withCall(() => ({ sampleWeights })),
    kind: TypeError,
    says: ['"sampleWeights"', 'array', 'got'],
  })),
  {
    title: 'sampleWeights of a wrong length',
    make: withCall(() => ({ sampleWeights: [1, 2, 3] })),
    kind: ShapeError,
    says: ['"sampleWeights"', '2', 'got 3'],
  },
  ...[-1, NaN, Infinity].map((value): Mistake => ({
    title: `a sample weight of ${value}`,
    make: withCall(() => ({ sampleWeights: [1, value] })),
    kind: RangeError,
    says: ['"sampleWeights"', '≥ 0', `got ${value}`, 'index 1'],
  })),
  // the rest of the call
  ...['2', null, true].map((upstream): Mistake => ({
    title: `upstream ${JSON.stringify(upstream)}`,
    make: withCall(() => ({ upstream })),
    kind: TypeError,
    says: ['"upstream"', 'finite number', 'got'],
  })),
  ...[NaN, Infinity, -Infinity].map((upstream): Mistake => ({
    title: `upstream ${upstream}`,
    make: withCall(() => ({ upstream })),
    kind: RangeError,
    says: ['"upstream"', 'finite', `got ${upstream}`],
  })),
  ...[new Float64Array(90), [0], {}, null].map((out): Mistake => ({
    title: `out ${Object.prototype.toString.call(out)}`,
    make: withCall(() => ({ out })),
    kind: TypeError,
    says: ['"out"', 'Float32Array', 'got'],
  })),
  {
    title: 'out of a wrong length',
    make: withCall(() => ({ out: new Float32Array(7) })),
    kind: ShapeError,
    says: ['"out"', /30|90/, 'got 7'],
  },
  ...(
    [
      ['masks', 'mask'],
      ['pixelweights', 'pixelWeights'],
      ['sample_weights', 'sampleWeights'],
      ['outt', 'out'],
      ['shap', 'shape'],
      ['Upstream', 'upstream'],
    ] as const
  ).map(([name, meant]): Mistake => ({
    title: `"${name}" in call`,
    make: withCall(() => ({ [name]: undefined })),
    kind: TypeError,
    says: [`"${name}"`, `"${meant}"`],
  })),
  ...[null, undefined, 3, 'call'].map((call): Mistake => ({
    title: `call ${String(call)}`,
    make: (input) => ({ ...input, call: call as unknown as Call }),
    kind: TypeError,
    says: ['"call"', 'shape'],
  })),
];
