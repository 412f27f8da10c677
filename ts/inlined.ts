/**
 * The core's bytes out of the text inlined in the package: no fetch, so the first call can be synchronous.
 *
 * @module
 */
import { relaxedPatch } from './core/relaxed.js';
import { simd128Text } from './core/simd128.js';
import { fromHex, fromText } from './text.js';

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
