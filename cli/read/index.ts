/** Reads a volume, by what its name ends with. */
import { CaseError, messageOf } from '../errors.js';
import { bytesOf } from './bytes.js';
import { readNifti } from './nifti.js';
import { readNpy } from './npy.js';
import { readPng } from './png.js';
import type { Volume } from './volume.js';

const READERS: Readonly<Record<string, (path: string, bytes: Buffer) => Volume>> = {
  '.nii.gz': readNifti,
  '.nii': readNifti,
  '.npy': readNpy,
  '.npy.gz': readNpy,
  '.png': readPng,
};

export const FORMATS = Object.keys(READERS).join(', ');

/** What the name ends with, '' where no reader knows it. */
export function extensionOf(path: string): string {
  const lower = path.toLowerCase();
  return Object.keys(READERS).find((extension) => lower.endsWith(extension)) ?? '';
}

export async function readVolume(path: string): Promise<Volume> {
  const reader = READERS[extensionOf(path)];
  if (reader === undefined) throw new CaseError(`${path} is of no format that is read here (${FORMATS}).`);
  try {
    return reader(path, await bytesOf(path));
  } catch (error) {
    throw new CaseError(`${path} cannot be read: ${messageOf(error)}.`);
  }
}
