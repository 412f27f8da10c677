/** Real lesions: predictions and truths of three patients, where the data lies beside the repository. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { confusionMatrix, lesions, surfaceDistances } from '../ts/metrics/index.js';
import expected from './oracle-metrics/patients.json' with { type: 'json' };

const folder = fileURLToPath(new URL('../../shared/data/ms-lesions/', import.meta.url));
const absent = existsSync(folder) ? '' : ' (skipped: ../shared/data is absent)';

/** The voxels of a NIfTI file of bytes (masks) or 16-bit integers (logits), x fastest. */
function voxels(path: string): Uint8Array | Int16Array {
  const file = gunzipSync(readFileSync(folder + path));
  const header = new DataView(file.buffer, file.byteOffset, 352);
  const data = file.buffer.slice(
    file.byteOffset + header.getFloat32(108, true),
    file.byteOffset + file.length,
  );
  return header.getInt16(70, true) === 2 ? new Uint8Array(data) : new Int16Array(data);
}

describe(`patients${absent}`, () => {
  test.skipIf(absent !== '').each(expected.patients)('$patient', (one) => {
    const target = voxels(`${one.patient}/lesion.nii.gz`);
    const pred = Uint8Array.from(voxels(`${one.patient}/baseline-logits.nii.gz`), (logit) =>
      logit >= 0 ? 1 : 0,
    );
    const matrix = confusionMatrix(pred, target, { classes: 2 });
    expect(matrix.counts(1)).toEqual(one.counts);
    const shape = [182, 218, 182];
    for (const [surface, right] of Object.entries(one.surfaces)) {
      const measured = surfaceDistances(pred, target, { shape, surface: surface as 'voxels' | 'surfels' });
      const found = {
        hausdorff: measured.hausdorff(),
        hausdorff95: measured.hausdorff(95),
        averageDistance: measured.averageDistance(),
        symmetricAverageDistance: measured.symmetricAverageDistance(),
        surfaceDice: measured.surfaceDice(1.5),
      };
      for (const [name, value] of Object.entries(right)) {
        const error = Math.abs(found[name as keyof typeof found] - value);
        expect(error, `${surface} ${name}`).toBeLessThanOrEqual(expected.tolerance * value);
      }
    }
    const { hits, misses, falseAlarms } = lesions(pred, target, { shape });
    expect([hits, misses, falseAlarms]).toEqual(one.lesions);
  });
});

interface Manifest {
  readonly files: readonly { readonly path: string; readonly components26?: { readonly count: number } }[];
}

test.skipIf(absent !== '')(`as many lesions as the data's own manifest counts${absent}`, () => {
  const { files } = JSON.parse(readFileSync(`${folder}../MANIFEST.json`, 'utf8')) as Manifest;
  const masks = files.filter(({ path }) => /^ms-lesions\/.*lesion\.nii\.gz$/.test(path));
  expect(masks.length).toBe(30);
  for (const { path, components26 } of masks) {
    const mask = voxels(path.slice('ms-lesions/'.length));
    const { hits, misses } = lesions(mask, mask, { shape: [182, 218, 182] });
    expect([hits, misses], path).toEqual([components26?.count, 0]);
  }
});
