/** Numbers of a file as a typed array: any width, either byte order, 64-bit integers and half floats narrowed. */
import { endianness } from 'node:os';
import { CaseError } from '../errors.js';
import type { Elements } from './volume.js';

export type Kind = 'u1' | 'i1' | 'u2' | 'i2' | 'u4' | 'i4' | 'u8' | 'i8' | 'f2' | 'f4' | 'f8';

type Stored = Elements | BigInt64Array | BigUint64Array;

const ARRAYS: Record<Kind, new (buffer: ArrayBufferLike, offset: number, length: number) => Stored> = {
  u1: Uint8Array,
  i1: Int8Array,
  u2: Uint16Array,
  i2: Int16Array,
  u4: Uint32Array,
  i4: Int32Array,
  u8: BigUint64Array,
  i8: BigInt64Array,
  f2: Uint16Array,
  f4: Float32Array,
  f8: Float64Array,
};

/** `count` numbers of a file from byte `start`; the bytes are the caller's no more, they may be swapped in place. */
export function elementsOf(
  kind: Kind,
  bytes: Buffer,
  start: number,
  count: number,
  littleEndian: boolean,
): Elements {
  const width = Number(kind[1]);
  const needed = count * width;
  const there = bytes.length - start;
  if (there < needed) {
    throw new CaseError(
      `its header promises ${needed} bytes of data (${count} × ${width}), but ${Math.max(there, 0)} are there; the file is cut short`,
    );
  }
  let part = bytes.subarray(start, start + needed);
  // A typed array must begin at a multiple of its width.
  if (part.byteOffset % width !== 0) part = Buffer.from(new Uint8Array(part).buffer);
  if (width > 1 && littleEndian !== (endianness() === 'LE')) {
    if (width === 2) part.swap16();
    else if (width === 4) part.swap32();
    else part.swap64();
  }
  const stored = new ARRAYS[kind](part.buffer, part.byteOffset, count);
  if (stored instanceof BigInt64Array || stored instanceof BigUint64Array) return narrowed(stored);
  return kind === 'f2' ? widened(stored as Uint16Array) : stored;
}

/** 64-bit integers as floats, which hold every integer up to 2⁵³; as 32-bit ones where they fit, as labels do. */
function narrowed(stored: BigInt64Array | BigUint64Array): Int32Array | Float64Array {
  const words = new Int32Array(stored.buffer, stored.byteOffset, 2 * stored.length);
  const [low, high] = endianness() === 'LE' ? [0, 1] : [1, 0];
  const narrow = new Int32Array(stored.length);
  for (let i = 0; i < narrow.length; i++) {
    const word = words[2 * i + low]!;
    if (words[2 * i + high] !== word >> 31) return Float64Array.from(stored as BigInt64Array, Number);
    narrow[i] = word;
  }
  return narrow;
}

function widened(bits: Uint16Array): Float32Array {
  const table = Float32Array.from({ length: 65536 }, (_, half) => {
    const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
  });
  const wide = new Float32Array(bits.length);
  for (let i = 0; i < wide.length; i++) wide[i] = table[bits[i]!]!;
  return wide;
}
