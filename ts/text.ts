/** Bytes out of the text in which they are inlined. */

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Printable ASCII less what a string literal may have to escape; the last two begin a pair. */
export const ALPHABET = Array.from({ length: 95 }, (_, i) => 32 + i).filter(
  (code) => !'\\\'"`$'.includes(String.fromCharCode(code)),
);
export const SINGLES = ALPHABET.length - 2;

/** See `encodeText` in scripts/inline.mjs. */
export function fromText(text: string): Uint8Array<ArrayBuffer> {
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
