/** Where the voxels lie: the same grid stored otherwise is compared rightly, any other is refused with both printed. */
import { describe, expect, test } from 'vitest';
import { nifti, type NiftiOptions, npy, scratch, segloss } from './command.js';

const { write } = scratch();

const SHAPE = [3, 4, 5] as const;
const at = (x: number, y: number, z: number): number => [0, 1, 2, 0][(7 * x + 5 * y * y + 3 * z) % 4]!;

/** The labels of `at` as a file stores them whose axes run along these of the truth, some from the far end. */
function stored(axes: readonly number[], reversed: readonly boolean[]): { shape: number[]; data: number[] } {
  const shape = axes.map((axis) => SHAPE[axis]!);
  const data: number[] = [];
  for (let k = 0; k < shape[2]!; k++)
    for (let j = 0; j < shape[1]!; j++)
      for (let i = 0; i < shape[0]!; i++) {
        const index = [0, 0, 0];
        [i, j, k].forEach((n, a) => (index[axes[a]!] = reversed[a] ? shape[a]! - 1 - n : n));
        data.push(at(index[0]!, index[1]!, index[2]!));
      }
  return { shape, data };
}

/** The affine of such a file, where the truth's is 1 × 1.5 × 3 mm from (−90, 20, 5). */
function affineOf(axes: readonly number[], reversed: readonly boolean[]): number[][] {
  const [spacing, origin] = [
    [1, 1.5, 3],
    [-90, 20, 5],
  ];
  const affine = [0, 1, 2].map((row) => [0, 0, 0, origin[row]!]);
  axes.forEach((axis, a) => {
    affine[axis]![a] = spacing[axis]! * (reversed[a] ? -1 : 1);
    if (reversed[a]) affine[axis]![3]! += spacing[axis]! * (SHAPE[axis]! - 1);
  });
  return affine;
}

const file = (name: string, axes: number[], reversed: boolean[], options: NiftiOptions = {}): string => {
  const { shape, data } = stored(axes, reversed);
  return write(name, nifti(shape, data, { affine: affineOf(axes, reversed), ...options }));
};
const [ALONG, NONE] = [
  [0, 1, 2],
  [false, false, false],
];
const TRUTH = file('truth.nii', ALONG, NONE);

describe('one grid, stored otherwise', () => {
  test.each([
    { axes: [0, 1, 2], reversed: [true, false, false] },
    { axes: [0, 1, 2], reversed: [true, true, false] },
    { axes: [2, 0, 1], reversed: [false, false, false] },
    { axes: [1, 2, 0], reversed: [true, false, true] },
    { axes: [2, 1, 0], reversed: [true, true, true] },
  ])('axes $axes, reversed $reversed', async ({ axes, reversed }) => {
    const pred = file('other.nii', axes, reversed);
    const { json, stderr } = await segloss(['eval', pred, TRUTH, '--surface', '--json']);
    expect(json()[0]!.labels.map(({ dice }) => dice)).toEqual([1, 1]);
    expect(json()[0]!.mean.hausdorff).toBe(0);
    expect(stderr).toMatch(/axes run otherwise; it was laid on the grid of the truth/);
    const back = await segloss(['eval', TRUTH, pred, '--json']);
    expect(back.json()[0]!.labels.map(({ dice }) => dice)).toEqual([1, 1]);
  });

  test('qform and sform that say the same', async () => {
    const { shape, data } = stored(ALONG, NONE);
    // Half a turn about z: x and y reversed, from (10, 20, 5).
    const quaternion = [0, 0, 1, 10, 20, 5, 1];
    const sform = [
      [-1, 0, 0, 10],
      [0, -1.5, 0, 20],
      [0, 0, 3, 5],
    ];
    const q = write('q.nii', nifti(shape, data, { quaternion, spacing: [1, 1.5, 3] }));
    const s = write('s.nii', nifti(shape, data, { affine: sform }));
    const { json, stderr } = await segloss(['eval', q, s, '--json']);
    expect(stderr).toBe('');
    expect(json()[0]!.mean.dice).toBe(1);
    // qfac: the third axis reversed.
    const mirrored = write(
      'm.nii',
      nifti(shape, data, { quaternion: [...quaternion.slice(0, 6), -1], spacing: [1, 1.5, 3] }),
    );
    expect((await segloss(['eval', mirrored, s])).stderr).toMatch(/lie on different grids/);
  });
});

describe('another grid', () => {
  test('an affine that differs is refused, and both are printed', async () => {
    const { shape, data } = stored(ALONG, NONE);
    const moved = affineOf(ALONG, NONE);
    moved[0]![3]! += 0.5;
    const { code, stderr } = await segloss([
      'eval',
      write('moved.nii', nifti(shape, data, { affine: moved })),
      TRUTH,
    ]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/moved\.nii and .*truth\.nii lie on different grids/);
    expect(stderr).toMatch(/prediction, 3 × 4 × 5:\n +1 +0 +0 +-89\.5\n +0 +1\.5 +0 +20\n +0 +0 +3 +5\n/);
    expect(stderr).toMatch(/truth, 3 × 4 × 5:\n +1 +0 +0 +-90\n/);
  });

  test('x that runs the other way about 0 is another grid, though the shape is one', async () => {
    const { shape, data } = stored(ALONG, NONE);
    const flipped = affineOf(ALONG, NONE);
    flipped[0]![0]! *= -1;
    const { code, stderr } = await segloss([
      'eval',
      write('flip.nii', nifti(shape, data, { affine: flipped })),
      TRUTH,
    ]);
    expect([code, /lie on different grids/.test(stderr)]).toEqual([3, true]);
  });

  test('a header rounded to 32 bits is the same grid', async () => {
    const { shape, data } = stored(ALONG, NONE);
    const near = affineOf(ALONG, NONE).map((row) => row.map((x) => x * (1 + 1e-6)));
    const { json } = await segloss([
      'eval',
      write('near.nii', nifti(shape, data, { affine: near })),
      TRUTH,
      '--json',
    ]);
    expect(json()[0]!.mean.dice).toBe(1);
  });

  test('a shape that differs is refused, with the likely mistake', async () => {
    const { data } = stored(ALONG, NONE);
    const pred = write('reversed.npy', npy([5, 4, 3], data));
    const { code, stderr } = await segloss(['eval', pred, TRUTH]);
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /reversed\.npy has 5 × 4 × 3 voxels, but .*truth\.nii has 3 × 4 × 5.*axes in reverse, as SimpleITK and nibabel/,
    );
    const channels = write('channels.npy', npy([3, 4, 5, 2], [...data, ...data]));
    expect((await segloss(['eval', channels, TRUTH])).stderr).toMatch(/an axis more: take its arg-max/);
  });
});

test('distances are in millimetres, along each axis its own', async () => {
  const cube = (from: readonly number[]): number[] =>
    Array.from({ length: 1000 }, (_, i) => {
      const index = [i % 10, Math.floor(i / 10) % 10, Math.floor(i / 100)];
      return index.every((n, axis) => n >= from[axis]! && n < from[axis]! + 4) ? 1 : 0;
    });
  const affine = [
    [1, 0, 0, 0],
    [0, 2, 0, 0],
    [0, 0, 3, 0],
  ];
  const truth = write('cube.nii', nifti([10, 10, 10], cube([2, 2, 2]), { affine }));
  for (const [axis, millimetres] of [
    [0, 1],
    [1, 2],
    [2, 3],
  ] as const) {
    const from = [2, 2, 2];
    from[axis]! += 1;
    const pred = write('cube-moved.nii', nifti([10, 10, 10], cube(from), { affine }));
    const { json } = await segloss(['eval', pred, truth, '--surface', '--json', '--tolerance', '2.5']);
    expect(json()[0]!.mean.hausdorff).toBe(millimetres);
    expect(json()[0]!.spacing).toEqual([1, 2, 3]);
    const given = await segloss(['eval', pred, truth, '--surface', '--json', '--spacing', '5,6,7']);
    expect(given.json()[0]!.mean.hausdorff).toBe([5, 6, 7][axis]);
  }
});
