/** Real volumes, where they lie beside the repository: counts equal to numpy's, within the memory that is promised. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import real from '../oracle-metrics/patients.json' with { type: 'json' };
import { scratch, segloss } from './command.js';
import numpy from './counts.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '..', '..');
const DATA = join(ROOT, '..', 'shared', 'data');
const LESIONS = join(DATA, 'ms-lesions');
const absent = existsSync(LESIONS) ? '' : ' (skipped: ../shared/data is absent)';
const ATLAS = '/usr/share/mricron/templates/aal.nii.gz';
const noAtlas = existsSync(ATLAS) ? '' : ' (skipped: no Debian package mricron-data)';

const { folder } = scratch();
const MEGABYTE = 1e6;

/** Each voxel moved to the next place in memory. */
function shift(from: string, to: string): void {
  const file = gunzipSync(readFileSync(from));
  const [width, start] = [file.readInt16LE(72) / 8, file.readFloatLE(108)];
  const last = Buffer.from(file.subarray(-width));
  file.copyWithin(start + width, start, file.length - width);
  last.copy(file, start);
  writeFileSync(to, gzipSync(file, { level: 1 }));
}

/** The largest resident memory of the process, as Node itself says it at the end. */
const PEAK = `data:text/javascript,process.on('exit',()=>console.error('PEAK',process.resourceUsage().maxRSS*1024))`;

async function measured(args: string[]): Promise<Awaited<ReturnType<typeof segloss>> & { peak: number }> {
  const result = await segloss(args, undefined, ['--import', PEAK]);
  return { ...result, peak: Number(/^PEAK (\d+)$/m.exec(result.stderr)?.[1]) };
}

const counts = ({ label, tp, fp, fn, tn }: Record<string, unknown>): unknown[] => [label, tp, fp, fn, tn];

describe(`30 patients${absent}`, () => {
  const skip = absent !== '';

  test.skipIf(skip)('baselines and shifted copies: every count as numpy has it, on two workers', async () => {
    const [preds, truths] = [join(folder, 'preds'), join(folder, 'truths')];
    mkdirSync(preds);
    mkdirSync(truths);
    for (const name of Object.keys(numpy.patients)) {
      const truth = join(LESIONS, name, 'lesion.nii.gz');
      cpSync(truth, join(truths, `${name}.nii.gz`));
      shift(truth, join(preds, `${name}.nii.gz`));
    }
    const start = performance.now();
    const patterns = ['--pred-pattern', '{case}/baseline-logits', '--truth-pattern', '{case}/lesion'];
    const baselines = await segloss([
      'eval',
      LESIONS,
      LESIONS,
      ...patterns,
      '--threshold',
      '0',
      '--json',
      '--jobs',
      '2',
    ]);
    const shifted = await segloss(['eval', preds, truths, '--json', '--jobs', '2']);
    console.log(
      `30 patients, 217 million voxels, --jobs 2: ${((performance.now() - start) / 1000).toFixed(1)} s`,
    );
    expect([baselines.code, shifted.code, shifted.stderr]).toEqual([0, 0, '']);

    interface Entry {
      path: string;
      metrics?: { 'at0.5': Record<string, number> };
    }
    const manifest = JSON.parse(readFileSync(join(DATA, 'MANIFEST.json'), 'utf8')) as { files: Entry[] };
    const cases = baselines.json().filter((line) => line.case !== undefined);
    expect(cases.map((line) => line.case)).toEqual(['patient07', 'patient19', 'patient26']);
    for (const line of cases) {
      const {
        threshold: _,
        iou,
        ...at
      } = manifest.files.find(({ path }) => path.endsWith(`${line.case}/baseline-logits.nii.gz`))!.metrics![
        'at0.5'
      ];
      expect(line.labels).toMatchObject([{ ...at, jaccard: iou }]);
    }
    const found = shifted.json().filter((line) => line.case !== undefined);
    expect(Object.fromEntries(found.map((line) => [line.case, line.labels.map(counts)]))).toEqual(
      numpy.patients,
    );
    expect(found).toHaveLength(27);
  });

  test.skipIf(skip).each(real.patients)(
    '$patient: surfaces and lesions as scipy has them, in 300 MB',
    async (one) => {
      const path = join(LESIONS, one.patient);
      const pair = [join(path, 'baseline-logits.nii.gz'), join(path, 'lesion.nii.gz')];
      for (const surface of ['voxels', 'surfels'] as const) {
        const flag = surface === 'voxels' ? '--surface' : '--surfels';
        const args = ['eval', ...pair, '--threshold', '0', flag, '--tolerance', '1.5', '--lesions', '--json'];
        const { json, peak } = await measured(args);
        const { hausdorff, hausdorff95, symmetricAverageDistance, surfaceDice, ...row } =
          json()[0]!.labels[0]!;
        const right = one.surfaces[surface];
        for (const [value, expected] of [
          [hausdorff, right.hausdorff],
          [hausdorff95, right.hausdorff95],
          [symmetricAverageDistance, right.symmetricAverageDistance],
          [surfaceDice, right.surfaceDice],
        ] as const) {
          expect(Math.abs((value as number) - expected)).toBeLessThanOrEqual(real.tolerance * expected);
        }
        expect([row['lesionHits'], row['lesionMisses'], row['lesionFalseAlarms']]).toEqual(one.lesions);
        console.log(`${one.patient}, ${flag} --lesions: ${(peak / MEGABYTE).toFixed(0)} MB`);
        expect(peak).toBeLessThan(300 * MEGABYTE);
      }
    },
  );

  test.skipIf(skip)('the losses of the logits, in 300 MB', async () => {
    const path = join(LESIONS, 'patient19');
    const loss = '{"name":"binaryCrossEntropyLoss","options":{}}';
    const { json, peak } = await measured([
      'loss',
      join(path, 'baseline-logits.nii.gz'),
      join(path, 'lesion.nii.gz'),
      '--loss',
      loss,
      '--json',
    ]);
    expect(json()[0]!.value).toBeCloseTo(0.01947266022595592, 9);
    console.log(`patient19, loss: ${(peak / MEGABYTE).toFixed(0)} MB`);
    expect(peak).toBeLessThan(300 * MEGABYTE);
  });
});

test.skipIf(noAtlas !== '')(
  `AAL, 116 labels, against itself shifted by a voxel: as numpy counts${noAtlas}`,
  async () => {
    const pred = join(folder, 'aal.nii.gz');
    shift(ATLAS, pred);
    const { json, peak } = await measured(['eval', pred, ATLAS, '--json']);
    expect(json()[0]!.labels.map(counts)).toEqual(numpy.aal);
    console.log(`AAL: ${(peak / MEGABYTE).toFixed(0)} MB, mean Dice ${json()[0]!.mean.dice}`);
    expect(peak).toBeLessThan(300 * MEGABYTE);
  },
);
