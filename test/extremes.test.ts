/** Logits no training should produce, and does: huge, infinite, NaN; nothing to count; margins where rounding shows. */
import { describe, expect, it } from 'vitest';
import { crossEntropyLoss, diceLoss, focalLoss, type LossCall } from '../ts/index.js';
import { needed } from './twin/cases.js';
import { compareData, make } from './twin/compare.js';
import {
  type Config,
  differenceError,
  PIXEL_LOSSES,
  ranks,
  REGION_LOSSES,
  twinOf,
  twinSlope,
} from './twin/index.js';
import { random } from './twin/random.js';
import { JOINT } from './twin/region.js';
import { TABLE } from './twin/table.js';

const LARGEST = 3.4028234663852886e38;
/** What no f32 can hold is 0. */
const SMALLEST = 2 ** -126;

/** Every loss under sigmoid and softmax, where it has them. */
const LOGIT_LOSSES: readonly Config[] = Object.entries(TABLE).flatMap(([name, { activations }]) =>
  activations
    .filter((a) => a !== 'none')
    .map((activation) => ({ name, options: { activation, ...needed(name, 2) } })),
);
const BOTH: readonly Config[] = LOGIT_LOSSES.concat(
  REGION_LOSSES.map((name) => ({ name, options: { activation: 'sigmoid', aggregate: 'batch' } })),
);
const title = ({ name, options }: Config): string =>
  [name, options.activation, options.aggregate].filter((part) => part !== undefined).join(' ');
const each = (configs: readonly Config[]): [string, Config][] =>
  configs.map((config) => [title(config), config]);

const finite = (grad: Float32Array): boolean => grad.every(Number.isFinite);
const bits = (a: Float32Array, b: Float32Array): boolean => a.every((x, i) => Object.is(x, b[i]));
const allPlusZero = (grad: Float32Array): boolean => grad.every((x) => Object.is(x, 0));

/** Two samples of two channels and 8 pixels; ordinary logits but for those given. */
function scene(values: readonly number[]) {
  const r = random(values.length);
  const pred = Float32Array.from({ length: 32 }, () => r.normal());
  values.forEach((x, i) => {
    pred[(i * 5) % 32] = x;
  });
  const labels = Uint8Array.from({ length: 16 }, () => r.below(2));
  return { pred, labels, call: { shape: [2, 2, 8] } };
}

/** Of losses that rank, the value alone: where many are equal the loss has a corner. */
function compare(config: Config, pred: Float32Array, target: Uint8Array, call: LossCall): string[] {
  const wrong = compareData(config, { pred, target, call });
  return ranks(config) ? wrong.filter((what) => !what.startsWith('gradient')) : wrong;
}

/** e^(b ln L) of a logit of 3e38, whose logarithm alone is rounded by 4e-6. */
const ofPowerOfLog = 2.5e-6;

describe('huge logits', () => {
  const huge = (size: number): number[] => [size, -size, size, -size, size, -size, size];

  it.each(each(LOGIT_LOSSES))('%s: ±50 and ±1e4 agree with the twin', (_, config) => {
    for (const size of [50, 1e4]) {
      const { pred, labels, call } = scene(huge(size));
      expect(compare(config, pred, labels, call)).toEqual([]);
      const alone = Float32Array.from(pred, Math.sign).map((x) => x * size);
      expect(finite(make(config).valueAndGrad(alone, labels, call).grad)).toBe(true);
      expect(compare(config, alone, labels, call)).toEqual([]);
    }
  });

  it.each(each(LOGIT_LOSSES))('%s: ±Infinity is the largest finite float', (_, config) => {
    const loss = make(config);
    const { pred, labels, call } = scene(huge(Infinity));
    const { value, grad } = loss.valueAndGrad(pred, labels, call);
    expect(value).not.toBeNaN();
    expect(finite(grad)).toBe(true);
    const clamped = loss.valueAndGrad(
      pred.map((z) => Math.min(Math.max(z, -LARGEST), LARGEST)),
      labels,
      call,
    );
    expect(value).toBe(clamped.value);
    expect(bits(grad, clamped.grad)).toBe(true);
    const wide = Float64Array.from(pred, (z) => (Number.isFinite(z) ? z : 10 * z));
    expect(loss.valueAndGrad(wide, labels, call)).toEqual({ value, grad });
    const expected = twinOf(config, labels, call).value(pred);
    const relative = config.name === 'exponentialLogarithmicLoss' ? ofPowerOfLog : 1e-6;
    if (value !== Infinity)
      expect(Math.abs(value - expected)).toBeLessThanOrEqual(relative * Math.abs(expected));
    else expect(expected).toBeGreaterThan(1e37);
  });

  it('several +Infinity channels of a pixel share the probability', () => {
    const pred = new Float32Array([Infinity, 3, Infinity, -Infinity]);
    const { value, grad } = crossEntropyLoss().valueAndGrad(pred, new Uint8Array([2]), { shape: [1, 4] });
    expect(value).toBeCloseTo(Math.LN2, 6);
    expect([...grad]).toEqual([0.5, 0, -0.5, 0]);
    const dice = diceLoss({ activation: 'softmax', smooth: 0 }).evaluate(pred, new Uint8Array([2]), {
      shape: [1, 4],
    });
    expect(dice.perClass?.[2]).toBeCloseTo(1 - 1 / 1.5, 6);
  });

  it('every channel −Infinity: equal probabilities', () => {
    const pred = new Float32Array([-Infinity, -Infinity]);
    const { value, grad } = crossEntropyLoss().valueAndGrad(pred, new Uint8Array([0]), { shape: [1, 2] });
    expect(value).toBeCloseTo(Math.LN2, 6);
    expect([...grad]).toEqual([-0.5, 0.5]);
  });
});

describe('NaN', () => {
  const NAN_AT = 3;
  /** Which of the 2 × 2 (sample, channel) an entry lies in. */
  const groupOf = (entry: number): number => Math.floor(entry / 8);

  it.each(each(BOTH))('%s: the value is NaN, the gradient where it reaches', (_, config) => {
    const { pred, labels, call } = scene([]);
    // Both classes are present in both samples, so that no term is empty.
    labels.set([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    pred[NAN_AT] = NaN;
    // The last pixel of the first sample is masked: +0 even where everything else is NaN.
    const mask = Uint8Array.from({ length: 16 }, (_x, i) => Number(i !== 7));
    const masked = (entry: number): boolean => entry === 7 || entry === 15;
    const loss = make(config);
    const { value, grad } = loss.valueAndGrad(pred, labels, { ...call, mask });
    expect(value).toBeNaN();
    expect(loss.value(pred, labels, call)).toBeNaN();
    const softmax = config.options.activation === 'softmax';
    const pixel = PIXEL_LOSSES.includes(config.name);
    // One ratio over all classes of a sample: the NaN reaches them all.
    const joint = softmax || JOINT.includes(config.name);
    const batch = config.options.aggregate === 'batch';
    const reached = (entry: number): boolean => {
      if (masked(entry)) return false;
      if (pixel) return entry === NAN_AT || (softmax && entry === NAN_AT + 8);
      const group = groupOf(entry);
      return (batch || group < 2) && (joint || group % 2 === 0);
    };
    grad.forEach((x, entry) => {
      expect(Number.isNaN(x), `entry ${entry}: ${x}`).toBe(reached(entry));
    });
    expect(Object.is(grad[7], 0) && Object.is(grad[15], 0)).toBe(true);
    expect(finite(loss.valueAndGrad(scene([]).pred, labels, call).grad)).toBe(true);
  });
});

describe('ignored and masked pixels', () => {
  it.each(each(LOGIT_LOSSES))('%s: whatever they hold changes nothing', (_, config) => {
    const { pred, labels, call } = scene([]);
    const mask = Uint8Array.from({ length: 16 }, (_x, i) => Number(i % 3 !== 0));
    const loss = make(config);
    const expected = loss.valueAndGrad(pred, labels, { ...call, mask });
    const [wild, target] = [pred.slice(), labels.slice()];
    mask.forEach((kept, at) => {
      if (kept === 1) return;
      const first = Math.floor(at / 8) * 16 + (at % 8);
      [wild[first], wild[first + 8]] = at % 2 === 0 ? [NaN, Infinity] : [-Infinity, 1e30];
      target[at] = 255;
      expect(Object.is(expected.grad[first], 0)).toBe(true);
    });
    expect(loss.valueAndGrad(wild, target, { ...call, mask })).toEqual(expected);
    const ignoring = make({ ...config, options: { ...config.options, ignoreIndex: 255 } });
    expect(ignoring.valueAndGrad(wild, target, call)).toEqual(expected);
  });
});

describe('nothing to count', () => {
  /** Every loss with every value of its options: a mean over nothing is 0 whatever the formula says. */
  const all: Config[] = Object.entries(TABLE).flatMap(([name, { activations, options }]) =>
    activations.flatMap((activation) =>
      Object.entries(options).flatMap(([option, values]) =>
        values(2).map((value) => ({ name, options: { activation, ...needed(name, 2), [option]: value } })),
      ),
    ),
  );
  const { labels } = scene([]);
  const pred = Float32Array.from({ length: 32 }, (_, i) => (i % 7) / 7);
  const shape = [2, 2, 8];
  const ones = (length: number): number[] => Array.from({ length }, () => 1);
  const zeros = (length: number): number[] => Array.from({ length }, () => 0);

  it('everything masked, or ignored: value 0, gradient +0', () => {
    const wrong = all.flatMap((config) => {
      const masked = make(config).valueAndGrad(pred, labels, { shape, mask: zeros(16) });
      const ignoring = make({ ...config, options: { ...config.options, ignoreIndex: 9 } });
      const ignored = ignoring.valueAndGrad(pred, new Uint8Array(16).fill(9), { shape });
      return [masked, ignored].every(({ value, grad }) => value === 0 && allPlusZero(grad))
        ? []
        : [JSON.stringify(config)];
    });
    expect(wrong).toEqual([]);
    expect(all.length).toBeGreaterThan(300);
  });

  it('weights 0: value 0, gradient 0', () => {
    const wrong = all.flatMap((config) => {
      const loss = make(config);
      const byPixel = loss.valueAndGrad(pred, labels, { shape, pixelWeights: new Float32Array(16) });
      const bySample = loss.valueAndGrad(pred, labels, { shape, sampleWeights: zeros(2) });
      return [byPixel, bySample].every(({ value, grad }) => value === 0 && grad.every((x) => x === 0))
        ? []
        : [JSON.stringify(config)];
    });
    expect(wrong).toEqual([]);
  });

  it('weights 1 are no weights', () => {
    for (const config of LOGIT_LOSSES) {
      const loss = make(config);
      const call = {
        shape,
        pixelWeights: new Float32Array(ones(16)),
        sampleWeights: ones(2),
        mask: ones(16),
      };
      const [weighted, plain] = [
        loss.valueAndGrad(pred, labels, call),
        loss.valueAndGrad(pred, labels, { shape }),
      ];
      expect(Math.abs(weighted.value - plain.value), title(config)).toBeLessThanOrEqual(
        1e-7 * Math.abs(plain.value),
      );
    }
  });

  it.each([[[0, 2, 8]], [[2, 2, 0]], [[2, 2, 3, 0, 4]], [[0, 2]]])(
    'shape %j: value 0, empty gradient',
    (empty) => {
      // A spacing is of one number of dimensions.
      for (const config of all.filter(({ options }) => options.spacing === undefined)) {
        const loss = make(config);
        const { value, grad } = loss.valueAndGrad(new Float32Array(0), new Uint8Array(0), { shape: empty });
        expect(value, JSON.stringify(config)).toBe(0);
        expect(grad).toHaveLength(0);
        expect(loss.value(new Float32Array(0), new Uint8Array(0), { shape: empty })).toBe(0);
      }
    },
  );
});

describe('margins', () => {
  const configs: Config[] = [
    { name: 'crossEntropyLoss', options: {} },
    ...[0, 0.5, 2].map((gamma) => ({
      name: 'focalLoss',
      options: { activation: 'softmax' as const, gamma },
    })),
  ];
  it.each(configs.flatMap((config) => [8, 18, 40].map((margin) => ({ config, margin }))))(
    '$config.name $config.options, $margin: value ≤ 1e-6 and gradient ≤ 1e-5 relative',
    ({ config, margin }) => {
      for (const label of [0, 1, 2]) {
        const pred = new Float32Array([margin, 0, -1]);
        const target = new Uint8Array([label]);
        const call = { shape: [1, 3] };
        const { value, grad } = make(config).valueAndGrad(pred, target, call);
        const twin = twinOf(config, target, call);
        const expected = twin.value(pred);
        expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-6 * expected + SMALLEST);
        const slope = twinSlope(twin, pred);
        grad.forEach((x, entry) => {
          const difference = slope((i) => Number(i === entry));
          const allowed = 1e-5 * Math.abs(difference) + differenceError(expected) + SMALLEST;
          expect(
            Math.abs(x - difference),
            `label ${label}, entry ${entry}: ${x}, ${difference}`,
          ).toBeLessThanOrEqual(allowed);
        });
      }
    },
  );
});

describe('tails of sigmoid Dice', () => {
  it.each([10, 18, 40])('|z| = %d: gradient ≤ 1e-5 relative', (z) => {
    const pred = new Float32Array([z, -z, z, -z, 0]);
    const labels = new Uint8Array([1, 1, 0, 0, 1]);
    const { grad } = diceLoss().valueAndGrad(pred, labels, { shape: [1, 1, 5] });
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const p = Array.from(pred, sigmoid);
    const [top, bottom] = [
      2 * p.reduce((sum, x, i) => sum + x * (labels[i] as number), 0) + 1e-5,
      p.reduce((a, b) => a + b, 3) + 1e-5,
    ];
    grad.forEach((x, i) => {
      const slope = sigmoid(pred[i] as number) * sigmoid(-(pred[i] as number));
      const expected = slope * (top / bottom ** 2 - (2 * (labels[i] as number)) / bottom);
      expect(Math.abs(x / expected - 1), `entry ${i}: ${x}, ${expected}`).toBeLessThanOrEqual(1e-5);
    });
  });
});

describe('one foreground pixel in 2^24', () => {
  const pixels = 2 ** 24;
  const at = 10_000_019;
  const [z, background] = [1, -5];
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const [p, q] = [sigmoid(z), sigmoid(background)];
  const labels = new Uint8Array(pixels);
  labels[at] = 1;
  const size = p + (pixels - 1) * q + 1 + 1e-5;
  const top = 2 * p + 1e-5;
  const focal = { lesion: -((1 - p) ** 2) * Math.log(p), rest: -(q ** 2) * Math.log1p(-q) };

  it.each([
    {
      config: { name: 'diceLoss', options: {} },
      value: 1 - top / size,
      lesion: p * (1 - p) * (top / size ** 2 - 2 / size),
      rest: (q * (1 - q) * top) / size ** 2,
    },
    {
      config: { name: 'binaryCrossEntropyLoss', options: {} },
      value: (-Math.log(p) - (pixels - 1) * Math.log1p(-q)) / pixels,
      lesion: (p - 1) / pixels,
      rest: q / pixels,
    },
    {
      config: { name: 'focalLoss', options: {} },
      value: (focal.lesion + (pixels - 1) * focal.rest) / pixels,
      lesion: ((1 - p) ** 2 * (2 * p * Math.log(p) - (1 - p))) / pixels,
      rest: (q ** 2 * (-2 * (1 - q) * Math.log1p(-q) + q)) / pixels,
    },
  ])('$config.name: value and gradient on and off it', ({ config, value, lesion, rest }) => {
    const pred = new Float32Array(pixels).fill(background);
    pred[at] = z;
    const got = make(config).valueAndGrad(pred, labels, { shape: [1, 1, 4096, 4096], out: pred });
    expect(Math.abs(got.value / value - 1)).toBeLessThanOrEqual(1e-6);
    expect(Math.abs((pred[at] ?? NaN) / lesion - 1)).toBeLessThanOrEqual(1e-5);
    for (const i of [0, at - 1, at + 1, pixels - 1]) {
      expect(Math.abs((pred[i] ?? NaN) / rest - 1)).toBeLessThanOrEqual(1e-5);
    }
  });
});

describe('focal with a large γ', () => {
  it('stays finite', () => {
    const pred = new Float32Array([-1e4, 1e4, 0, 50, -50, 100]);
    const loss = focalLoss({ gamma: 10 });
    const { value, grad } = loss.valueAndGrad(pred, new Uint8Array([1, 0, 1, 1, 0, 0]), { shape: [1, 1, 6] });
    expect(Number.isFinite(value)).toBe(true);
    expect(finite(grad)).toBe(true);
  });
});
