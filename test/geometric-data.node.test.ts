/** A real lesion: torch, MONAI and scipy beside the geometric losses, where the data lies beside the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import expected from './oracle-geometric/patients.json' with { type: 'json' };
import { make } from './twin/compare.js';

const folder = fileURLToPath(new URL('../../shared/data/ms-lesions/', import.meta.url));
const absent = existsSync(folder) ? '' : ' (skipped: ../shared/data is absent)';
const shape = [1, 1, 182, 218, 182];

/** The bytes behind a NIfTI header of a mask, or of 16-bit logits. */
function content(path: string): ArrayBuffer {
  const file = gunzipSync(readFileSync(folder + path));
  return file.buffer.slice(file.byteOffset + file.readFloatLE(108), file.byteOffset + file.length);
}

describe.each(expected.patients)(`$patient${absent}`, ({ patient, step, losses }) => {
  test.skipIf(absent !== '').each(losses)('$loss', ({ loss, options, value, grad, largest, absolute }) => {
    const mask = new Uint8Array(content(`${patient}/lesion.nii.gz`));
    const logits = new Float32Array(new Int16Array(content(`${patient}/baseline-logits.nii.gz`)));
    logits.forEach((z, i) => (logits[i] = z / 1024));
    const found = make({ name: loss, options }).valueAndGrad(logits, mask, { shape });
    const { value: relative, gradient } = expected.tolerance;
    expect(Math.abs(found.value - value)).toBeLessThanOrEqual(relative * Math.abs(value));
    const errors = grad.map((g, i) => Math.abs(g - (found.grad[i * step] ?? NaN)));
    expect(Math.max(...errors)).toBeLessThanOrEqual(gradient * largest);
    const sum = found.grad.reduce((total, g) => total + Math.abs(g), 0);
    expect(Math.abs(sum - absolute)).toBeLessThanOrEqual(gradient * absolute);
  });
});
