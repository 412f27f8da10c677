/** Windows of 64 × 64 pixels out of real slices, each with some lesion: what the framework examples train and test on. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Patient, patientsFolder, phantom, readPatients, TRAINED } from './demo/volume.js';
import { random } from './random.js';

export const SIZE = 64;

/** Images, normalised over the head, and masks: `count` windows one after the other. */
export interface Windows {
  readonly name: string;
  readonly count: number;
  readonly images: Float32Array;
  readonly masks: Float32Array;
}

/** Windows that hold a lesion voxel drawn at random, anywhere in them. */
function cut({ name, dims, flair, lesion }: Patient, count: number): Windows {
  const next = random(7);
  const [nx, ny] = dims;
  const head = flair.filter((v) => v > 0);
  const mean = head.reduce((sum, v) => sum + v, 0) / head.length;
  const deviation = Math.sqrt(head.reduce((sum, v) => sum + (v - mean) ** 2, 0) / head.length);
  const voxels = Uint32Array.from(lesion.keys()).filter((i) => lesion[i] === 1);
  const images = new Float32Array(count * SIZE * SIZE);
  const masks = new Float32Array(images.length);
  const start = (at: number, size: number): number =>
    Math.min(Math.max(at - Math.floor(SIZE * next()), 0), size - SIZE);
  for (let w = 0; w < count; w++) {
    const voxel = voxels[Math.floor(next() * voxels.length)] ?? 0;
    const [x, y, z] = [voxel % nx, Math.floor(voxel / nx) % ny, Math.floor(voxel / (nx * ny))];
    const [left, top] = [start(x, nx), start(y, ny)];
    for (let i = 0; i < SIZE * SIZE; i++) {
      const from = (z * ny + top + Math.floor(i / SIZE)) * nx + left + (i % SIZE);
      images[w * SIZE * SIZE + i] = ((flair[from] ?? 0) - mean) / deviation;
      masks[w * SIZE * SIZE + i] = lesion[from] ?? 0;
    }
  }
  return { name, count, images, masks };
}

/** Of one patient to train on and of two others to test on; of phantoms where there is no data. */
export function readWindows(count: number): { train: Windows; test: Windows[] } {
  const data = fileURLToPath(new URL('../../shared/data', import.meta.url));
  const patients = existsSync(data) ? readPatients(patientsFolder(data)) : phantom();
  const all = Array.from(patients, (patient) => cut(patient, count));
  const train = all.find(({ name }) => name.endsWith(TRAINED));
  if (!train) throw new Error(`no patient ${TRAINED}`);
  return { train, test: all.filter((windows) => windows !== train) };
}

/** Dice of the pixels whose logit is above 0 with the masks, over all windows together. */
export function lesionDice(logits: ArrayLike<number>, masks: Float32Array): number {
  let [both, found] = [0, 0];
  const marked = masks.reduce((sum, g) => sum + g, 0);
  for (let i = 0; i < masks.length; i++) {
    if ((logits[i] ?? 0) <= 0) continue;
    found++;
    both += masks[i] ?? 0;
  }
  return (2 * both) / (found + marked);
}
