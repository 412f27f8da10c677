/** How results print. */
import { crossEntropyLoss, diceLoss, regionLoss, Sums, weightedSum } from 'segloss';
import { confusionMatrix, lesions, surfaceDistances } from 'segloss/metrics';
import { expect, test } from 'vitest';

/** As `util.inspect` does, without it: the test also runs in browsers. */
function inspect(value: object): string {
  const print = (value as Record<symbol, (depth: number, options: object) => string>)[
    Symbol.for('nodejs.util.inspect.custom')
  ];
  if (print === undefined) throw new Error('prints by default');
  return print.call(value, 2, {});
}

test('a loss prints as the call that makes it', () => {
  expect(inspect(diceLoss())).toBe('diceLoss()');
  expect(
    inspect(diceLoss({ smooth: { numerator: 0, denominator: 1 }, classes: [1, 2], exponent: undefined })),
  ).toBe('diceLoss({ smooth: { numerator: 0, denominator: 1 }, classes: [1, 2] })');
  const sum = weightedSum(
    [
      [1, diceLoss({ aggregate: 'batch' })],
      [0.5, crossEntropyLoss()],
    ],
    { name: 'mine' },
  );
  expect(inspect(sum)).toBe(
    "weightedSum([[1, diceLoss({ aggregate: 'batch' })], [0.5, crossEntropyLoss()]], { name: 'mine' })",
  );
  const own = regionLoss('ownLoss', () => ({ value: 0, partials: {} }), { sharpness: 2 });
  expect(inspect(own())).toMatch(/^ownLoss\(/);
});

test('sums print what they are of and the sums every overlap reads', () => {
  const pred = new Float32Array([1, 1, 0, 0, 0, 0, 0.5, 0]);
  const target = new Uint8Array([1, 0, 1, 0, 0, 1, 1, 0]);
  const sums = diceLoss({ activation: 'none' }).accumulate(pred, target, { shape: [2, 1, 4], sample: 3 });
  const text = [
    "Sums of diceLoss({ activation: 'none' }), 1 channel",
    '  sample 3: tp 1, p 2, g 2',
    '  sample 4: tp 0.5, p 0.5, g 2',
  ].join('\n');
  expect(inspect(sums)).toBe(text);
  expect(inspect(Sums.from(JSON.parse(JSON.stringify(sums))))).toBe(text);
  const both = weightedSum([
    [1, crossEntropyLoss()],
    [1, diceLoss({ aggregate: 'batch' })],
  ]);
  const logits = new Float32Array(2 * 12 * 3);
  const merged = both.accumulate(logits, new Uint8Array(6), { shape: [2, 12, 3] });
  expect(inspect(merged)).toContain(
    '\n  sum 14.909, divisor 6\n  batch: tp 0.5 0 0 0 0 0 0 0 … 4 more, p 0.5',
  );
});

test('a confusion matrix prints the counts and Dice of each label', () => {
  const target = new Uint8Array([0, 0, 1, 1, 48]);
  const matrix = confusionMatrix(new Uint8Array([0, 1, 1, 1, 0]), target);
  expect(
    inspect(matrix)
      .split('\n')
      .map((line) => line.trim().replaceAll(/ +/g, ' ')),
  ).toEqual([
    'ConfusionMatrix of 3 labels',
    'label tp fp fn dice',
    '0 1 1 1 0.5',
    '1 2 1 0 0.8',
    '48 0 0 1 0',
  ]);
  const many = confusionMatrix(new Uint8Array(4), new Uint8Array(4), { classes: 117 });
  expect(inspect(many)).toMatch(/… 109 more$/);
});

test('surface distances and lesions print in a line', () => {
  const [pred, target] = [new Uint8Array([0, 1, 1, 0, 0, 1]), new Uint8Array([1, 1, 0, 0, 0, 0])];
  expect(inspect(surfaceDistances(pred, target, { shape: [1, 6] }))).toBe(
    'SurfaceDistances of 3 predicted and 2 true surface elements: ' +
      'hausdorff 4, hausdorff(95) 3.7, averageDistance 1.6667, symmetricAverageDistance 1.2',
  );
  const found = lesions(pred, target, { shape: [1, 6] });
  expect(inspect(found)).toBe(
    'Lesions: 1 hits, 0 misses, 1 false alarms; sensitivity 1, precision 0.5, f1 0.66667',
  );
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  expect(Reflect.ownKeys({ ...found })).toEqual(Object.keys(found));
});
