/**
 * The core as text to inline; `ts/inlined.ts` reads it. What counts is the size after gzip, where it is all of the
 * package's weight.
 */
import { ALPHABET as CODES, SINGLES } from '../ts/text.ts';

const ALPHABET = CODES.map((code) => String.fromCharCode(code));

/**
 * The byte values by frequency, in hex; then each byte by its rank there: the 88 most frequent as one character, the
 * others as two. Gzips as small as the bytes themselves; hex is 9 % larger, base64 40 %.
 */
export function encodeText(bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of bytes) counts[byte]++;
  const order = counts.map((_, byte) => byte).sort((a, b) => counts[b] - counts[a] || a - b);
  const code = [];
  order.forEach((byte, rank) => {
    const pair = rank - SINGLES;
    const first = ALPHABET[SINGLES + Math.floor(pair / ALPHABET.length)];
    code[byte] = pair < 0 ? ALPHABET[rank] : first + ALPHABET[pair % ALPHABET.length];
  });
  return Buffer.from(order).toString('hex') + Array.from(bytes, (byte) => code[byte]).join('');
}

/** Shorter matches cost more as a step than as plain bytes (measured over 4…16: gzipped size is least at 8). */
const SHORTEST = 8;

/** Every position at which each run of SHORTEST bytes stands. */
function positions(bytes) {
  const found = new Map();
  for (let i = 0; i + SHORTEST <= bytes.length; i++) {
    const run = bytes.toString('latin1', i, i + SHORTEST);
    if (found.has(run)) found.get(run).push(i);
    else found.set(run, [i]);
  }
  return found;
}

function matchLength(base, i, target, j) {
  let n = 0;
  while (i + n < base.length && j + n < target.length && base[i + n] === target[j + n]) n++;
  return n;
}

/**
 * `target` as a patch on `base`, for builds that are nearly the same code: a tenth of the text. The length, then steps
 * `hex of new bytes , bytes of base to skip (may be negative) , bytes of base to copy`.
 */
export function encodePatch(base, target) {
  const where = positions(base);
  const steps = [];
  let fresh = '';
  let end = 0;
  for (let j = 0; j < target.length;) {
    let [from, length] = [0, 0];
    for (const i of where.get(target.toString('latin1', j, j + SHORTEST)) ?? []) {
      const n = matchLength(base, i, target, j);
      const nearer = Math.abs(i - end) < Math.abs(from - end);
      if (n > length || (n === length && nearer)) [from, length] = [i, n];
    }
    if (length === 0) {
      fresh += target.toString('hex', j, ++j);
      continue;
    }
    steps.push(`${fresh},${from - end},${length}`);
    fresh = '';
    end = from + length;
    j += length;
  }
  return [target.length, ...steps, `${fresh},0,0`].join(';');
}
