/** Every kind of file, and what is said of those that cannot be read. */
import { readFileSync, writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { encode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { nifti, npy, scratch, segloss } from './command.js';

const { write } = scratch();

/** Not symmetric in anything: a wrong axis, stride or byte shows. */
const SHAPE = [3, 4, 5];
const LABELS = Uint8Array.from({ length: 60 }, (_, i) => [0, 1, 2, 0, 7][(i * i + (i >> 2)) % 5]!);
/** The same as LABELS has x fastest, with the last axis fastest. */
const TRANSPOSED = Uint8Array.from({ length: 60 }, (_, i) => {
  const [x, y, z] = [Math.floor(i / 20), Math.floor(i / 5) % 4, i % 5];
  return LABELS[x + 3 * (y + 4 * z)]!;
});
const TRUTH = write('truth.nii', nifti(SHAPE, LABELS));

async function same(pred: string, truth = TRUTH, ...flags: string[]): Promise<void> {
  const { code, json, stderr } = await segloss(['eval', pred, truth, '--json', ...flags]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(json()[0]!.labels.map(({ label, dice, fp, fn }) => [label, dice, fp, fn])).toEqual([
    [1, 1, 0, 0],
    [2, 1, 0, 0],
    [7, 1, 0, 0],
  ]);
}

describe('NIfTI', () => {
  test.each(['u1', 'i2', 'i4', 'i8', 'f4', 'f8'])('%s, either byte order, gzipped', async (kind) => {
    await same(write(`${kind}-le.nii.gz`, nifti(SHAPE, LABELS, { kind })));
    await same(write(`${kind}-be.nii`, nifti(SHAPE, LABELS, { kind, little: false })));
  });

  test('slope and intercept of the header', async () => {
    const stored = LABELS.map((label) => 2 * label + 2);
    await same(write('scaled.nii', nifti(SHAPE, stored, { kind: 'i2', slope: 0.5, intercept: -1 })));
    // What nibabel's automatic scale makes of labels: off by a hair.
    const slope = 7 / 32767;
    const rounded = Float64Array.from(LABELS, (label) => Math.round(label / slope));
    await same(write('rounded.nii', nifti(SHAPE, rounded, { kind: 'i2', slope })));
  });

  test('a fourth axis of length 1', async () => {
    await same(write('four.nii', nifti([...SHAPE, 1], LABELS)));
  });
});

describe('NumPy', () => {
  const truth = write('truth.npy', npy(SHAPE, TRANSPOSED));
  test.each(['|u1', '|b1', '<i2', '>i2', '<i4', '<i8', '>i8', '<f4', '>f8'])('%s', async (descr) => {
    const data = descr === '|b1' ? TRANSPOSED.map((label) => (label > 0 ? 1 : 0)) : TRANSPOSED;
    const path = write(`${descr.replace(/\W/, descr[0] === '>' ? 'b' : 'l')}.npy`, npy(SHAPE, data, descr));
    if (descr !== '|b1') return same(path, truth);
    const { json } = await segloss(['eval', path, truth, '--json', '--foreground']);
    expect(json()[0]!.mean.dice).toBe(1);
  });

  test('half floats', async () => {
    const HALVES: Record<number, number> = { 0: 0, 1: 0x3c00, 2: 0x4000, 7: 0x4700 };
    await same(
      write(
        'f2.npy',
        npy(
          SHAPE,
          Uint16Array.from(TRANSPOSED, (label) => HALVES[label]!),
          '<f2',
        ),
      ),
      truth,
    );
  });

  test('Fortran order, and NIfTI in nibabel’s order', async () => {
    await same(write('fortran.npy', npy(SHAPE, LABELS, '|u1', true)), truth);
    await same(write('c.npy.gz', npy(SHAPE, TRANSPOSED)));
    await same(TRUTH, truth);
  });
});

describe('PNG', () => {
  const [width, height] = [5, 4];
  const data = Uint8Array.from({ length: 20 }, (_, i) => [0, 1, 2, 7, 0, 2][i % 6]!);
  const truth = write('truth.png', Buffer.from(encode({ width, height, data, channels: 1 })));

  test('8 and 16 bits', async () => {
    await same(write('8.png', Buffer.from(encode({ width, height, data, channels: 1 }))), truth);
    const wide = Uint16Array.from(data);
    await same(
      write('16.png', Buffer.from(encode({ width, height, data: wide, channels: 1, depth: 16 }))),
      truth,
    );
  });

  test('4 bits, several to a byte', async () => {
    await same(write('4.png', packedPng(data, width, height)), truth);
  });

  test('RGBA that is grey is read, with colours it is refused', async () => {
    const grey = Uint8Array.from({ length: 80 }, (_, i) => (i % 4 === 3 ? 255 : data[i >> 2]!));
    await same(write('grey.png', Buffer.from(encode({ width, height, data: grey, channels: 4 }))), truth);
    grey[4 * 7] = 99;
    const colour = write('colour.png', Buffer.from(encode({ width, height, data: grey, channels: 4 })));
    const { code, stderr } = await segloss(['eval', colour, truth]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/colour\.png .*grey or palette image.*RGBA.*\(99, \d+, \d+\) at row 1, column 2/);
  });
});

/** A palette image of 4 bits a pixel, which the encoder of the tests cannot write. */
function packedPng(data: Uint8Array, width: number, height: number): Buffer {
  const rows = Array.from({ length: height }, (_, y) => {
    const row = Buffer.alloc(1 + Math.ceil(width / 2));
    for (let x = 0; x < width; x++) row[1 + (x >> 1)]! |= data[y * width + x]! << (x % 2 === 0 ? 4 : 0);
    return row;
  });
  const chunk = (type: string, body: Buffer): Buffer => {
    const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
    const framed = Buffer.alloc(8 + typed.length);
    framed.writeUInt32BE(body.length, 0);
    typed.copy(framed, 4);
    framed.writeUInt32BE(crc32(typed), 4 + typed.length);
    return framed;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([4, 3, 0, 0, 0], 8);
  const palette = Buffer.alloc(48, 5);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const pixels = deflateSync(Buffer.concat(rows));
  const parts = [
    signature,
    chunk('IHDR', header),
    chunk('PLTE', palette),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat(parts);
}

describe('files that cannot be read', () => {
  const whole = nifti(SHAPE, LABELS);
  test.each([
    ['cut.nii', whole.subarray(0, 380), /its header promises 60 bytes of data \(60 × 1\), but 28 are there/],
    ['text.nii', Buffer.from('not a volume'.repeat(50)), /expected a NIfTI header, found none/],
    ['text.npy', Buffer.from('not an array'.repeat(50)), /expected an \.npy header, found none/],
    ['text.png', Buffer.from('not a picture'), /it is no PNG that can be read/],
    ['empty.nii', Buffer.alloc(0), /expected a NIfTI header, found none/],
    ['complex.npy', npy([60], [], '<c8'), /the dtype '<c8'; expected integers, booleans or floats/],
    [
      'half.nii',
      nifti(SHAPE, LABELS, { kind: 'f4', slope: 0.5 }),
      /holds 0\.5 at index \(.*\); expected labels.*--threshold 0\.5/,
    ],
  ])('%s', async (name, bytes, message) => {
    const { code, stderr, stdout } = await segloss(['eval', write(name, bytes), TRUTH]);
    expect(stderr).toMatch(message);
    expect(stderr).toContain(name);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(stdout).toBe('');
    expect(code).toBe(3);
  });

  test('a gzip stream that is cut or damaged', async () => {
    const path = write('whole.nii.gz', whole);
    const bytes = readFileSync(path);
    for (const damaged of [
      bytes.subarray(0, bytes.length - 9),
      Buffer.concat([bytes.subarray(0, 12), Buffer.alloc(40, 7)]),
    ]) {
      writeFileSync(path, damaged);
      const { code, stderr } = await segloss(['eval', path, TRUTH]);
      expect(stderr).toMatch(/whole\.nii\.gz cannot be read: .+/);
      expect(code).toBe(3);
    }
  });
});
