/** What people confuse, on every loss: the error, or `diagnose`, names the mistake and the fix, and the fix works. */
import type { Loss, LossCall, Prediction, Target } from 'segloss';
import { diagnose } from 'segloss/diagnose';
import { confusionMatrix } from 'segloss/metrics';
import { describe, expect, test } from 'vitest';
import { type Case, CASES, data, oneHot, thrown, toLast } from './contract-cases.js';

const SPATIAL = [6, 8];
const good = (of: Case) => data(of, 2, SPATIAL);
const loss = (of: Case, options = {}): Loss => of.make(options);
const many = CASES.filter(({ channels }) => channels > 1);
const single = CASES.filter(({ channels }) => channels === 1);
const named = (cases: readonly Case[]) => cases.map((of) => [of.title, of] as const);

type Input = readonly [pred: Prediction, target: Target, call: LossCall];

/** The mistake throws what it is, and says what to do; done, there is a finite value. */
function expectError(of: Case, wrong: Input, says: readonly RegExp[], right: Input, options = {}): void {
  const error = thrown(() => loss(of).value(...wrong));
  for (const text of says) expect(error.message).toMatch(text);
  expect(loss(of, options).value(...right)).toSatisfy(Number.isFinite);
}

/** The softmax, or sigmoid, of logits with channels first. */
function probabilities(of: Case): Float32Array {
  const { pred, pixels, channels } = good({ ...of, activation: 'softmax' });
  if (of.activation === 'sigmoid') return pred.map((z) => 1 / (1 + Math.exp(-z)));
  return pred.map((z, at) => {
    const first = Math.floor(at / (channels * pixels)) * channels * pixels + (at % pixels);
    let sum = 0;
    for (let k = 0; k < channels; k++) sum += Math.exp(pred[first + k * pixels] ?? NaN);
    return Math.exp(z) / sum;
  });
}

describe('a picture for a mask', () => {
  test.each(named(CASES))('%s: RGBA', (_, of) => {
    const { pred, labels, shape } = good(of);
    const rgba = Uint8ClampedArray.from(
      { length: 4 * labels.length },
      (_, i) => labels[Math.floor(i / 4)] ?? 0,
    );
    const grey = rgba.filter((_, i) => i % 4 === 0);
    const says = [
      /"target" expected length 96/,
      /got 384; 4 values a pixel: an RGBA picture\? take one/,
      /% 4 === 0/,
    ];
    expectError(of, [pred, rgba, { shape }], says, [pred, grey, { shape }]);
    const call = { shape, mask: rgba };
    expect(thrown(() => loss(of).value(pred, labels, call)).message).toMatch(/"mask".*RGBA/);
  });

  test('of four classes, where the length is right', () => {
    const of = { ...many[0]!, channels: 4 };
    const { pred, shape } = data(of, 1, SPATIAL);
    const rgba = new Uint8ClampedArray(pred.length).fill(255);
    expect(thrown(() => loss(of).value(pred, rgba, { shape })).message).toMatch(
      /an RGBA picture of four values/,
    );
  });

  test('in the metrics', () => {
    expect(() => confusionMatrix(new Uint8Array(8), new Uint8ClampedArray(32))).toThrow(/RGBA/);
  });
});

describe('another layout', () => {
  test.each(named(many))('%s: NHWC as NCHW', (_, of) => {
    const { pred, labels } = good(of);
    const [last, call] = [toLast(pred, good(of)), { shape: [2, ...SPATIAL, 3] }];
    const says = [
      /"target" expected length 48/,
      /\[2, 6, 8, 3\] is \[N, \.\.\.spatial, C\].*dataFormat: 'channelsLast'/,
    ];
    const options = { dataFormat: 'channelsLast' };
    expectError(of, [last, labels, call], says, [last, labels, call], options);
  });

  test.each(named(many))('%s: NCHW as NHWC', (_, of) => {
    const { pred, labels, shape } = good(of);
    const error = thrown(() => loss(of, { dataFormat: 'channelsLast' }).value(pred, labels, { shape }));
    expect(error.message).toMatch(/\[2, 3, 6, 8\] is \[N, C, \.\.\.spatial\].*dataFormat: 'channelsFirst'/);
  });

  test.each(named(many))('%s: a one-hot target of the other layout is a finding', (_, of) => {
    const made = good(of);
    const [pred, target] = [toLast(made.pred, made), toLast(oneHot(made), made)];
    const call = { shape: [2, ...SPATIAL, 3] };
    const [finding] = diagnose(loss(of), pred, target, call).filter(({ kind }) => kind === 'layout');
    expect(finding?.text).toMatch(/\[2, 6, 8, 3\] is \[N, \.\.\.spatial, C\].*dataFormat: 'channelsLast'/);
    expect(diagnose(loss(of, { dataFormat: 'channelsLast' }), pred, target, call)).toEqual([]);
  });
});

describe('logits and probabilities', () => {
  const ofLogits = CASES.filter(({ activation }) => activation !== 'none');
  test.each(named(ofLogits))('%s: probabilities where logits are expected', (_, of) => {
    const { labels, shape } = good(of);
    const [finding, ...others] = diagnose(loss(of), probabilities(of), labels, { shape });
    expect(others).toEqual([]);
    expect(finding?.kind).toBe('doubleActivation');
    expect(finding?.text).toContain(`the ${of.activation} once more; give the logits, or make the loss with`);
    // The fix, where the loss takes probabilities under this name.
    if (CASES.some(({ title }) => title === of.title.replace(of.activation, 'none'))) {
      expect(diagnose(loss(of, { activation: 'none' }), probabilities(of), labels, { shape })).toEqual([]);
    }
  });

  test.each(named(CASES.filter(({ activation }) => activation === 'none')))(
    '%s: logits where probabilities are expected',
    (_, of) => {
      const { pred, labels, shape } = good({ ...of, activation: 'sigmoid' });
      const says = [/"pred".*these look like logits, which take activation 'sigmoid' or 'softmax'/];
      expectError(of, [pred, labels, { shape }], says, [probabilities(of), labels, { shape }]);
    },
  );

  test.each(named(many))('%s: an arg-max for logits', (_, of) => {
    const { labels, shape } = good(of);
    const error = thrown(() => loss(of).value(Float32Array.from(labels), labels, { shape }));
    expect(error.message).toMatch(/"pred".*one value a pixel: an arg-max\? a loss takes the 3 logits/);
  });

  test.each(named(CASES))('%s: target first, as in Keras', (_, of) => {
    const { pred, labels, shape } = good(of);
    expect(thrown(() => loss(of).value(labels as never, pred, { shape })).message).toMatch(
      /"pred".*got Uint8Array; "pred" and "target" exchanged\? the prediction comes first/,
    );
    if (of.activation === 'none') return;
    const floats = Float32Array.from(oneHot(good(of)));
    expect(thrown(() => loss(of).value(floats, pred, { shape })).message).toMatch(/"target".*exchanged/);
  });
});

describe('labels of a picture', () => {
  test.each(named(single))('%s: 0 and 255', (_, of) => {
    const { pred, labels, shape } = good(of);
    const mask = labels.map((label) => 255 * label);
    const says = [/got 255/, /divide by 255/];
    expectError(of, [pred, mask, { shape }], says, [pred, mask.map((m) => m / 255), { shape }]);
    expectError(of, [pred, Float32Array.from(mask), { shape }], says, [pred, labels, { shape }]);
    const found = diagnose(loss(of, { ignoreIndex: 255 }), pred, mask, { shape });
    expect(found.map(({ kind }) => kind)).toEqual(['ignoredForeground']);
    expect(found[0]?.text).toMatch(/divide by 255 and leave ignoreIndex out/);
  });

  test.each(named(many))('%s: one-hot of 0 and 255', (_, of) => {
    const { pred, shape } = good(of);
    const dense = oneHot(good(of)).map((g) => 255 * g);
    expect(thrown(() => loss(of).value(pred, dense, { shape })).message).toMatch(/divide by 255/);
  });

  test.each(named(many))('%s: a label map scaled by 1/255', (_, of) => {
    const { pred, labels, shape } = good(of);
    const scaled = Float32Array.from(labels, (label) => label / 255);
    const back = Uint8Array.from(scaled, (x) => Math.round(255 * x));
    const says = [
      /got 0\.00\d+ at index \d+; a label map holds class indices/,
      /that is [12]\/255.*Math\.round\(255 \* x\)/,
    ];
    expectError(of, [pred, scaled, { shape }], says, [pred, back, { shape }]);
    const resampled = Float32Array.from(labels, (label) => label * 1.0001);
    expect(thrown(() => loss(of).value(pred, resampled, { shape })).message).toMatch(/round them/);
  });

  test.each(named(single))('%s: a mask scaled by 1/255 is a finding', (_, of) => {
    const { pred, labels, shape } = good(of);
    const scaled = Float32Array.from(labels, (label) => label / 255);
    const found = diagnose(loss(of), pred, scaled, { shape });
    expect(found.map(({ kind }) => kind)).toEqual(['scaledTarget']);
    expect(found[0]?.text).toMatch(/1\/255.*Math\.round\(255 \* x\)/);
    expect(
      diagnose(
        loss(of),
        pred,
        Uint8Array.from(scaled, (x) => Math.round(255 * x)),
        { shape },
      ),
    ).toEqual([]);
  });

  test('in the metrics', () => {
    const scaled = Float32Array.of(0, 1 / 255);
    expect(() => confusionMatrix(scaled, new Uint8Array(2))).toThrow(/1\/255.*brings them back/);
  });
});

describe('diagnose', () => {
  test.each(named(CASES))('%s: finds nothing where nothing is wrong', (_, of) => {
    const made = good(of);
    const call = { shape: made.shape };
    for (const target of [made.labels, oneHot(made), Float32Array.from(oneHot(made))]) {
      expect(diagnose(loss(of), made.pred, target, call)).toEqual([]);
    }
    expect(diagnose(loss(of, { ignoreIndex: 255 }), made.pred, made.labels.fill(255, 0, 9), call)).toEqual(
      [],
    );
    expect(
      diagnose(loss(of), new Float32Array(0), new Uint8Array(0), { shape: [0, of.channels, 4] }),
    ).toEqual([]);
  });

  test.each(named(CASES.filter(({ activation }) => activation === 'softmax')))(
    '%s: a shape without N and C',
    (_, of) => {
      const { pred, labels } = good({ ...of, channels: 1 });
      const [finding] = diagnose(loss(of), pred, labels, { shape: [12, 8] });
      expect(finding?.kind).toBe('targetSums');
      expect(finding?.text).toMatch(/\[1, 1, height, width\], not \[12, 8\]/);
    },
  );

  test.each(named(CASES))('%s: throws what the loss throws, and for what is no loss', (_, of) => {
    const { pred, shape } = good(of);
    expect(() => diagnose(loss(of), pred, new Uint8Array(3), { shape })).toThrow(/"target" expected length/);
    expect(() => diagnose({} as never, pred, new Uint8Array(3), { shape })).toThrow(TypeError);
  });

  test('looks at a few pixels of many', () => {
    const shape = [1, 1, 1024, 1024];
    const pred = new Float32Array(2 ** 20).map((_, i) => (i % 100) / 100);
    const found = diagnose(loss(single[0]!), pred, new Uint8Array(2 ** 20), { shape });
    expect(found.map(({ kind }) => kind)).toEqual(['doubleActivation']);
  });
});
