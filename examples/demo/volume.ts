/** The volumes of the demo: NIfTI files, or a phantom when there are none. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { isNIFTI, NIFTI1, readHeader, readImage } from 'nifti-reader-js';
import { random } from '../random.js';

export type Dims = readonly [x: number, y: number, z: number];

/** One patient: the image and which voxels are lesion, x fastest. */
export interface Patient {
  readonly name: string;
  readonly dims: Dims;
  readonly flair: Float32Array;
  readonly lesion: Uint8Array;
}

/** A mistake of the caller's, told without a stack. */
export class UserError extends Error {}

/** Trained on; the other two are what the table is about. */
export const TRAINED = '19';
export const HELD_OUT = ['07', '26'];

const READERS: Record<number, new (buffer: ArrayBuffer) => ArrayLike<number>> = {
  [NIFTI1.TYPE_UINT8]: Uint8Array,
  [NIFTI1.TYPE_INT16]: Int16Array,
  [NIFTI1.TYPE_UINT16]: Uint16Array,
  [NIFTI1.TYPE_FLOAT32]: Float32Array,
  [NIFTI1.TYPE_FLOAT64]: Float64Array,
};

/** The numbers of a .nii.gz file, scaled as its header says. */
function readNifti(path: string): { dims: Dims; data: Float32Array } {
  if (!existsSync(path)) throw new UserError(`${path} does not exist`);
  try {
    const bytes = gunzipSync(readFileSync(path));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    if (!isNIFTI(file)) throw new Error('no NIfTI header');
    const header = readHeader(file);
    const Reader = READERS[header.datatypeCode];
    if (!Reader || !header.littleEndian) throw new Error(`data type ${header.datatypeCode} is not read here`);
    const [, x = 0, y = 0, z = 0] = header.dims;
    const stored = new Reader(readImage(header, file));
    if (stored.length < x * y * z) throw new Error(`${stored.length} of ${x * y * z} voxels are there`);
    const [slope, shift] = [header.scl_slope || 1, header.scl_inter];
    const data = new Float32Array(x * y * z);
    // A loop: Float32Array.from with a function takes a second for a volume.
    for (let i = 0; i < data.length; i++) data[i] = stored[i]! * slope + shift;
    return { dims: [x, y, z], data };
  } catch (error) {
    throw new UserError(`${path} is not a NIfTI volume that can be read: ${(error as Error).message}`);
  }
}

function readPatient(folder: string, number: string): Patient {
  const of = (name: string): string => join(folder, `patient${number}`, `${name}.nii.gz`);
  const { dims, data: flair } = readNifti(of('flair'));
  const lesion = readNifti(of('lesion'));
  if (lesion.dims.join() !== dims.join()) {
    throw new UserError(
      `${of('lesion')} has ${lesion.dims.join(' x ')} voxels, its FLAIR ${dims.join(' x ')}`,
    );
  }
  return {
    name: `patient ${number}`,
    dims,
    flair,
    lesion: new Uint8Array(lesion.data.map((v) => (v > 0 ? 1 : 0))),
  };
}

/** Where `patientNN/` lie under a folder given by the user. */
export function patientsFolder(data: string): string {
  if (!existsSync(data)) throw new UserError(`--data ${data}: no such folder`);
  const found = [data, join(data, 'ms-lesions')].find((folder) =>
    existsSync(join(folder, `patient${TRAINED}`)),
  );
  if (!found) throw new UserError(`--data ${data}: neither it nor its ms-lesions/ holds patient${TRAINED}/`);
  return found;
}

/** One patient after the other, so that only one volume need be in memory. */
export function* readPatients(folder: string): Generator<Patient> {
  for (const number of [TRAINED, ...HELD_OUT]) yield readPatient(folder, number);
}

/** Lesions to be placed, by radius in voxels. */
const PHANTOM_LESIONS: Record<string, readonly number[]> = {
  [TRAINED]: [5, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 1],
  '07': [4, 4, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1],
  '26': [5, 4, 3, 2, 2, 1, 1, 1],
};

/**
 * A head of no one: white matter, a brighter cortex, dark ventricles, noise, and lesions of 0.1-0.2 % of the volume. As in
 * FLAIR, cortex is nearly as bright as lesions, the border of a lesion is soft, and a bright voxel alone says little.
 */
export function* phantom(): Generator<Patient> {
  const dims: Dims = [80, 96, 80];
  const [nx, ny, nz] = dims;
  for (const number of [TRAINED, ...HELD_OUT]) {
    const next = random(Number(number));
    const gauss = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    // In voxels from the middle; the head is an ellipsoid of these half axes.
    const axes = dims.map((n) => n / 2.2) as unknown as Dims;
    const lesions = (PHANTOM_LESIONS[number] ?? []).map((radius) => {
      const [angle, height, out] = [2 * Math.PI * next(), 1.4 * next() - 0.7, 0.3 + 0.35 * next()];
      const at = [out * Math.cos(angle), out * Math.sin(angle), height * (1 - out)].map(
        (t, k) => t * axes[k]!,
      );
      return { radius, at: at as unknown as Dims };
    });
    const flair = new Float32Array(nx * ny * nz);
    const lesion = new Uint8Array(flair.length);
    for (let z = 0, i = 0; z < nz; z++) {
      for (let y = 0; y < ny; y++) {
        for (let x = 0; x < nx; x++, i++) {
          const [a, b, c] = [x - nx / 2, y - ny / 2, z - nz / 2];
          const [u, v, w] = [a / axes[0], b / axes[1], c / axes[2]];
          const depth = Math.sqrt(u * u + v * v + w * w);
          if (depth > 1) continue;
          const side = (Math.abs(u) - 0.12) * 6;
          const ventricle = side * side + 4 * v * v + 9 * w * w < 1;
          let value = ventricle ? 30 : depth > 0.85 ? 118 : 90;
          for (const { radius, at } of lesions) {
            const [dx, dy, dz] = [a - at[0], b - at[1], c - at[2]];
            const away = Math.sqrt(dx * dx + dy * dy + dz * dz) / radius;
            if (away <= 1) lesion[i] = 1;
            if (!ventricle && away < 1.4) value = Math.max(value, 90 + 55 * Math.min(1, 2.4 - away * 1.4));
          }
          flair[i] = value + 10 * gauss();
        }
      }
    }
    yield { name: `phantom ${number}`, dims, flair, lesion };
  }
}
