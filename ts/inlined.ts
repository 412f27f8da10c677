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

/**
 * A module of relaxed instructions; an engine without them refuses it. Its function `f` tells whether their minimum and
 * maximum keep a NaN that comes second, which the standard leaves open: 1, or 0.
 */
export const relaxedProbe = (): Uint8Array<ArrayBuffer> =>
  fromHex(
    '0061736d010000000105016000017f03020100070501016600000a37013501017b4100fd1141808080fe07fd' +
      '11fd8d0222002000fd42fda3014100fd1141808080fe07fd11fd8e0222002000fd42fda301710b',
  );
