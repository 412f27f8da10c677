/** From a volume to one row of features for each voxel of the brain. */
import type { Dims, Patient } from './volume.js';

export const FEATURES = 6;

/** The voxels of a brain, in the order of the volume. */
export interface Brain {
  readonly name: string;
  readonly dims: Dims;
  /** Where each of them lies in the volume. */
  readonly voxels: Uint32Array;
  /** `[voxels, FEATURES]` */
  readonly features: Float32Array;
  readonly lesion: Uint8Array;
  /** Lesion voxels of the whole volume; a few may lie outside the brain and can only be missed. */
  readonly lesionVoxels: number;
  /** Which tiny lesion a voxel belongs to, from 1; 0: none. */
  readonly tiny: Uint16Array;
  readonly tinyCount: number;
  readonly flair: Float32Array;
}

/** A lesion of at most so many voxels is called tiny. */
export const TINY = 20;

/** Mean over a cube of 2·radius + 1 voxels, twice: near a Gaussian, in a time that does not depend on the radius. */
function smooth(volume: Float32Array, [nx, ny, nz]: Dims, radius: number): Float32Array {
  const result = volume.slice();
  const axes = [
    { length: nx, step: 1, starts: lines(ny, nx, nz, nx * ny) },
    { length: ny, step: nx, starts: lines(nx, 1, nz, nx * ny) },
    { length: nz, step: nx * ny, starts: lines(nx, 1, ny, nx) },
  ];
  for (const { length, step, starts } of axes) {
    const line = new Float64Array(length + 2 * radius + 1);
    for (const start of starts) {
      for (let repeat = 0; repeat < 2; repeat++) {
        for (let i = 0; i < length; i++) line[radius + 1 + i] = result[start + i * step]!;
        let sum = 0;
        for (let i = 0; i < 2 * radius; i++) sum += line[1 + i]!;
        for (let i = 0; i < length; i++) {
          sum += line[i + 2 * radius + 1]! - (i === 0 ? 0 : line[i]!);
          result[start + i * step] = sum / (2 * radius + 1);
        }
      }
    }
  }
  return result;
}

/** Where the lines along one axis start. */
function* lines(countA: number, stepA: number, countB: number, stepB: number): Generator<number> {
  for (let b = 0; b < countB; b++) for (let a = 0; a < countA; a++) yield a * stepA + b * stepB;
}

/** The part of a volume that holds the brain, so that smoothing does not spend its time on air. */
function crop({ dims: [nx, ny, nz], flair }: Patient): { from: Dims; size: Dims } {
  const low = [nx, ny, nz];
  const high = [0, 0, 0];
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        if (flair[i] === 0) continue;
        if (x < low[0]!) low[0] = x;
        if (y < low[1]!) low[1] = y;
        if (z < low[2]!) low[2] = z;
        if (x > high[0]!) high[0] = x;
        if (y > high[1]!) high[1] = y;
        if (z > high[2]!) high[2] = z;
      }
    }
  }
  const size = high.map((h, k) => Math.max(1, h - low[k]! + 1)) as unknown as Dims;
  return { from: low as unknown as Dims, size };
}

/** Median and spread (a quarter to three quarters): robust against lesions, fluid and the scanner's scale. */
function spreadOf(values: Float32Array): { middle: number; spread: number } {
  const sorted = values.slice().sort();
  const [low = 0, middle = 0, high = 1] = [0.25, 0.5, 0.75].map(
    (part) => sorted[Math.floor(part * sorted.length)]!,
  );
  return { middle, spread: high - low || 1 };
}

/** Connected lesions (26 neighbours) of at most `TINY` voxels. */
function tinyLesions(lesion: Uint8Array, [nx, ny, nz]: Dims): { labels: Uint16Array; count: number } {
  const labels = new Uint16Array(lesion.length);
  const seen = new Uint8Array(lesion.length);
  let count = 0;
  for (let start = lesion.indexOf(1); start >= 0; start = lesion.indexOf(1, start + 1)) {
    if (seen[start]) continue;
    const members = [start];
    seen[start] = 1;
    for (const member of members) {
      const [x, y, z] = [member % nx, Math.floor(member / nx) % ny, Math.floor(member / (nx * ny))];
      for (let k = Math.max(0, z - 1); k <= Math.min(nz - 1, z + 1); k++) {
        for (let j = Math.max(0, y - 1); j <= Math.min(ny - 1, y + 1); j++) {
          for (let i = Math.max(0, x - 1); i <= Math.min(nx - 1, x + 1); i++) {
            const at = i + nx * (j + ny * k);
            if (!lesion[at] || seen[at]) continue;
            seen[at] = 1;
            members.push(at);
          }
        }
      }
    }
    if (members.length > TINY) continue;
    count++;
    for (const member of members) labels[member] = count;
  }
  return { labels, count };
}

/**
 * Of every voxel whose FLAIR is not 0: intensity against the median, its mean over about 1, 3 and 8 voxels around
 * (of the brain alone: nothing leaks in from outside), the local contrast (standard deviation over 3), and the share of brain
 * among the voxels around, which tells the bright rim of the cortex from the inside.
 */
export function brainOf(patient: Patient): Brain {
  const { dims, flair, name } = patient;
  const { from, size } = crop(patient);
  const [sx, sy, sz] = size;
  const inside = new Float32Array(sx * sy * sz);
  const place = new Uint32Array(inside.length);
  for (let z = 0, i = 0; z < sz; z++) {
    for (let y = 0; y < sy; y++) {
      for (let x = 0; x < sx; x++, i++) {
        place[i] = from[0] + x + dims[0] * (from[1] + y + dims[1] * (from[2] + z));
        inside[i] = flair[place[i]!] === 0 ? 0 : 1;
      }
    }
  }
  const here = Uint32Array.from(inside.keys()).filter((i) => inside[i] === 1);
  const { middle, spread } = spreadOf(Float32Array.from(here, (i) => flair[place[i]!]!));
  const z0 = new Float32Array(inside.length);
  for (const i of here) z0[i] = Math.max(-8, Math.min(8, (flair[place[i]!]! - middle) / spread));

  const share = [1, 3, 8].map((radius) => smooth(inside, size, radius));
  const means = [1, 3, 8].map((radius) => smooth(z0, size, radius));
  const squares = smooth(
    z0.map((z) => z * z),
    size,
    3,
  );
  const features = new Float32Array(here.length * FEATURES);
  here.forEach((i, row) => {
    const [mean1, mean3, mean8] = means.map((mean, k) => mean[i]! / share[k]![i]!);
    const contrast = Math.sqrt(Math.max(0, squares[i]! / share[1]![i]! - mean3! ** 2));
    features.set([z0[i]!, mean1!, mean3!, mean8!, contrast, 4 * share[2]![i]! - 3], row * FEATURES);
  });
  const voxels = here.map((i) => place[i]!);
  const { labels, count } = tinyLesions(patient.lesion, dims);
  return {
    name,
    dims,
    voxels,
    features,
    lesion: Uint8Array.from(voxels, (v) => patient.lesion[v]!),
    lesionVoxels: patient.lesion.reduce((sum, g) => sum + g, 0),
    tiny: Uint16Array.from(voxels, (v) => labels[v]!),
    tinyCount: count,
    flair,
  };
}
