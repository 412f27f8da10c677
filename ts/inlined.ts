/**
 * The core's bytes out of the text inlined in the package: no fetch, so the first call can be synchronous.
 *
 * @module
 */
import { relaxedPatch } from './core/relaxed.js';
import { simd128Text } from './core/simd128.js';

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Printable ASCII less what a string literal may have to escape; the last two begin a pair. */
const ALPHABET = Array.from({ length: 95 }, (_, i) => 32 + i).filter(
  (code) => !'\\\'"`$'.includes(String.fromCharCode(code)),
);
const SINGLES = ALPHABET.length - 2;

/** See `encodeText` in scripts/inline.mjs. */
function fromText(text: string): Uint8Array<ArrayBuffer> {
  const header = 512;
  const order = fromHex(text.slice(0, header));
  const ranks = new Uint8Array(128);
  ALPHABET.forEach((code, rank) => (ranks[code] = rank));
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = header; i < text.length; i++) {
    let rank = ranks[text.charCodeAt(i)]!;
    if (rank >= SINGLES) {
      rank = SINGLES + (rank - SINGLES) * ALPHABET.length + ranks[text.charCodeAt(++i)]!;
    }
    bytes[length++] = order[rank]!;
  }
  return bytes.slice(0, length);
}

/** See `encodePatch` in scripts/inline.mjs. */
function applyPatch(base: Uint8Array, patch: string): Uint8Array<ArrayBuffer> {
  const [size, ...steps] = patch.split(';');
  const bytes = new Uint8Array(Number(size));
  let to = 0;
  let from = 0;
  for (const step of steps) {
    const [hex = '', skip, count] = step.split(',');
    bytes.set(fromHex(hex), to);
    to += hex.length / 2;
    from += Number(skip);
    const end = from + Number(count);
    bytes.set(base.subarray(from, end), to);
    to += end - from;
    from = end;
  }
  return bytes;
}

/** The module of a build. */
export function inlinedCore(build: 'simd128' | 'relaxed'): Uint8Array<ArrayBuffer> {
  const base = fromText(simd128Text);
  return build === 'relaxed' ? applyPatch(base, relaxedPatch) : base;
}

/** The smallest module that uses a relaxed instruction; an engine without them refuses it. */
export const relaxedProbe = (): Uint8Array<ArrayBuffer> =>
  fromHex('0061736d0100000001080160037b7b7b017b030201000a0d010b00200020012002fd85020b');
