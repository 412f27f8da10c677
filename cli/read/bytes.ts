/** A whole file in memory, decompressed where it is gzipped. */
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** How much deflate can make of a byte, at most. */
const LARGEST_RATIO = 1032;

/** Streams into one buffer of the size that the file's last four bytes tell: `gunzipSync` would hold it twice. */
async function gunzip(path: string, compressed: number, told: number): Promise<Buffer> {
  let buffer = Buffer.allocUnsafeSlow(Math.min(told, LARGEST_RATIO * compressed) || 1);
  let filled = 0;
  await pipeline(createReadStream(path), createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      // A file of several gzip members, or of more than 4 GiB, tells less than it holds.
      if (filled + chunk.length > buffer.length) {
        const larger = Buffer.allocUnsafeSlow(2 * (filled + chunk.length));
        buffer.copy(larger, 0, 0, filled);
        buffer = larger;
      }
      filled += chunk.copy(buffer, filled);
    }
  });
  return buffer.subarray(0, filled);
}

export async function bytesOf(path: string): Promise<Buffer> {
  const file = await open(path);
  let gzipped: boolean;
  let size: number;
  const last = Buffer.alloc(4);
  try {
    ({ size } = await file.stat());
    const first = Buffer.alloc(2);
    await file.read(first, 0, 2, 0);
    gzipped = first.readUInt16BE() === 0x1f8b;
    if (gzipped) await file.read(last, 0, 4, Math.max(size - 4, 0));
  } finally {
    await file.close();
  }
  return gzipped ? gunzip(path, size, last.readUInt32LE()) : readFile(path);
}
