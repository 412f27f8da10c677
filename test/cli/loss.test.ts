/** `segloss loss`: the value that the package itself gives, however the file lays out its axes. */
import { diceLoss, crossEntropyLoss, type Loss, weightedSum } from 'segloss';
import { describe, expect, test } from 'vitest';
import { nifti, npy, scratch, segloss } from './command.js';

const { folder, write } = scratch();

const [N, C, H, W] = [2, 3, 4, 5];
const LOGITS = Float32Array.from({ length: N * C * H * W }, (_, i) => Math.fround(3 * Math.sin(1.7 * i)));
const LABELS = Uint8Array.from({ length: N * H * W }, (_, i) => (i * i) % 3);
const LAST = LOGITS.map((_, i) => {
  const [b, pixel, c] = [Math.floor(i / (C * H * W)), Math.floor(i / C) % (H * W), i % C];
  return LOGITS[(b * C + c) * H * W + pixel]!;
});
const LOSS = weightedSum([
  [1, diceLoss({ smooth: 1 })],
  [0.5, crossEntropyLoss()],
]);
const expected = LOSS.value(LOGITS, LABELS, { shape: [N, C, H, W] });

const run = (pred: string, truth: string, loss: Loss, ...flags: string[]): ReturnType<typeof segloss> =>
  segloss(['loss', pred, truth, '--loss', JSON.stringify(loss), ...flags]);

describe('axes', () => {
  const truth = write('labels.npy', npy([N, H, W], LABELS));

  test('samples, classes, height, width are told by the shapes', async () => {
    const { code, json, stderr } = await run(
      write('nchw.npy', npy([N, C, H, W], LOGITS, '<f4')),
      truth,
      LOSS,
      '--json',
    );
    expect([code, stderr]).toEqual([0, '']);
    const [line] = json();
    expect(line).toMatchObject({ value: expected, shape: [N, C, H, W] });
    expect(line!['terms']).toMatchObject([
      { name: 'diceLoss', weight: 1 },
      { name: 'crossEntropyLoss', weight: 0.5 },
    ]);
  });

  test('classes last', async () => {
    const pred = write('nhwc.npy', npy([N, H, W, C], LAST, '<f4'));
    const { json } = await run(pred, truth, LOSS, '--axes', 'NHWC', '--json');
    expect(json()[0]!.value).toBeCloseTo(expected, 6);
  });

  test('no samples: one image', async () => {
    const one = LOGITS.subarray(0, C * H * W);
    const labels = write('one-labels.npy', npy([H, W], LABELS.subarray(0, H * W)));
    const { json } = await run(write('chw.npy', npy([C, H, W], one, '<f4')), labels, diceLoss(), '--json');
    expect(json()[0]!.value).toBe(diceLoss().value(one, LABELS.subarray(0, H * W), { shape: [1, C, H, W] }));
  });

  test('NIfTI: x, y, z, classes', async () => {
    const labels = write('labels.nii.gz', nifti([W, H, N], LABELS));
    const shape = [1, C, N, H, W];
    const whole = Float32Array.from({ length: LOGITS.length }, (_, i) => Math.fround(Math.cos(2.3 * i)));
    const { json } = await run(
      write('logits.nii.gz', nifti([W, H, N, C], whole, { kind: 'f4' })),
      labels,
      LOSS,
      '--json',
    );
    expect(json()[0]).toMatchObject({ value: LOSS.value(whole, LABELS, { shape }), shape });
  });

  test('NIfTI: a picture, and classes as the fifth axis', async () => {
    const one = LOGITS.subarray(0, C * H * W);
    const value = LOSS.value(one, LABELS.subarray(0, H * W), { shape: [1, C, H, W] });
    const labels = write('picture.nii', nifti([W, H, 1], LABELS.subarray(0, H * W)));
    for (const shape of [
      [W, H, 1, C],
      [W, H, 1, 1, C],
    ]) {
      const { json, stderr } = await run(
        write('p.nii', nifti(shape, one, { kind: 'f4' })),
        labels,
        LOSS,
        '--json',
      );
      expect(stderr).toBe('');
      expect(json()[0]!.value).toBe(value);
    }
  });

  test('a truth of one value a class', async () => {
    const dense = LOGITS.map((z) => 1 / (1 + Math.exp(-z)));
    const soft = write('soft.npy', npy([N, C, H, W], dense, '<f4'));
    const sigmoid = diceLoss({ activation: 'sigmoid' });
    const { json } = await run(
      write('nchw.npy', npy([N, C, H, W], LOGITS, '<f4')),
      soft,
      sigmoid,
      '--axes',
      'NCHW',
      '--json',
    );
    expect(json()[0]!.value).toBe(sigmoid.value(LOGITS, dense, { shape: [N, C, H, W] }));
  });

  test('shapes that do not tell ask for --axes', async () => {
    const cube = write('cube.npy', npy([2, 2, 2], new Float32Array(8), '<f4'));
    const square = write('square.npy', npy([2, 2], [0, 1, 1, 0]));
    const { code, stderr } = await run(cube, square, diceLoss());
    expect([code, stderr]).toEqual([3, expect.stringMatching(/\(CHW, NCW, HWC fit\); say it with --axes/)]);
    expect((await run(cube, square, diceLoss(), '--axes', 'HWC')).code).toBe(0);
    const wrong = await run(cube, square, diceLoss(), '--axes', 'NCHW');
    expect(wrong.stderr).toMatch(/--axes NCHW expected an array of 4 axes, got .*cube\.npy of 2 × 2 × 2/);
    const other = write('other.npy', npy([3], [0, 1, 1]));
    expect((await run(cube, other, diceLoss())).stderr).toMatch(
      /expected one shape, or the prediction with one axis more/,
    );
  });
});

test('a table with the terms, and the classes', async () => {
  const pred = write('t/pred.npy', npy([2, 2], [0, 0, 0, 0], '<f4'));
  const truth = write('t/truth.npy', npy([2, 2], [1, 1, 0, 0]));
  expect((await run(pred, truth, diceLoss({ smooth: 0 }))).stdout).toMatchSnapshot();
  const csv = await run(folder + '/t', folder + '/t', diceLoss({ smooth: 0, activation: 'none' }), '--csv');
  expect(csv.stdout).toMatch(/^case,loss,pred,truth,error\npred,0,.*\ntruth,0,/);
});

test('a loss in a file; what is no loss is wrong usage, before any file is read', async () => {
  const file = write('loss.json', JSON.stringify(diceLoss()));
  const pred = write('p.npy', npy([2], [0, 1], '<f4'));
  expect((await segloss(['loss', pred, pred, '--loss', file])).code).toBe(0);
  const { code, stderr } = await segloss(['loss', 'a', 'b', '--loss', '{"name":"dicLoss"}']);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/--loss expected a loss as JSON.*did you mean "diceLoss"/),
  ]);
});

test('what the loss itself refuses fails the case, with its words', async () => {
  const pred = write('logits.npy', npy([2], [-3, 4], '<f4'));
  const truth = write('mask.npy', npy([2], [0, 255]));
  const { code, stderr } = await run(pred, truth, diceLoss());
  expect([code, stderr]).toEqual([
    3,
    expect.stringMatching(/mask\.npy: .*ignoreIndex: 255.*divide by 255.*\(--foreground counts/),
  ]);
  expect((await run(pred, truth, diceLoss(), '--foreground')).code).toBe(0);
  const picture = await run(write('mask.png', ''), truth, diceLoss());
  expect(picture.stderr).toMatch(
    /mask\.png is a PNG, which holds whole numbers; expected logits or probabilities/,
  );
  const none = await run(pred, truth, diceLoss({ activation: 'none' }), '--foreground');
  expect(none.stderr).toMatch(/look like logits/);
});
