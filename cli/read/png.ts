/** PNG masks: grey (the value is the label), palette (the index is), or colours that are all grey. */
import { type DecodedPng, decode } from 'fast-png';
import { CaseError } from '../errors.js';
import type { Elements, Volume } from './volume.js';

/** Values of 1, 2 or 4 bits, several to a byte, each row beginning a byte. */
function unpacked({ data, width, height, depth }: DecodedPng): Uint8Array {
  const result = new Uint8Array(width * height);
  const rowBytes = Math.ceil((width * depth) / 8);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const shift = 8 - depth - (bit % 8);
      result[y * width + x] = (data[y * rowBytes + (bit >> 3)]! >> shift) & ((1 << depth) - 1);
    }
  }
  return result;
}

/** The first of several channels, where they tell no colour. */
function grey({ data, width, height, channels }: DecodedPng): Elements {
  const result =
    data instanceof Uint16Array ? new Uint16Array(width * height) : new Uint8Array(width * height);
  const colours = channels >= 3 ? 3 : 1;
  for (let i = 0; i < result.length; i++) {
    const value = data[i * channels]!;
    for (let c = 1; c < colours; c++) {
      if (data[i * channels + c] === value) continue;
      const colour = [...data.subarray(i * channels, i * channels + 3)];
      throw new CaseError(
        `expected a grey or palette image, whose values are labels; got ${channels === 4 ? 'RGBA' : 'RGB'} with the colour (${colour.join(', ')}) at row ${Math.floor(i / width)}, column ${i % width}; save the label map itself, not its picture`,
      );
    }
    result[i] = value;
  }
  return result;
}

export function readPng(path: string, bytes: Buffer): Volume {
  let png: DecodedPng;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (error) {
    throw new CaseError(`it is no PNG that can be read: ${(error as Error).message}; the file is damaged`);
  }
  const data = png.depth < 8 ? unpacked(png) : png.channels > 1 ? grey(png) : (png.data as Elements);
  return { path, data, shape: [png.height, png.width], order: 'C' };
}
